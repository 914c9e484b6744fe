"""What the extras bring is needed by those who use them, and by nobody else."""

from __future__ import annotations

import subprocess
import sys

WITHOUT = """
import sys
from importlib import import_module
from pkgutil import walk_packages

for name in ("apprise", "httpx2", "lightkube"):
    sys.modules[name] = None  # an import of it fails

import cleaner
for module in walk_packages(cleaner.__path__, "cleaner."):
    if module.name == "cleaner.ledger.migrations.env":
        continue  # which runs within a migration only
    try:
        import_module(module.name)
    except ModuleNotFoundError:
        print(module.name)
"""


def test_a_plain_installation_needs_no_extra() -> None:
    """Everything loads without them but for what asks a cluster, which is loaded when one is asked."""
    command = (sys.executable, "-c", WITHOUT)
    printed = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert printed.split() == [f"cleaner.in_use.{name}" for name in ("cluster", "cluster_client", "cluster_trouble")]
