"""The programs that these tests need, each in the Debian package of its name."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest


def need(*programs: str) -> None:
    """Skip where a program is missing; fail where `REQUIRE_REAL_PARTS` says that none may be."""
    missing = [program for program in programs if shutil.which(program) is None]
    if not missing:
        return
    message = f"needs the Debian packages {', '.join(missing)}: apt-get install {' '.join(missing)}"
    if os.environ.get("REQUIRE_REAL_PARTS"):
        pytest.fail(message)
    pytest.skip(message)


def run(*command: str) -> str:
    """What a command prints; its complaint is in the failure where it does not exit 0 within two minutes."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, f"{' '.join(command)}: {result.stderr or result.stdout}"
    return result.stdout
