"""Durations, sizes and shares as people write them, both ways (policy page, last line)."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from fractions import Fraction

LONGEST = timedelta(days=36525)
"""100 years: a longer age is a slip, and one that overflows keeps nothing or all."""

_DURATION = re.compile(r"(0|[1-9][0-9]{0,11})([smhdw])")
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(B|[kKMGT]B|[KMGT]iB)")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,12})?)%")
_PREFIXES = "KMGT"


class NotAsExpected(ValueError):
    """A value of the configuration that is not what its key expects: `expected` in words, and a hint."""

    def __init__(self, expected: str, hint: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.hint = hint


def parse_duration(value: object) -> timedelta:
    """The duration that `90s`, `15m`, `36h`, `14d` or `8w` says; zero is a duration.

    Raises:
        NotAsExpected: it says none, or one above 100 years.
    """
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise NotAsExpected("a duration such as 90s, 15m, 36h, 14d or 8w")
    seconds = int(match[1]) * _SECONDS[match[2]]
    if seconds > LONGEST.total_seconds():
        raise NotAsExpected("a duration of at most 100 years")
    return timedelta(seconds=seconds)


def duration_text(duration: timedelta) -> str:
    """The duration in the largest unit that divides it; whole seconds only."""
    seconds = int(duration.total_seconds())
    unit = next((unit for unit, length in _SECONDS.items() if seconds and seconds % length == 0), "s")
    return f"{seconds // _SECONDS[unit]}{unit}"


def parse_size(value: object) -> int:
    """The bytes that `0B`, `500MB` (decimal) or `20GiB` (binary) says; a part of a byte counts as one.

    Raises:
        NotAsExpected: it says none.
    """
    match = _SIZE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise NotAsExpected("a size such as 0B, 500MB or 20GiB")
    base = Fraction(1024 if match[2].endswith("iB") else 1000)
    power = _PREFIXES.find(match[2][0].upper()) + 1  # of a bare B: -1 + 1
    return math.ceil(Fraction(match[1]) * base**power)


def size_text(size: int) -> str:
    """The bytes in the largest binary unit that divides them."""
    power = next((power for power in range(len(_PREFIXES), 0, -1) if size and size % 1024**power == 0), 0)
    return f"{size // 1024**power}{_PREFIXES[power - 1]}iB" if power else f"{size}B"


def parse_share(value: object) -> Fraction:
    """The exact share that `20%` or `12.5%` says, from 0% to 100%.

    Raises:
        NotAsExpected: it says none, or more than 100%.
    """
    match = _SHARE.fullmatch(value) if isinstance(value, str) else None
    share = Fraction(match[1]) / 100 if match else None
    if share is None or share > 1:
        raise NotAsExpected("a share from 0% to 100%, such as 20%")
    return share


def share_text(share: Fraction) -> str:
    """The share in percent; exact where the percents have a finite decimal."""
    percents = share * 100
    return f"{percents.numerator if percents.denominator == 1 else float(percents)}%"
