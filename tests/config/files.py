"""Configuration files for the tests, written below a folder of the test's own."""

from __future__ import annotations

from pathlib import Path

from cleaner.config.load import load
from cleaner.config.settings import Settings
from cleaner.errors import ConfigError

SMALLEST = 'registries: [{name: acme, policies: [{repositories: ["*"], keep: [{tags: ["*"]}]}]}]'


def write(folder: Path, content: str | bytes) -> Path:
    """A file with that content."""
    path = folder / "config.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def settings(folder: Path, text: str) -> Settings:
    """What the text loads into."""
    return load(write(folder, text), {})


def problems(folder: Path, content: str | bytes) -> list[str]:
    """The problems that loading the content names, each as `line:column: message (hint)`; none where it loads."""
    path = write(folder, content)
    try:
        load(path, {})
    except ConfigError as error:
        return [str(problem).removeprefix(f"{path}:") for problem in error.problems]
    return []


def with_rule(rule: str) -> str:
    """A file whose rule is on line 5, from column 11."""
    return f"""registries:
  - name: acme
    policies:
      - repositories: ["*"]
        keep: [{rule}]
"""
