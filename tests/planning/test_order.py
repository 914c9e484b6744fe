"""The order of deletion, as laws 10 and the policy page's "Limits" have it."""

from __future__ import annotations

import pytest

from cleaner.model.manifest import Digest
from cleaner.model.verdict import Judgement
from cleaner.planning.order import Unit, units
from tests.retention.builders import NOTHING, Repo, attachment_tag, digest_of, judged, manifest, protections, repo


def names_in_order(repository: Repo) -> list[list[str]]:
    return [[repository.names[d] for d in unit.manifests] for unit in units_of(judged(repository, NOTHING).judgement)]


def units_of(judgement: Judgement) -> tuple[Unit, ...]:
    condemned = {digest: verdict.manifest for digest, verdict in judgement.condemned().items()}
    return units(condemned, judgement.families)


def in_order(judgement: Judgement) -> list[Digest]:
    return [digest for unit in units_of(judgement) for digest in unit.manifests]


def test_the_oldest_version_goes_first() -> None:
    """Units are ranked by the age of their version."""
    assert names_in_order(repo(manifest("new", age="10d"), manifest("old", age="30d"))) == [["old"], ["new"]]


def test_a_version_goes_with_all_that_goes_with_it_the_index_first() -> None:
    """An index, then its children, then what is attached to them: one unit."""
    repository = repo(
        manifest("v1", children=["amd64", "arm64"]),
        manifest(name="amd64"),
        manifest(name="arm64"),
        manifest(attachment_tag("amd64", ".sig"), name="signature"),
    )
    [unit] = names_in_order(repository)
    assert unit[0] == "v1"
    assert set(unit) == {"v1", "amd64", "arm64", "signature"}
    assert unit.index("amd64") < unit.index("signature")


def test_a_child_of_two_versions_goes_with_the_later_of_them() -> None:
    """A shared child stays for as long as any index that lists it."""
    repository = repo(
        manifest("old", age="30d", children=["shared"]),
        manifest("new", age="10d", children=["shared"]),
        manifest(name="shared", age="40d"),
    )
    assert names_in_order(repository) == [["old"], ["new", "shared"]]


def test_a_version_never_goes_before_a_younger_index_that_lists_it() -> None:
    """Whatever its age, a condemned child waits for its condemned index."""
    repository = repo(manifest("index", age="10d", children=["child"]), manifest("child", age="90d"))
    assert names_in_order(repository) == [["index"], ["child"]]


def test_a_version_never_goes_before_a_younger_subject_that_it_is_attached_to() -> None:
    """The same holds for a version that is an attachment."""
    repository = repo(manifest("subject", age="10d"), manifest("sbom", age="90d", subject="subject"))
    assert names_in_order(repository) == [["subject"], ["sbom"]]


def test_an_orphan_index_that_lists_an_old_version_goes_before_it_and_after_all_other_versions() -> None:
    """Orphans come last, but what waits for one comes after it."""
    repository = repo(
        manifest("tagged-child", age="90d"),
        manifest(name="untagged-index", age="95d", children=["tagged-child"]),
        manifest("other", age="10d"),
    )
    policy = NOTHING.__class__(NOTHING.repositories, NOTHING.keep, limits=NOTHING.limits, delete_unmatched=True)
    judgement = judged(repository, policy).judgement
    everything = {m.digest: m for m in repository.listing.manifests}
    order = [repository.names[d] for unit in units(everything, judgement.families) for d in unit.manifests]
    assert order == ["other", "untagged-index", "tagged-child"]


@pytest.mark.parametrize(("index", "child"), [("a", "b"), ("b", "a")])
def test_in_a_ring_an_index_still_goes_before_what_it_lists(index: str, child: str) -> None:
    """An index that is attached, by a tag, to its own child: the index's edge wins, whatever the digests."""
    repository = repo(
        manifest(index, attachment_tag(child), children=[child], age="10d"),
        manifest(child, age="90d"),
    )
    assert names_in_order(repository) == [[index], [child]]


def test_a_ring_goes_though_something_on_it_stays() -> None:
    """What is attached to a ring and protected plays no part in its order."""
    repository = repo(
        manifest("a", attachment_tag("b")), manifest("b", attachment_tag("a")), manifest("sbom", subject="a")
    )
    judgement = judged(repository, NOTHING, protections(digests=["sbom"])).judgement
    assert [repository.names[d] for d in in_order(judgement)] == sorted(["a", "b"], key=digest_of)


def test_a_ring_of_attachments_goes_by_digest_and_before_what_hangs_on_it() -> None:
    """Two versions attached to one another, and a third to one of them: the ring first, by digest."""
    repository = repo(
        manifest("a", attachment_tag("b")),
        manifest("b", attachment_tag("a")),
        manifest("c", attachment_tag("a", ".att"), age="900d"),
    )
    order = [name for unit in names_in_order(repository) for name in unit]
    first, second = sorted(["a", "b"], key=digest_of)
    assert order[0] == first
    assert order.index("a") < order.index("c")
    assert set(order) == {"a", "b", "c"}
    assert second in order
