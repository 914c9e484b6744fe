"""The provider's own Python client reads back what `cleaner` did: two readers of one contract must agree."""

from __future__ import annotations

from typing import Any

import pytest
from pydo import Client

from tests.cli.conftest import Cleaner
from tests.cli.scene import TOKEN, Scene

PLAIN: dict[str, Any] = {"enforce_https": False}


@pytest.mark.parametrize("family", ["registry", "registries"])
def test_it_sees_what_was_deleted_what_stayed_and_what_was_collected(
    family: str, acme: Scene, cleaner: Cleaner
) -> None:
    """Every deleted digest is gone from its listing, and nothing else; the collection is the one that is reported."""
    with Client(token=TOKEN, endpoint=acme.origins.control) as client:
        reads = getattr(client, family)

        def listed() -> set[str]:
            page = reads.list_repository_manifests("acme", "shop/web", per_page=200, **PLAIN)
            assert page["meta"]["total"] == len(page["manifests"])
            return {entry["digest"] for entry in page["manifests"]}

        before = listed()
        [report] = cleaner("apply", "--yes", "--format", "json").json["registries"]
        deleted = {entry["digest"] for entry in report["deleted"]}
        assert len(deleted) == 8
        assert listed() == before - deleted
        tags = reads.list_repository_tags("acme", "shop/web", per_page=200, **PLAIN)["tags"]
        assert not deleted & {tag["manifest_digest"] for tag in tags}
        [collection] = reads.list_garbage_collections("acme", **PLAIN)["garbage_collections"]
        told = report["garbage_collection"]
        assert {key: collection[key] for key in told} == told
        assert told["freed_bytes"] == report["predicted_freed_bytes"] > 0
