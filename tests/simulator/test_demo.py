"""The built-in registry: what is in it, and that all of it can be pulled and verified."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise

from cleaner.simulator.contents import digest_of, references, tags_of
from cleaner.simulator.demo import demo_registry
from cleaner.simulator.storage import Entry, Storage
from tests.simulator.planes import START


@cache
def _storage() -> Storage:
    return demo_registry(START).storage


def _entries() -> list[tuple[str, Entry]]:
    storage = _storage()
    return [(name, entry) for name in storage.repositories() for entry in storage.manifests(name) or ()]


def _body(repository: str, digest: str) -> dict[str, object]:
    body = _storage().body(repository, digest)
    assert body is not None
    assert f"sha256:{hashlib.sha256(body).hexdigest()}" == digest
    return dict(json.loads(body))


def _tagged(repository: str, tag: str) -> dict[str, object]:
    found = [entry for name, entry in _entries() if name == repository and tag in tags_of(entry)]
    assert len(found) == 1, tag
    return _body(repository, digest_of(found[0]))


def _listed(index: dict[str, object]) -> list[dict[str, object]]:
    listed = index["manifests"]
    assert isinstance(listed, list)
    return listed


def test_there_are_a_few_hundred_manifests_in_several_repositories() -> None:
    """Nested names among them."""
    assert 200 <= len(_entries()) <= 800
    assert {"api", "base/node", "preview/web", "shop/web", "shop/worker"} <= set(_storage().repositories())


def test_every_manifest_is_what_its_digest_says() -> None:
    """And lists in its listing exactly the blobs of its body."""
    for repository, entry in _entries():
        body = _body(repository, digest_of(entry))
        layers = body.get("layers", [])
        assert isinstance(layers, list)
        blobs = [body["config"], *layers] if "config" in body else []
        assert list(references(entry, None)) == [(blob["digest"], blob["size"]) for blob in blobs]


def test_every_blob_is_what_its_digest_and_its_size_say() -> None:
    """Made anew when it is pulled."""
    blobs = {blob for _, entry in _entries() for blob in references(entry, None)}
    for digest, size in sorted(blobs):
        stored = _storage().blob(digest)
        assert stored is not None
        assert stored.content is not None
        content = stored.content()
        assert (f"sha256:{hashlib.sha256(content).hexdigest()}", len(content)) == (digest, size)


def test_layers_are_shared_between_repositories() -> None:
    """Some base layer is in at least three of them."""
    where: dict[str, set[str]] = {}
    for repository, entry in _entries():
        for digest, _ in references(entry, None):
            where.setdefault(digest, set()).add(repository)
    assert max(len(repositories) for repositories in where.values()) >= 3


def test_releases_are_signed_multi_arch_families_with_attestations() -> None:
    """Two platforms, an attestation for each, a signature under its tag; all of them are there."""
    index = _tagged("shop/web", "latest")
    platforms = [child["platform"] for child in _listed(index)]
    unknown = {"architecture": "unknown", "os": "unknown"}
    assert platforms == [{"architecture": arch, "os": "linux"} for arch in ("amd64", "arm64")] + [unknown, unknown]
    for child in _listed(index):
        assert _storage().body("shop/web", str(child["digest"])) is not None
    signed = f"sha256-{hashlib.sha256(json.dumps(index, indent=2).encode()).hexdigest()}.sig"
    assert _tagged("shop/web", signed)["config"]


def test_there_are_nested_indexes_referrers_and_untagged_leftovers() -> None:
    """An index of indexes, a manifest with a subject that exists, and manifests that nothing lists."""
    nested = [_body("shop/worker", str(child["digest"])) for child in _listed(_tagged("shop/worker", "suite-2"))]
    assert all("manifests" in edition for edition in nested)
    bodies = [(name, _body(name, digest_of(entry))) for name, entry in _entries()]
    subjects = [(name, body["subject"]) for name, body in bodies if "subject" in body]
    assert subjects
    for name, subject in subjects:
        assert isinstance(subject, dict)
        assert _storage().body(name, subject["digest"]) is not None
    assert sum(not tags_of(entry) for name, entry in _entries() if name == "legacy/report") == 19


def test_no_tag_is_on_two_manifests() -> None:
    """A moving tag is where it was moved last."""
    tags = [(name, tag) for name, entry in _entries() for tag in tags_of(entry)]
    assert len(tags) == len(set(tags))


def test_contents_are_the_same_at_every_start_and_ages_count_from_it() -> None:
    """Digests are those of another year; every manifest is as old as it was then, and none is from the future."""
    later = START + timedelta(days=365)
    again = demo_registry(later).storage
    for name in again.repositories():
        before, after = (storage.manifests(name) or () for storage in (_storage(), again))
        assert [digest_of(entry) for entry in before] == [digest_of(entry) for entry in after]
        for old, new in zip(before, after, strict=True):
            assert later - _time(new) == START - _time(old) > timedelta(0)


def test_children_are_older_than_their_index_and_signatures_younger() -> None:
    """As they were pushed: platforms, attestations, index, signature."""
    times = {(name, digest_of(entry)): _time(entry) for name, entry in _entries()}
    for name, entry in _entries():
        body = _body(name, digest_of(entry))
        if "manifests" in body:
            assert all(times[name, str(child["digest"])] <= _time(entry) for child in _listed(body))
    pushes = [_time(entry) for name, entry in _entries() if name == "base/node"]
    assert all(earlier < later for earlier, later in pairwise(pushes))


def _time(entry: Entry) -> datetime:
    return datetime.fromisoformat(str(entry["updated_at"]))
