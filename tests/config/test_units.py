"""Durations, sizes and shares: what people write, exactly."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.config.units import (
    NotAsExpected,
    duration_text,
    parse_duration,
    parse_share,
    parse_size,
    share_text,
    size_text,
)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("0s", timedelta(0)),
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("36h", timedelta(hours=36)),
        ("14d", timedelta(days=14)),
        ("8w", timedelta(weeks=8)),
        ("36525d", timedelta(days=36525)),
    ],
)
def test_a_duration_is_a_number_and_one_unit(text: str, duration: timedelta) -> None:
    """Seconds, minutes, hours, days, weeks; `m` is minutes, and 100 years are the longest."""
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "value", ["", "14", 14, "d", "-1d", "+1d", "014d", "1.5d", "1y", "1M", "1h30m", "14 d", "14d\n", "\u0661d", None]
)
def test_anything_else_is_no_duration(value: object) -> None:
    """No sign, no fraction, no second unit, no months or years, no digits but ASCII."""
    with pytest.raises(NotAsExpected, match="a duration such as"):
        parse_duration(value)


@pytest.mark.parametrize("text", ["36526d", "999999d", "5218w", "876601h", "999999999999w"])
def test_an_age_above_100_years_is_refused(text: str) -> None:
    """A slip that would overflow elsewhere, and then match everything, does not get past the file."""
    with pytest.raises(NotAsExpected, match="at most 100 years"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=36525 * 86400))
def test_a_duration_reads_back_as_it_was_written(seconds: int) -> None:
    """Writing and reading are inverse for every duration that a file can hold."""
    assert parse_duration(duration_text(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0B", 0),
        ("7B", 7),
        ("1kB", 1000),
        ("1KB", 1000),
        ("500MB", 500_000_000),
        ("2GB", 2_000_000_000),
        ("1TB", 10**12),
        ("1KiB", 1024),
        ("100MiB", 104_857_600),
        ("20GiB", 21_474_836_480),
        ("1TiB", 2**40),
        ("1.5GiB", 1_610_612_736),
        ("0.1KiB", 103),
    ],
)
def test_a_size_is_a_number_and_a_unit(text: str, size: int) -> None:
    """Units from kB to TB are decimal, from KiB to TiB binary; a part of a byte counts as a byte."""
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "value", ["", "0", 100, "1", "MiB", "-1B", "1 MB", "1mb", "1M", "1PiB", "1kiB", ".5MB", "1.MB", None]
)
def test_anything_else_is_no_size(value: object) -> None:
    """A number without a unit could be anything, so it is nothing."""
    with pytest.raises(NotAsExpected, match="a size such as"):
        parse_size(value)


@given(st.integers(min_value=0, max_value=999_999_999_999))
def test_a_size_reads_back_as_it_was_written(size: int) -> None:
    """Writing and reading are inverse."""
    assert parse_size(size_text(size)) == size


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("0%", Fraction(0)),
        ("20%", Fraction(1, 5)),
        ("12.5%", Fraction(1, 8)),
        ("33.3%", Fraction(333, 1000)),
        ("100%", Fraction(1)),
    ],
)
def test_a_share_is_exact(text: str, share: Fraction) -> None:
    """No binary fraction stands between what is written and what is compared."""
    assert parse_share(text) == share


@pytest.mark.parametrize("value", ["", "20", 20, "0.2", "-1%", "101%", "100.1%", "20 %", "%", None])
def test_anything_else_is_no_share(value: object) -> None:
    """A share has its percent sign, and lies from 0% to 100%."""
    with pytest.raises(NotAsExpected, match="a share from 0% to 100%"):
        parse_share(value)


@given(st.integers(min_value=0, max_value=1000))
def test_a_share_reads_back_as_it_was_written(thousandths: int) -> None:
    """Writing and reading are inverse, down to a tenth of a percent."""
    assert parse_share(share_text(Fraction(thousandths, 1000))) == Fraction(thousandths, 1000)
