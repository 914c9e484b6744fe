"""What an audit finds in one repository, and among what runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import pytest

from cleaner.model.audit import Finding, FindingKind
from cleaner.model.listing import Listing
from cleaner.model.manifest import Blob, Content, Digest
from cleaner.model.use import Use
from cleaner.planning.auditing import Stock, broken_tags, dangling_attachments, missing_images, pulled
from cleaner.retention.words import short
from tests.retention.builders import Entry, attachment_tag, digest_of, manifest

REPOSITORY = "shop/api"


def stock(*there: Entry, unread: Iterable[str] = (), lost: Iterable[str] = ()) -> Stock:
    """A repository with these; of what is `unread` or `lost` nobody knows what it is."""
    unknown = {digest_of(name) for name in (*unread, *lost)}
    contents = {one.manifest.digest: one.content for one in there if one.manifest.digest not in unknown}
    return Stock(
        Listing(REPOSITORY, tuple(one.manifest for one in there)), contents, {digest_of(name) for name in lost}
    )


def with_blobs(entry: Entry, *names: str) -> Entry:
    """The same with these blobs."""
    return replace(entry, content=replace(entry.content, blobs=tuple(Blob(digest_of(name), 1) for name in names)))


def broken(of: Stock, gone: Collection[str] = ()) -> dict[str, str]:
    """What is wrong, by the name of the image."""
    return {finding.name: finding.detail for finding in broken_tags(of, {digest_of(name) for name in gone})}


AMD = with_blobs(manifest(name="amd"), "config", "layer")
ARM = with_blobs(manifest(name="arm"), "other config", "layer")
V1 = manifest("v1", "stable", name="v1", children=["amd", "arm"])


def test_a_whole_repository_gives_no_finding() -> None:
    """Every tag has its children and its blobs; every attachment its subject."""
    signature = with_blobs(manifest(attachment_tag("v1", ".sig"), name="sig"), "signature")
    whole = stock(V1, AMD, ARM, signature, manifest(name="bill", subject="amd"))
    assert broken(whole) == {}
    assert list(dangling_attachments(whole)) == []


def test_a_missing_child_breaks_each_tag_of_its_index() -> None:
    """At any depth: what a pull of another platform would miss is told."""
    detail = f"{short(digest_of('arm'))}, which it lists, is not there"
    assert broken(stock(V1, AMD)) == {f"{REPOSITORY}:v1": detail, f"{REPOSITORY}:stable": detail}
    outer = manifest("outer", name="outer", children=["v1"])
    assert broken(stock(outer, V1, AMD))[f"{REPOSITORY}:outer"] == detail


def test_a_missing_blob_breaks_what_needs_it() -> None:
    """It is told by name, and how much more there is; what does not need it is whole."""
    fine = with_blobs(manifest("fine", name="fine"), "its own")
    found = broken(stock(V1, AMD, ARM, fine), ["layer", "other config"])
    assert found.keys() == {f"{REPOSITORY}:v1", f"{REPOSITORY}:stable"}
    assert found[f"{REPOSITORY}:v1"] == f"the blob {digest_of('layer')} is gone, and 2 more"


def test_a_manifest_that_the_registry_does_not_give_is_broken() -> None:
    """It is listed, and cannot be pulled; one that could not be read may be fine."""
    detail = f"the registry lists {short(digest_of('amd'))} and does not give it"
    assert broken(stock(V1, AMD, ARM, lost=["amd"]))[f"{REPOSITORY}:v1"] == detail
    assert broken(stock(V1, AMD, ARM, unread=["amd"])) == {}


def test_a_signature_by_tag_is_a_tag_as_well() -> None:
    """Without its blob it verifies nothing."""
    signature = with_blobs(manifest(attachment_tag("v1", ".sig"), name="sig"), "signature")
    assert list(broken(stock(V1, AMD, ARM, signature), ["signature"])) == [
        f"{REPOSITORY}:{attachment_tag('v1', '.sig')}"
    ]


def test_what_no_tag_leads_to_is_not_asked_for() -> None:
    """The blobs of a pull: those of tagged manifests and of all below, each once, sorted."""
    untagged = with_blobs(manifest(name="orphan"), "nobody pulls this")
    names = ("config", "layer", "other config")
    assert [blob.digest for blob in pulled(stock(V1, AMD, ARM, untagged))] == sorted(digest_of(name) for name in names)
    assert broken(stock(untagged), ["nobody pulls this"]) == {}


def test_an_index_that_lists_what_lists_it_comes_to_an_end() -> None:
    """No digest can, but a listing is only what somebody says."""
    ring = (manifest("a", name="a", children=["b"]), manifest(name="b", children=["a"]))
    assert broken(stock(*ring)) == {}


@pytest.mark.parametrize(
    ("attachment", "dangles"),
    [
        pytest.param(manifest(name="bill", subject="gone"), True, id="its subject is gone"),
        pytest.param(manifest(attachment_tag("gone", ".sig"), name="sig"), True, id="what its tag names is gone"),
        pytest.param(manifest(attachment_tag("gone"), name="both", subject="v1"), False, id="one of two is there"),
        pytest.param(manifest("v9", name="plain"), False, id="it is attached to nothing"),
    ],
)
def test_an_attachment_dangles_where_none_of_its_subjects_is_there(attachment: Entry, dangles: bool) -> None:
    """Named by digest, for it may have no tag; of one that could not be read nothing is said."""
    name, detail = f"{REPOSITORY}@{attachment.manifest.digest}", f"it is attached to {short(digest_of('gone'))}"
    finding = Finding(FindingKind.DANGLING_ATTACHMENT, REPOSITORY, name, f"{detail}, which is not there")
    assert list(dangling_attachments(stock(V1, AMD, ARM, attachment))) == ([finding] if dangles else [])
    assert list(dangling_attachments(stock(V1, AMD, ARM, attachment, unread=[attachment.name]))) == []


def use(
    tag: str | None = None, digest: Digest | None = None, where: str = "web", repository: str | None = REPOSITORY
) -> Use:
    return Use(repository, tag, digest, "kubernetes prod", where)


def missing(uses: Sequence[Use], *there: Entry, unlisted: Iterable[str] = ()) -> list[tuple[str, str, str]]:
    """The images that are missing, what of them, and who uses them."""
    listings = {REPOSITORY: stock(*there).listing, **dict.fromkeys(unlisted)}
    found = missing_images(uses, listings, "acme")
    return [(finding.name, finding.detail, finding.where) for finding in found]


def test_every_workload_that_uses_what_is_not_there_is_told() -> None:
    """By tag, by digest, and in a repository that does not exist; the same image once for each that uses it."""
    gone = digest_of("gone")
    uses = [use("v9", where="web"), use("v9", where="job"), use(digest=gone), use("v1", repository="shop/nope")]
    assert missing(uses, V1) == [
        (f"{REPOSITORY}:v9", "no such tag", "kubernetes prod: web"),
        (f"{REPOSITORY}:v9", "no such tag", "kubernetes prod: job"),
        (f"{REPOSITORY}@{gone}", "no such manifest", "kubernetes prod: web"),
        ("shop/nope:v1", "no such tag", "kubernetes prod: web"),
    ]


def test_what_is_there_is_not_missing() -> None:
    """By tag or digest; where both are named the digest is what is pulled."""
    there = V1.manifest.digest
    assert missing([use("v1"), use(digest=there), use("moved", there)], V1) == []


def both(tag: str | None = None, digest: Digest | None = None, name: str = REPOSITORY) -> list[Use]:
    """The two readings of one line that begins with the registry's name."""
    return [use(tag, digest, "images.txt:3", repository) for repository in (f"acme/{name}", name)]


def test_an_image_that_can_be_read_in_two_ways_is_there_if_either_is() -> None:
    """By tag or by digest."""
    assert missing(both("v1"), V1) == []
    assert missing(both(digest=V1.manifest.digest), V1) == []


def test_an_image_that_is_there_in_neither_reading_is_missing_once() -> None:
    """Named by the shorter one, which is what most people mean."""
    assert missing(both("v9"), V1) == [(f"{REPOSITORY}:v9", "no such tag", "kubernetes prod: images.txt:3")]
    gone = digest_of("gone")
    assert missing(both(digest=gone, name="nope"), V1) == [
        (f"nope@{gone}", "no such manifest", "kubernetes prod: images.txt:3")
    ]


def test_images_of_one_workload_that_are_no_readings_of_each_other_stand_each_for_itself() -> None:
    """A tag that another repository has too, or another tag of the same one, makes up for nothing."""
    uses = [use("v1"), use("v1", repository="shop/nope"), use("v9"), use("v1", repository=f"other/{REPOSITORY}")]
    assert [name for name, _, _ in missing(uses, V1)] == ["shop/nope:v1", f"{REPOSITORY}:v9", f"other/{REPOSITORY}:v1"]


def test_of_what_may_be_in_an_unlisted_repository_nobody_can_tell() -> None:
    """Not where one of two readings leads there, either."""
    assert missing([use("v9", repository="shop/web")], unlisted=["shop/web"]) == []
    assert missing(both("v9"), V1, unlisted=[f"acme/{REPOSITORY}"]) == []


def test_a_digest_of_any_registry_is_nobodys_loss() -> None:
    """Where a node names a configuration alone, nothing says that it is ours."""
    assert missing([use(digest=digest_of("elsewhere"), repository=None)], V1) == []


def test_what_is_not_known_lists_nothing() -> None:
    """Of an index that could not be read nobody can tell what it lacks."""
    empty: dict[Digest, Content] = {}
    assert broken(Stock(Listing(REPOSITORY, (V1.manifest,)), empty)) == {}
