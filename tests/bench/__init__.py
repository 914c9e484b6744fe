"""Benchmarks: programs that print ratios. Nothing here is a test, and nothing passes or fails by the clock."""
