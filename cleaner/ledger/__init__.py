"""What was intended and what came of it, durably; and what is known of digests, which may be lost."""
