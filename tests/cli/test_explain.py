"""`cleaner explain`: every reason, the whole family, and a hand where a name is not quite right."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from cleaner.cli.lineage import Entry, all_families, family_of
from cleaner.model.family import Families
from cleaner.model.manifest import Digest
from tests.cli.conftest import Cleaner
from tests.cli.scene import Scene, shop_policy


def test_a_tag_is_explained_with_its_family(cleaner: Cleaner) -> None:
    """The index that is asked about, both platforms, and the signature, each with its reason."""
    answer = cleaner("explain", "shop/web:v3")
    assert answer.code == 0
    assert "policy 1 (*), mode enforce" in answer.out
    assert "one of the 2 newest with a tag v* (rule 2: v3)" in answer.out
    assert answer.out.count("child sha256:") == 2
    assert answer.out.count("attachment sha256:") == 1
    assert "asked about" in answer.out


def test_the_document_names_the_manifest_and_its_family(acme: Scene, cleaner: Cleaner) -> None:
    """Digest, tags, verdict and reasons of what is asked about; the others under `family`."""
    found = cleaner("explain", "shop/web:v0", "--format", "json").json
    assert found["repository"] == "shop/web"
    assert found["tags"] == ["v0"]
    assert found["verdict"] == "delete"
    assert "rule 2 keeps the 2 newest" in found["reasons"][0]
    assert found["policy"] == 1
    assert {member["digest"] for member in found["family"]} == {*found["children"], *found["attachments"]}
    assert {member["verdict"] for member in found["family"]} == {"delete"}
    by_digest = cleaner("explain", f"shop/web@{found['digest'][:20]}", "--format", "json").json
    assert by_digest == found


def test_a_child_is_explained_by_its_index(cleaner: Cleaner) -> None:
    """Asked about a platform, the whole family is shown, from its index down."""
    child = cleaner("explain", "shop/web:v3", "--format", "json").json["children"][0]
    answer = cleaner("explain", f"shop/web@{child}")
    assert "v3" in answer.out
    assert "kept: child of sha256:" in answer.out


def test_a_whole_repository_is_explained(acme: Scene, cleaner: Cleaner) -> None:
    """Every manifest with its verdict."""
    found = cleaner("explain", "shop/web", "--format", "json").json
    assert {manifest["digest"] for manifest in found["manifests"]} == acme.digests()
    assert "v0" in cleaner("explain", "shop/web").out


@pytest.mark.parametrize(
    ("image", "hint"),
    [("shop/web:mian", "main"), ("shop/wbe", "shop/web"), ("shop/web@sha256:" + "0" * 64, "cleaner explain shop/web")],
)
def test_what_is_not_there_is_1_with_a_hint(image: str, hint: str, cleaner: Cleaner) -> None:
    """A tag, a repository or a digest that is not there; names that are near are named."""
    answer = cleaner("explain", image)
    assert answer.code == 1
    assert hint in answer.err
    assert "error" in cleaner("explain", image, "--format", "json").json


def test_a_repository_under_no_policy_is_said_to_be_so(acme: Scene, cleaner: Cleaner) -> None:
    """Nothing in it is touched, so there is nothing to explain."""
    acme.configure(shop_policy().replace('repositories: ["*"]', 'repositories: ["other/*"]'))
    assert "under no policy" in cleaner("explain", "shop/web").out
    assert cleaner("explain", "shop/web", "--format", "json").json["policy"] is None


def test_what_is_condemned_tells_when_it_goes(acme: Scene, cleaner: Cleaner) -> None:
    """Since when every look has condemned it, and the earliest moment after its notice; of what stays, nothing."""
    acme.configure(shop_policy(top="notice: 24h"))
    before = cleaner("explain", "shop/web:v0", "--format", "json").json
    cleaner("plan")
    after = cleaner("explain", "shop/web:v0", "--format", "json").json
    since, goes_at = (datetime.fromisoformat(after[key]) for key in ("condemned_since", "goes_at"))
    assert before["condemned_since"] is None
    assert before["goes_at"] is not None
    assert goes_at - since == timedelta(hours=24)
    assert {member["goes_at"] for member in after["family"]} == {after["goes_at"]}
    assert after["approved_at"] is None
    kept = cleaner("explain", "shop/web:v3", "--format", "json").json
    assert [kept[key] for key in ("condemned_since", "goes_at", "approved_at")] == [None, None, None]
    text = cleaner("explain", "shop/web:v0").out
    assert f"condemned since {since:%Y-%m-%d %H:%M}" in text
    assert f"it goes from {goes_at:%Y-%m-%d %H:%M} on, after a notice of 1 d" in text


def test_without_a_notice_nothing_is_waited_for(cleaner: Cleaner) -> None:
    """What is condemned goes with the next run: no moment is named."""
    found = cleaner("explain", "shop/web:v0", "--format", "json").json
    assert found["verdict"] == "delete"
    assert found["goes_at"] is None


def test_an_approval_is_told(cleaner: Cleaner) -> None:
    """Since when, in the table and in the document."""
    cleaner("approve", "shop/web", "--yes")
    found = cleaner("explain", "shop/web:v0", "--format", "json").json
    assert datetime.fromisoformat(found["approved_at"]).tzinfo is not None
    assert "neither share nor cap holds it back" in cleaner("explain", "shop/web:v0").out


def test_what_is_in_use_is_told_with_its_place(acme: Scene, cleaner: Cleaner) -> None:
    """The source and where exactly, and what was in use once the source says so no more."""
    acme.configure(shop_policy(in_use="[{file: images.txt}]"))
    image = "registry.digitalocean.com/acme/shop/web:"
    (acme.folder / "images.txt").write_text(f"{image}v0", encoding="utf-8")
    assert "kept: in use, says file" in cleaner("explain", "shop/web:v0").out
    (acme.folder / "images.txt").write_text(f"{image}v1", encoding="utf-8")
    assert "kept: was in use until" in cleaner("explain", "shop/web:v0").out


def test_a_source_that_cannot_be_read_is_told_at_the_end(acme: Scene, cleaner: Cleaner) -> None:
    """While it cannot, nothing goes here: 3. One that speaks for other repositories is no matter."""
    acme.configure(shop_policy(in_use="[{file: images.txt}]"))
    answer = cleaner("explain", "shop/web:v0")
    assert answer.code == 3
    assert answer.out.splitlines()[-1].startswith("warning: nothing goes here until it can be read: ")
    found = cleaner("explain", "shop/web:v0", "--format", "json").json
    assert ["images.txt" in unread["error"] for unread in found["unreadable_sources"]] == [True]
    acme.configure(shop_policy(in_use='[{file: images.txt, repositories: ["other/*"]}]'))
    assert cleaner("explain", "shop/web:v0").code == 0


def test_without_the_state_it_says_what_it_does_not_know(acme: Scene, cleaner: Cleaner) -> None:
    """What is remembered as in use would look condemned: a note on stderr, and in the document."""
    assert cleaner("explain", "shop/web:v3", "--format", "json").json["notes"] == []
    acme.configure(shop_policy(), state=str(acme.folder / "nowhere" / "state.db"))
    answer = cleaner("explain", "shop/web:v3", "--format", "json")
    (note,) = answer.json["notes"]
    assert answer.code == 0
    assert note.startswith("manifests are read anew, and earlier runs are not known: The state")
    assert answer.err.count(f"note: {note}") == 1


@pytest.mark.parametrize("image", ["registry.digitalocean.com/acme/shop/web:v3", "{data_plane}/acme/shop/web:v3"])
def test_an_image_may_be_named_as_a_pod_names_it(image: str, acme: Scene, cleaner: Cleaner) -> None:
    """With the registry's host and name before it, and with both tag and digest: then the digest counts."""
    found = cleaner("explain", "shop/web:v3", "--format", "json").json
    whole = image.format(data_plane=acme.origins.registry.removeprefix("http://"))
    assert cleaner("explain", whole, "--format", "json").json == found
    pinned = f"{whole.removesuffix('v3')}main@{found['digest']}"
    assert cleaner("explain", pinned, "--format", "json").json == found


@pytest.mark.parametrize(
    ("image", "expected"),
    [("shop/web:", "'shop/web:' names no tag"), ("shop/web@", "'shop/web@' names no digest"), ("", "'' names no repo")],
)
def test_what_names_nothing_is_repeated_as_it_was_written(image: str, expected: str, cleaner: Cleaner) -> None:
    """Known before any request."""
    answer = cleaner("explain", image)
    assert answer.code == 2
    assert expected in answer.err


def test_of_what_was_deleted_it_names_the_history(cleaner: Cleaner) -> None:
    """The registry does not have it any more; the ledger does."""
    cleaner("apply", "--yes")
    answer = cleaner("explain", "shop/web:v0")
    assert answer.code == 1
    assert "What was deleted: cleaner history deletions" in answer.err


INDEX, CHILD, SIGNATURE, RING_A, RING_B = (Digest(f"sha256:{letter * 64}") for letter in "12345")
FAMILIES = Families(
    indexes={CHILD: (INDEX,)},
    subjects={SIGNATURE: (CHILD,), RING_A: (RING_B,), RING_B: (RING_A,)},
    children={INDEX: (CHILD,)},
    attachments={CHILD: (SIGNATURE,), RING_A: (RING_B,), RING_B: (RING_A,)},
    absent={},
)


@pytest.mark.parametrize("asked", [INDEX, CHILD, SIGNATURE])
def test_a_family_is_the_same_from_each_of_its_members(asked: Digest) -> None:
    """From its index down, each below what it hangs on."""
    assert family_of(asked, FAMILIES) == (
        Entry(0, "", INDEX, again=False),
        Entry(1, "child", CHILD, again=False),
        Entry(2, "attachment", SIGNATURE, again=False),
    )


def test_a_ring_is_drawn_once() -> None:
    """It begins at what is asked about, and ends where it comes back to that."""
    assert family_of(RING_B, FAMILIES) == (
        Entry(0, "", RING_B, again=False),
        Entry(1, "attachment", RING_A, again=False),
        Entry(2, "attachment", RING_B, again=True),
    )


def test_an_outline_of_all_leaves_nobody_out() -> None:
    """Families and rings alike, each manifest at its first place."""
    digests = [RING_A, RING_B, SIGNATURE, CHILD, INDEX]
    assert {entry.digest for entry in all_families(digests, FAMILIES)} == set(digests)


def test_a_long_chain_is_no_trouble() -> None:
    """A chain of five thousand attachments of attachments is drawn, not fallen over."""
    chain = [Digest(f"sha256:{number:064x}") for number in range(5000)]
    below = {above: (digest,) for above, digest in pairwise(chain)}
    families = Families({}, {digest: (above,) for above, (digest,) in below.items()}, {}, below, {})
    assert len(family_of(chain[-1], families)) == 5000
