"""What happened: signatures and referrers were deleted with the untagged, or stayed for ever after their image.

To: acr-cli 133. Here: what is attached stays with its subject, and goes after it (laws 2 and 10).
"""

from __future__ import annotations

from pathlib import Path

from tests.shelves import Shelf, house, policy, registry


def signed(shelf: Shelf, tag: str, days: float) -> tuple[str, list[str]]:
    """An image, and what is attached to it: a signature, an attestation and a bill by tag, a referrer by subject."""
    image = shelf.image(tag, days=days)
    tagged = [shelf.signature(image, days=days, ending=ending) for ending in (".sig", ".att", ".sbom")]
    return image, [*tagged, shelf.image(subject=image, days=days)]


def test_attachments_share_the_fate_of_their_subject(tmp_path: Path) -> None:
    """The kept image keeps all four, the condemned one takes all four with it, after itself."""
    shelf = Shelf()
    old, its_attachments = signed(shelf, "v1", 90)
    signed(shelf, "v2", 60)
    configuration = policy('[{tags: ["v*"], last: 1}]', rest="untagged: {within: 1d}")
    with house(registry(shelf), configuration, tmp_path) as world:
        report = world.apply()
        gone = [deleted.digest for deleted in report.deleted]
        assert gone[0] == old
        assert sorted(gone[1:]) == sorted(its_attachments)
        assert report.exit_code == 0


def test_a_signature_whose_image_is_gone_long_since_goes_as_what_it_is(tmp_path: Path) -> None:
    """An attachment without its subject is an orphan, whatever tag it carries: `untagged` decides."""
    shelf = Shelf()
    for tag in ("v1", "v2"):
        shelf.image(tag, days=60)
    lost = shelf.signature("sha256:" + "0" * 64, days=60)
    with house(registry(shelf), policy("[{}]", rest="untagged: {within: 14d}"), tmp_path) as world:
        assert [deleted.digest for deleted in world.apply().deleted] == [lost]
