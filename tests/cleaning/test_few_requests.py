"""A large registry costs few requests: at most 1.05 on the control plane for each deleted manifest, all included."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path

from tests.house import CONTROL, START, House

REPOSITORIES, MANIFESTS, KEPT = 40, 250, 50

POLICY = f"""
mode: enforce
api: {{rate_limit: {{per_minute: 0, per_hour: 0}}}}
protect: {{in_use: none}}
limits: {{deletions: 1000000, share: 100%}}
registries:
  - name: acme
    garbage_collection: {{min_freed: 0B}}
    policies:
      - repositories: ["*"]
        keep: [{{tags: ["*"], last: {KEPT}}}]
"""


def manifest(repository: int, number: int) -> dict[str, object]:
    layer = {"digest": f"sha256:{hashlib.sha256(f'{repository}/{number}'.encode()).hexdigest()}", "size": 100}
    body = json.dumps({"schemaVersion": 2, "layers": [layer], "config": {"digest": layer["digest"], "size": 100}})
    return {
        "digest": f"sha256:{hashlib.sha256(body.encode()).hexdigest()}",
        "updated_at": (START - timedelta(days=2, minutes=number)).isoformat(),
        "tags": [f"build-{number}"],
        "blobs": [{"digest": layer["digest"], "compressed_size_bytes": 100}],
        "body": body,
    }


def test_a_deleted_manifest_costs_little_more_than_its_own_request(tmp_path: Path) -> None:
    """10,000 manifests in 40 repositories, 8,000 of them deleted: the control plane sees at most 8,400 requests."""
    repositories = [
        {"name": f"team/app-{repository}", "manifests": [manifest(repository, n) for n in range(MANIFESTS)]}
        for repository in range(REPOSITORIES)
    ]
    content = {"registries": [{"name": "acme", "region": "fra1", "repositories": repositories}]}
    with House(content, POLICY, tmp_path) as house:
        report = house.apply()
        assert report.exit_code == 0, report
        assert len(report.deleted) == REPOSITORIES * (MANIFESTS - KEPT) == 8_000
        requests = len(house.network.to(CONTROL))
        assert requests <= 1.05 * len(report.deleted), f"{requests / len(report.deleted):.4f} requests each"
        assert report.collection is not None
        assert report.predicted is not None
        assert report.collection.freed_bytes == report.predicted.bytes == 8_000 * 100
