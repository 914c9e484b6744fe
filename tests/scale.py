"""How much a test tries: all that it says, or a part of it where hypothesis is told to try less (`make mutants`)."""

from __future__ import annotations

from hypothesis import settings


def scaled(count: int) -> int:
    """So many where hypothesis tries its usual hundred examples, and in proportion where it tries fewer."""
    return max(1, count * settings().max_examples // 100)
