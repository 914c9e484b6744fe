"""A second retention engine, written to be obviously right: sentences of the policy page as quantifiers, no speed.

It shares with the first engine the values of `cleaner.model` and the patterns, and nothing else. Where the page leaves
two readings, the one that keeps more is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from datetime import datetime

from cleaner.model.listing import Listing
from cleaner.model.manifest import Content, Digest, Manifest
from cleaner.model.use import NOTHING_SEEN, SeenUse, TagMemory, Use
from cleaner.retention.policy import Policy, Protections
from tests.retention.naive_rules import (
    Question,
    has_time,
    is_younger,
    kept_by_rules,
    named_by,
    number_above,
    selects,
    time,
    version_tags,
)

NOTHING_DELETED: Mapping[Digest, tuple[Digest, ...]] = {}


def stays(
    listing: Listing,
    contents: Mapping[Digest, Content],
    policy: Policy,
    protections: Protections,
    *,
    now: datetime,
    uses: Sequence[SeenUse] = (),
    deleted: Mapping[Digest, tuple[Digest, ...]] = NOTHING_DELETED,
    memory: TagMemory = NOTHING_SEEN,
) -> frozenset[Digest]:
    """The digests that stay.

    "Limits", `keep_at_least`: where fewer versions with a time stay for any other reason, the newest stay too.
    """
    q = Question(listing, contents, policy, protections, now, uses, deleted, memory)
    kept = frozenset(m.digest for m in listing.manifests if kept_by_itself(q, m)) | kept_by_rules(q)
    without_floor = with_families(q, kept)
    if sum(m.digest in without_floor for m in versions_with_a_time(q)) >= policy.limits.keep_at_least:
        return without_floor
    return with_families(q, kept | newest_versions(q, policy.limits.keep_at_least))


# Versions, attachments, families


def with_families(q: Question, kept: frozenset[Digest]) -> frozenset[Digest]:
    """What stays if `kept` is what stays by itself: that and all below it, and rings in which nothing is decided.

    Decided are the versions and orphans that nothing keeps, and what has only such things above it: it goes.
    """
    everything_above = {m.digest: above(q, m) for m in q.listing.manifests}
    families = frozenset(everything_above)

    def and_all_below(these: frozenset[Digest]) -> frozenset[Digest]:
        return smallest(lambda so_far: these | {d for d in families if everything_above[d] & so_far})

    certain = and_all_below(kept)
    decided = {m.digest for m in q.listing.manifests if version_tags(m) or is_orphan(q, m)} - certain
    goes = smallest(lambda so_far: decided | {d for d in families - certain if everything_above[d] <= so_far})
    return and_all_below(families - goes)


def smallest(operator: Callable[[frozenset[Digest]], Set[Digest]]) -> frozenset[Digest]:
    """The smallest set that a monotone operator maps to itself."""
    so_far: frozenset[Digest] = frozenset()
    while (more := frozenset(operator(so_far))) != so_far:
        so_far = more
    return so_far


def above(q: Question, m: Manifest) -> frozenset[Digest]:
    """The indexes of this repository that list `m`, and the manifests of this repository that it is attached to."""
    its_subjects = subjects(q, m)
    return frozenset(
        other.digest
        for other in q.listing.manifests
        if m.digest in q.contents[other.digest].children or other.digest in its_subjects
    )


def subjects(q: Question, m: Manifest) -> set[Digest]:
    """Its `subject` and what its attachment tags name, never itself; whether they exist or not."""
    named = {named_by(tag) for tag in m.tags} | {q.contents[m.digest].subject}
    return {digest for digest in named if digest is not None and digest != m.digest}


def is_orphan(q: Question, m: Manifest) -> bool:
    """No version tag, listed by no index, and its subject (if any) does not exist."""
    return not version_tags(m) and not above(q, m)


# What keeps a manifest, its family aside


def kept_by_itself(q: Question, m: Manifest) -> bool:
    """Whether anything but a rule, a family or `keep_at_least` keeps it."""
    return (
        not has_time(q, m)
        or is_younger(q, time(q, m), q.protections.grace)
        or any(pattern.matches(tag) for pattern in q.protections.tags for tag in m.tags)
        or m.digest in q.protections.digests
        or any(is_used(q, seen.use, m) for seen in q.uses)
        or kept_as_unmatched(q, m)
        or kept_as_orphan(q, m)
    )


def is_used(q: Question, use: Use, m: Manifest) -> bool:
    """By digest, its own or a blob's; by a tag that it has or had; without both by `latest`."""
    tag = "latest" if use.tag is None and use.digest is None else use.tag
    had = {earlier.digest for name, past in q.memory.pointed.items() for earlier in past if name == tag}
    blobs = {blob.digest for blob in q.contents[m.digest].blobs}
    return use.digest in {m.digest, *blobs} or tag in m.tags or m.digest in had


def kept_as_unmatched(q: Question, m: Manifest) -> bool:
    """Unmatched ("Rules"): some version tag of it is selected by no rule, and the policy does not delete those."""
    unmatched = [tag for tag in version_tags(m) if not any(selects(rule, tag) for rule in q.policy.keep)]
    return bool(unmatched) and not q.policy.delete_unmatched


def kept_as_orphan(q: Question, m: Manifest) -> bool:
    """An orphan ("Versions, attachments, families"): `untagged` keeps it, but not those that our own deletions left."""
    if not is_orphan(q, m) or left_behind(q, m):
        return False
    return q.policy.untagged_within is None or is_younger(q, time(q, m), q.policy.untagged_within)


def left_behind(q: Question, m: Manifest) -> bool:
    """Our own ledger deleted an index that listed it or a subject of it."""
    return any(m.digest in children or gone in subjects(q, m) for gone, children in q.deleted.items())


# The floor of versions


def versions_with_a_time(q: Question) -> list[Manifest]:
    """The versions that `keep_at_least` counts."""
    return [m for m in q.listing.manifests if version_tags(m) and has_time(q, m)]


def newest_versions(q: Question, count: int) -> frozenset[Digest]:
    """The `count` newest versions, and what is exactly as new as the last of them."""
    times = {m.digest: time(q, m) for m in versions_with_a_time(q)}
    return frozenset(digest for digest in times if number_above(times[digest], times.values()) < count)
