"""A Debian tree made by debootstrap: of this machine's own release, from its own mirror, once for all who need one.

It is kept outside the project, and is not to be written to: mount something over it, or copy it. Making one takes
about a minute. Remove the folder to have it made anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.real.parts import run

PACKAGES = ("ca-certificates", "procps", "python3", "python3-venv", "systemd")
"""What any test needs in its tree, so that one serves all."""

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "registry-cleaner-tests"
"""Where the trees are kept."""

_PATIENCE = "280"  # seconds


def skip_module_unless_root() -> None:
    """Skip the calling module for anybody but root, unless `REQUIRE_REAL_PARTS` says that nothing may be skipped."""
    if os.geteuid() != 0 and not os.environ.get("REQUIRE_REAL_PARTS"):
        pytest.skip("needs root (chroot, mount)", allow_module_level=True)


def tree(cache: Path = CACHE, packages: Sequence[str] = PACKAGES) -> Path:
    """The root of a tree with these packages and what they depend on, made if there is none yet."""
    suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
    wanted = ",".join(sorted(packages))
    place = cache / f"{suite}-{hashlib.sha256(wanted.encode()).hexdigest()[:12]}"
    with _locked(cache):
        if not place.exists():
            _bootstrap(place, suite, wanted)
    return place


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Whoever comes second waits, in whatever process."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _bootstrap(place: Path, suite: str, packages: str) -> None:
    unfinished = place.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    alone = ("timeout", _PATIENCE, "unshare", "--mount")  # what debootstrap mounts in the tree goes with it
    make = ("debootstrap", "--variant=minbase", f"--include={packages}", suite, str(unfinished), _mirror(suite))
    result = subprocess.run((*alone, *make), capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"debootstrap: {result.stdout[-2000:]}{result.stderr}"
    unfinished.rename(place)


def _mirror(suite: str) -> str:
    """The mirror that this machine's own packages come from."""
    which = ("Identifier: Packages", f"Release: {suite}", "Component: main")
    return run("apt-get", "indextargets", "--format", "$(REPO_URI)", *which).split()[0]
