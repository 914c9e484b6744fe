"""What a person may have meant who named something that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from cleaner.retention.words import safe


def did_you_mean(asked: str, known: Iterable[str], otherwise: str) -> str:
    """The few of the known names that are nearest to what was asked for, as a question; `otherwise` where none is."""
    near = ", ".join(safe(name) for name in get_close_matches(asked, [*known], n=3, cutoff=0.5))
    return f"Did you mean: {near}?" if near else otherwise
