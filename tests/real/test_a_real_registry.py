"""One run by a severe policy against a real registry: what stays pulls whole, what goes is gone, the bytes agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.real.parts import run, skip_module_without
from tests.real.provider import provider
from tests.real.registry import RealRegistry, real_registry
from tests.real.scene import NAME, OLD, Scene, set_scene
from tests.real.storage import RealStorage
from tests.real.workshop import Workshop

skip_module_without("docker-registry", "skopeo", "buildah")
pytestmark = pytest.mark.xdist_group("a real registry")

SEVERE = """\
mode: enforce
protect: {{in_use: none}}
limits: {{share: 100%, keep_at_least: 1}}
api:
  url: {provider}
  registry_url: http://{registry}
  rate_limit: {{per_minute: 0, per_hour: 0}}
state: sqlite:///{folder}/state.db
registries:
  - name: acme
    garbage_collection: {{min_freed: 0B}}
    policies:
      - repositories: ["shop/*"]
        keep: [{{tags: ["keep-*"]}}]
        unmatched: delete
        untagged: {{within: 7d}}
"""


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What was there, what the two commands said, and what is there now."""

    registry: RealRegistry
    scene: Scene
    tags: dict[tuple[str, str], str]
    stored: dict[str, int]
    plan: dict[str, Any]
    applied: dict[str, Any]
    applied_again: dict[str, Any]


@pytest.fixture(scope="module")
def afterwards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Afterwards]:
    """`cleaner plan`, then `cleaner apply` twice, once for all tests of this module."""
    folder = tmp_path_factory.mktemp("real")
    with real_registry(folder) as registry:
        scene = set_scene(Workshop.under(folder, registry, NAME))
        storage = RealStorage(registry, NAME, datetime.now(UTC), OLD, scene.ages)
        tags, stored = storage.tags(), registry.stored()
        with provider(NAME, storage) as url:
            config = folder / "config.yaml"
            config.write_text(SEVERE.format(provider=url, registry=registry.address, folder=folder))
            said = [cleaner(config, *words) for words in (("plan",), ("apply", "--yes"), ("apply", "--yes"))]
        yield Afterwards(registry, scene, tags, stored, *said)


def cleaner(config: Path, command: str, *options: str) -> dict[str, Any]:
    """What the command says of the one registry; it must exit 0."""
    program = str(Path(sys.executable).with_name("cleaner"))
    words = [program, command, *options, "--config", str(config), "--format", "json"]
    environment = {**os.environ, "DIGITALOCEAN_ACCESS_TOKEN": "dop_v1_of_this_test"}
    result = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    [registry] = json.loads(result.stdout)["registries"]
    return dict(registry)


def named(manifests: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """The manifests that a report lists, by repository and digest."""
    return {(manifest["repository"], manifest["digest"]) for manifest in manifests}


def test_the_plan_condemns_what_nothing_keeps(afterwards: Afterwards) -> None:
    """Old images go with their platforms, attestations, signatures and referrers; what is kept keeps all of its own."""
    assert named(afterwards.plan["deletions"]) == afterwards.scene.goes
    assert afterwards.plan["kept"] == len(afterwards.scene.stays)


def test_the_run_deletes_what_was_planned(afterwards: Afterwards) -> None:
    """Nothing was skipped, refused or held back."""
    assert named(afterwards.applied["deleted"]) == named(afterwards.plan["deletions"])
    assert [afterwards.applied[what] for what in ("failed", "skipped", "held_back")] == [[], [], []]


def test_everything_planned_is_gone(afterwards: Afterwards) -> None:
    """The registry answers 404 for each manifest of the plan."""
    found = {(where, digest) for where, digest in afterwards.scene.goes if afterwards.registry.has(name(where), digest)}
    assert found == set()


def test_everything_else_is_still_whole(afterwards: Afterwards) -> None:
    """Each manifest that stays, with or without a tag, is there with all that it lists and all its blobs."""
    for repository, digest in sorted(afterwards.scene.stays):
        afterwards.registry.pull_whole(name(repository), digest)


def test_every_kept_tag_still_pulls(afterwards: Afterwards, tmp_path: Path) -> None:
    """Skopeo copies each of them with all its platforms; a nested index, which it refuses, was walked by hand above."""
    registry, stays = afterwards.registry, afterwards.scene.stays
    kept = [(name(where), tag) for (where, tag), digest in afterwards.tags.items() if (where, digest) in stays]
    assert [tag for repository, tag in kept if registry.is_nested(repository, tag)] == ["keep-nested"]
    for repository, tag in kept:
        if not registry.is_nested(repository, tag):
            source = f"docker://{registry.address}/{repository}:{tag}"
            run("skopeo", "copy", "--all", "--quiet", "--src-tls-verify=false", source, f"dir:{tmp_path / tag}")


def test_the_bytes_freed_are_those_predicted(afterwards: Afterwards) -> None:
    """On disk: to the byte the prediction, and the bodies of the deleted manifests that no repository has any more."""
    left = afterwards.registry.stored()
    gone = {digest: size for digest, size in afterwards.stored.items() if digest not in left}
    condemned = {digest for _, digest in afterwards.scene.goes} - {digest for _, digest in afterwards.scene.stays}
    bodies = sum(afterwards.stored[digest] for digest in condemned)
    predicted = afterwards.plan["freed_bytes"]
    assert sum(gone.values()) == predicted + bodies
    assert afterwards.applied["predicted_freed_bytes"] == predicted
    assert afterwards.applied["garbage_collection"]["freed_bytes"] == predicted + bodies
    assert afterwards.applied["garbage_collection"]["blobs_deleted"] == len(gone)


def test_a_second_run_finds_nothing_to_do(afterwards: Afterwards) -> None:
    """What is left is inside the policy, and no collection is started for nothing."""
    assert afterwards.applied_again["deleted"] == []
    assert afterwards.applied_again["garbage_collection"] is None


def name(repository: str) -> str:
    """A repository's name on the data plane."""
    return f"{NAME}/{repository}"
