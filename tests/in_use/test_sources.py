"""Any source is read to its end, within its time, workload by workload; or it is unreadable (law 6)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from cleaner.config.settings import AppPlatform, ImagesFile, InUseSource, Kubernetes
from cleaner.errors import SourceUnreadable
from cleaner.in_use import sources
from cleaner.in_use.sources import Sources
from cleaner.model.use import Use
from tests.docr.asking import Script, elapsed, run
from tests.in_use.account import HOME, AppsAccount, app, asking, deployment, service, uses
from tests.virtual_time import VirtualTimeLoop


def test_everybody_who_uses_an_image_is_named() -> None:
    """The uses come sorted, so that two looks at the same account are the same."""
    first = app("blog", services=[service("web", "v2"), service("web", "v1")])
    second = app("shop", active_deployment=deployment(1, service("web", "v1")))
    assert uses(AppsAccount([first, second])) == uses(AppsAccount([second, first]))
    assert [(use.tag, use.where) for use in uses(AppsAccount([second, first]))] == [
        ("v1", "blog/web/spec"),
        ("v1", "shop/web/active deployment 000001"),
        ("v2", "blog/web/spec"),
    ]


def test_an_account_that_never_answers_is_given_up() -> None:
    """After two minutes, whatever the tries of its requests come to (law 12)."""
    script = Script(lambda _: httpx.Response(500))
    script.delay = 50.0

    async def story() -> float:
        async with asking(script.transport) as apps:
            with pytest.raises(SourceUnreadable, match="app_platform did not tell within 120 seconds"):
                await Sources(HOME, apps, None).read(InUseSource(AppPlatform(5)))
        return elapsed()

    assert run(story()) == sources.SECONDS


def ask_in_virtual_time(source: InUseSource, http: httpx.AsyncBaseTransport | None = None) -> tuple[Use, ...]:
    async def story() -> tuple[Use, ...]:
        async with asking(AppsAccount([])) as apps:
            return await Sources(HOME, apps, http).read(source)

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(story())


def test_a_file_is_read_by_its_own_reader(tmp_path: Path) -> None:
    """Each line that names an image is a use of it."""
    (tmp_path / "images.txt").write_text("shop/web:1\nshop/api:1\nshop/web:1\n", encoding="utf-8")
    source = InUseSource(ImagesFile(tmp_path / "images.txt"))
    assert ask_in_virtual_time(source) == (
        Use("shop/api", "1", None, source.place.name, "images.txt:2"),
        Use("shop/web", "1", None, source.place.name, "images.txt:1"),
        Use("shop/web", "1", None, source.place.name, "images.txt:3"),
    )


def test_a_cluster_is_read_by_its_own_reader(tmp_path: Path) -> None:
    """One that cannot be asked is an unreadable source, by its name."""
    source = InUseSource(Kubernetes("prod", tmp_path / "nowhere.yaml", None))
    with pytest.raises(SourceUnreadable, match="kubernetes prod"):
        ask_in_virtual_time(source)
