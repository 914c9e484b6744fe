"""What comes over the wire becomes a value, or None, or an error: never a guess."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.docr import values, wire
from cleaner.errors import ListingIncomplete, MalformedAnswer
from cleaner.model.manifest import Blob
from tests.docr.asking import digest

NOON = datetime(2020, 10, 30, 21, 3, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2020-10-30T21:03:24Z", NOON),
        ("2020-10-30T21:03:24.000Z", NOON),
        ("2020-10-30t21:03:24z", NOON),
        ("2020-10-30 21:03:24Z", NOON),
        ("2020-10-30T21:03:24.1Z", NOON + timedelta(microseconds=100_000)),
        ("2020-10-30T21:03:24.123456789Z", NOON + timedelta(microseconds=123_456)),
        ("2020-10-30T22:03:24+01:00", NOON),
        ("2020-10-30T15:33:24-05:30", NOON),
        ("1970-01-01T00:00:00Z", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_is_rfc_3339_text(text: str, moment: datetime) -> None:
    """With or without fractions, in any offset."""
    assert values.time(text) == moment


@pytest.mark.parametrize(
    "value",
    [
        None, 0, 1604091804, 1.5, True, [], {}, "", "yesterday", "2020-10-30", "2020-10-30T21:03:24",
        "2020-W44-5T00:00:00Z", "20201030T210324Z",
        "2020-13-45T99:00:00Z", "2020-10-30T24:00:00Z", "2020-10-30T21:03:24+99:00",
        "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01", "0000-00-00T00:00:00Z", "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59", "2020-10-30T21:03:24.Z", "2020-10-30T21:03:24Z ", "\uff12020-10-30T21:03:24Z",
    ],
)  # fmt: skip
def test_anything_else_is_no_time(value: object) -> None:
    """What is missing, of another type or form, impossible, or before 1970 is no time: its manifest is kept."""
    assert values.time(value) is None


@given(st.timedeltas(timedelta(0), timedelta(days=2_900_000)), st.integers(-1439, 1439))
def test_every_moment_that_is_written_is_read_back(age: timedelta, offset: int) -> None:
    """From 1970 on, whatever the offset."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + age
    written = (moment + timedelta(minutes=offset)).replace(tzinfo=timezone(timedelta(minutes=offset)))
    assert values.time(written.isoformat()) == moment


@given(st.text() | st.integers() | st.floats() | st.none() | st.lists(st.text()))
def test_no_time_raises(value: object) -> None:
    """Any value at all gives a moment or None."""
    assert values.time(value) is None or isinstance(value, str)


@pytest.mark.parametrize(("value", "size"), [(0, 0), (5, 5), (2**63 - 1, 2**63 - 1), (2**63, None), (-1, None)])
def test_a_size_is_a_count_of_bytes(value: int, size: int | None) -> None:
    """Below nothing and beyond 2**63 it is garbled."""
    assert values.size(value) == size


@pytest.mark.parametrize("value", [None, True, False, 1.0, "5", [], {}])
def test_a_size_of_another_type_is_unknown(value: object) -> None:
    """A garbled size is no reason to leave a repository alone, so it is only unknown."""
    assert values.size(value) is None


def entry(text: str) -> wire.ManifestEntry:
    return msgspec.json.decode(text, type=wire.ManifestEntry)


def test_the_published_example_with_its_misspelt_size_is_read() -> None:
    """A blob whose size stands under `compressed_size_byte` has an unknown size; unknown keys are ignored."""
    blobs = f"""[{{"digest": "{digest(2)}", "compressed_size_byte": 1512}},
        {{"digest": "{digest(3)}", "compressed_size_bytes": 7}}]"""
    text = f"""{{"registry_name": "example", "repository": "r", "digest": "{digest(1)}", "size_bytes": 5861888,
        "updated_at": "2020-04-09T23:54:25Z", "tags": ["v1"], "blobs": {blobs}}}"""
    manifest = values.manifest("r", entry(text))
    assert manifest.tags == ("v1",)
    assert manifest.blobs == (Blob(digest(2), None), Blob(digest(3), 7))


@pytest.mark.parametrize(
    ("blobs", "expected"),
    [
        ("null", None),
        ("[]", ()),
        ('"x"', None),
        ("[1]", None),
        ('[{"digest": "sha256:short"}]', None),
        (f'[{{"digest": "{digest(2)}", "compressed_size_bytes": "many"}}]', (Blob(digest(2), None),)),
        (f'[{{"digest": "{digest(2)}", "compressed_size_bytes": -5}}]', (Blob(digest(2), None),)),
    ],
)
def test_garbled_blobs_are_unknown(blobs: str, expected: tuple[Blob, ...] | None) -> None:
    """They only tell what would be freed, so the manifest itself is still read."""
    assert values.manifest("r", entry(f'{{"digest": "{digest(1)}", "blobs": {blobs}}}')).blobs == expected


@pytest.mark.parametrize(
    ("tags", "expected"), [("null", ()), ("[]", ()), ('["a", "b"]', ("a", "b")), ('["b", "a", "b"]', ("b", "a"))]
)
def test_tags_are_distinct_and_keep_their_order(tags: str, expected: tuple[str, ...]) -> None:
    """No tags and a missing list are the same; a tag that is listed twice counts once."""
    assert values.manifest("r", entry(f'{{"digest": "{digest(1)}", "tags": {tags}}}')).tags == expected


@pytest.mark.parametrize("text", ["{}", '{"digest": null}', '{"digest": 5}', '{"digest": "sha256:ABC"}'])
def test_a_garbled_digest_makes_the_listing_incomplete(text: str) -> None:
    """Without it nobody knows which manifest is meant."""
    with pytest.raises(ListingIncomplete, match="the listing of shop/web holds a manifest without a readable digest"):
        values.manifest("shop/web", entry(text))


@pytest.mark.parametrize("tags", ['"v1"', "5", "{}", "[null]", "[1]", '[["v1"]]', '[""]'])
def test_garbled_tags_make_the_listing_incomplete(tags: str) -> None:
    """A manifest that seems untagged and is not could be deleted."""
    with pytest.raises(ListingIncomplete, match="unreadable tags"):
        values.manifest("shop/web", entry(f'{{"digest": "{digest(1)}", "tags": {tags}}}'))


@pytest.mark.parametrize("name", [None, 5, "", ".", "..", "a\nb", "a\x1b[2Jb", "x" * 256])
def test_a_name_that_cannot_stand_in_a_path_is_refused(name: object) -> None:
    """A hostile name must not lead to another path, nor onto a terminal."""
    with pytest.raises(MalformedAnswer, match="no name of a repository"):
        values.repository_name(wire.RepositoryEntry(name))


@pytest.mark.parametrize("name", ["api", "shop/web/worker", "../..", "%2e%2e", "x" * 255, "ünï"])
def test_any_other_name_is_taken(name: str) -> None:
    """It is quoted whole wherever it stands in a path."""
    assert values.repository_name(wire.RepositoryEntry(name)) == name


@pytest.mark.parametrize(("uuid", "status"), [(None, "x"), ("", "x"), ("../x", "x"), ("u1", None), ("u1", "")])
def test_a_collection_that_could_not_be_followed_is_refused(uuid: object, status: object) -> None:
    """It needs a uuid and a status; all else may be missing."""
    with pytest.raises(MalformedAnswer, match="uuid and a status"):
        values.collection(wire.CollectionEntry(uuid, status))
