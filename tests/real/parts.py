"""The programs that these tests need, each in the Debian package of its name."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def skip_module_without(*programs: str) -> None:
    """Skip the calling module where a program is missing, unless `REQUIRE_REAL_PARTS` says that none may be.

    There its tests fail for want of it.
    """
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and not os.environ.get("REQUIRE_REAL_PARTS"):
        pytest.skip(f"not installed: {' '.join(missing)} (apt-get install)", allow_module_level=True)


def run(*command: str) -> str:
    """What a command prints; its complaint is in the failure where it does not exit 0 within two minutes."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, f"{' '.join(command)}: {result.stderr or result.stdout}"
    return result.stdout
