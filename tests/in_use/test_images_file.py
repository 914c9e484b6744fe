"""The file of images: what a line means, and when the file is no source at all."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from cleaner.config.settings import ImagesFile
from cleaner.errors import SourceUnreadable
from cleaner.in_use import images_file
from cleaner.in_use.references import Home
from cleaner.model.manifest import Digest
from cleaner.model.use import Use

HOME = Home("acme", ("registry.digitalocean.com",))
DIGEST = Digest(f"sha256:{'a1' * 32}")

WRITTEN = f"""
# what runs on the two old machines
registry.digitalocean.com/acme/shop/web:1.2
  shop/web@{DIGEST}   # pinned
acme/api

{DIGEST}\r
quay.io/prometheus/node-exporter:v1.8
"""


def read(path: Path) -> tuple[Use, ...]:
    return asyncio.run(images_file.read(ImagesFile(path), HOME))


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "images.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_each_line_names_an_image(tmp_path: Path, mark: str) -> None:
    """Ours become uses with file and line; comments, blank lines, a byte order mark and others' images do not."""
    path = written(tmp_path, mark + WRITTEN)
    source = ImagesFile(path).name
    assert read(path) == (
        Use("shop/web", "1.2", None, source, "images.txt:3"),
        Use("shop/web", None, DIGEST, source, "images.txt:4"),
        Use("acme/api", "latest", None, source, "images.txt:5"),
        Use("api", "latest", None, source, "images.txt:5"),
        Use(None, None, DIGEST, source, "images.txt:7"),
    )


def test_a_file_of_others_images_alone_says_that_nothing_of_ours_is_in_use(tmp_path: Path) -> None:
    """It names images, so whatever writes it works."""
    assert read(written(tmp_path, "quay.io/prometheus/node-exporter:v1.8\n")) == ()


BAD = [
    ("", "names no image at all"),
    ("\n# nothing yet\n   \n", "names no image at all"),
    ("shop/web:1\nshop/Web:1\n", r"line 2 of the file .*images\.txt: expected an image reference"),
    ("registry.digitalocean.com/acme\n", r"line 1 of the file .*images\.txt: expected a repository of acme"),
    ("error: cannot connect to the database\n", r"line 1 of the file .*images\.txt: expected an image reference"),
    ("sha256:1234\n", r"line 1 of the file .*images\.txt: expected an image reference"),
    (b"shop/web:1\nshop/w\xffb:1\n", r"line 2 of the file .*images\.txt: expected UTF-8"),
    ("shop/web:1\x0bshop/api:1\n", r"line 1 of the file .*images\.txt: expected an image reference"),
]


@pytest.mark.parametrize(("content", "why"), BAD)
def test_a_file_that_says_nothing_or_nonsense_is_unreadable(tmp_path: Path, content: str | bytes, why: str) -> None:
    """What wrote it most likely failed; nothing of it counts, and the line is named."""
    with pytest.raises(SourceUnreadable, match=why) as caught:
        read(written(tmp_path, content))
    assert caught.value.next_step


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    """It is not an empty one."""
    with pytest.raises(SourceUnreadable, match=r"nowhere\.txt cannot be read: No such file"):
        read(tmp_path / "nowhere.txt")


def test_what_is_no_regular_file_is_unreadable(tmp_path: Path) -> None:
    """A pipe would be waited for without an end (law 12)."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(SourceUnreadable, match="no regular file"):
            read(path)


def test_a_file_that_may_not_be_looked_at_is_unreadable(tmp_path: Path) -> None:
    """The system's own reason is told."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceUnreadable, match="cannot be read: Not a directory"):
        read(tmp_path / "file" / "images.txt")
    with pytest.raises(SourceUnreadable, match="cannot be read: File name too long"):
        read(tmp_path / ("i" * 300))


def test_a_file_above_16_mib_is_unreadable(tmp_path: Path) -> None:
    """Half of it would hide the other half."""
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(images_file.FILE_BYTES + 1)
    with pytest.raises(SourceUnreadable, match="above 16 MiB"):
        read(tmp_path / "large.txt")
