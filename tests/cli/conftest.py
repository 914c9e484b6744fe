"""The scene that most tests of the command line play in, and the command line itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.cli.scene import Answer, Scene, scene, shop_policy, shop_registry, type_in

Cleaner = Callable[..., Answer]


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[Scene]:
    """A registry `acme` with the repository `shop/web`, under a policy in mode enforce."""
    with scene(tmp_path, shop_registry()) as acme:
        acme.configure(shop_policy())
        yield acme


@pytest.fixture
def cleaner(acme: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cleaner:
    """Types a command in the folder of the scene."""
    return partial(type_in, acme, monkeypatch, capsys)
