"""The status page as people see it: in a real browser, on a desk and on a phone, with the worst names there are."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from starlette.types import ASGIApp

from cleaner.daemon.serving import serving
from cleaner.daemon.site import site
from tests.daemon.boards import BACKWARDS, ENDLESS, SCRIPT, alarming, hostile, live, scene, site_of
from tests.real.browser import Tab, tab
from tests.real.parts import skip_module_without

skip_module_without("chromium")

PHONE, DESK = 390, 1280
WIDTHS = [PHONE, DESK]
SCREENSHOT_BYTES = 30_000


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """`app` on a free port of loopback, served by a thread until the block ends."""
    stop, ready, urls = asyncio.Event(), threading.Event(), []

    async def serve() -> None:
        async with serving(app, "127.0.0.1", 0) as url:
            urls.append(url)
            ready.set()
            await stop.wait()

    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=runner.run, args=(serve(),))
        thread.start()
        try:
            assert ready.wait(10)
            yield urls[0]
        finally:
            loop.call_soon_threadsafe(stop.set)
            thread.join(10)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Tab]]:
    """A served page that tells of twelve nights' runs and of a hostile registry, all alarms on, and a browser."""
    folder = tmp_path_factory.mktemp("status")
    with scene(folder) as at:
        live(at, days=12)
        for event in (*hostile(), *alarming(at)):
            at.board.hear(event)
        with served(site(site_of(at))) as url, tab(folder / "profile") as browser:
            yield url, browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_it_is_there_to_be_seen(shown: tuple[str, Tab], width: int, scheme: str, tmp_path: Path) -> None:
    """The page paints itself, by day and by night, and its console stays silent."""
    url, browser = shown
    browser.show(url, width, scheme=scheme)
    browser.screenshot(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > SCREENSHOT_BYTES
    dark = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(15, 19, 24)") is (scheme == "dark")
    assert browser.complaints == []


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_sticks_out(shown: tuple[str, Tab], width: int) -> None:
    """The body is no wider than the window, with everything unfolded."""
    url, browser = shown
    browser.show(url, width)
    browser.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate("document.documentElement.scrollWidth") == width


def test_it_asks_nobody_else(shown: tuple[str, Tab]) -> None:
    """Every request goes to the host that the page came from; what it needs besides, it carries."""
    url, browser = shown
    browser.show(url, DESK)
    foreign = [each for each in browser.requests if urlsplit(each).scheme != "data" and not each.startswith(url)]
    assert browser.requests
    assert foreign == []


def test_malice_is_shown_as_text(shown: tuple[str, Tab]) -> None:
    """A script in a tag is read, not run; what would turn the text around is spelled out; what has no end is cut."""
    url, browser = shown
    browser.show(url, DESK)
    browser.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    text = browser.evaluate("document.body.innerText")
    assert SCRIPT in text
    assert BACKWARDS not in text
    assert r"v1\u202egnp.exe" in text
    assert ENDLESS[:500] not in text
    assert "attention" in browser.evaluate("document.title")
    assert browser.evaluate("document.querySelectorAll('script, img, main [style], [onerror]').length") == 0
