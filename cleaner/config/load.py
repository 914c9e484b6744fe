"""Find the configuration file and load it: into settings, or into all its problems at once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from cleaner.config.checks import contradictions
from cleaner.config.compiling import Source, admin, registry_settings
from cleaner.config.doubts import doubts
from cleaner.config.models import File
from cleaner.config.problems import problems_of
from cleaner.config.settings import LogLevel, Place, Settings
from cleaner.config.yaml_file import Document, parse, read_text
from cleaner.errors import ConfigError, Problem, UsageError

VARIABLE = "CLEANER_CONFIG"
PLACES = (Path("config.yaml"), Path("/etc/registry-cleaner/config.yaml"))

_SMALLEST = 'the smallest: registries: [{name: acme, policies: [{repositories: ["*"], keep: [{tags: ["*"]}]}]}]'


def find(explicit: Path | None, env: Mapping[str, str]) -> Path:
    """The file to load: `explicit`, else the one that CLEANER_CONFIG names, else the first of PLACES (contracts).

    Raises:
        UsageError: there is none; names every place tried.
    """
    if explicit is not None:
        return explicit
    if env.get(VARIABLE):
        return Path(env[VARIABLE])
    found = next((path for path in PLACES if _is_there(path)), None)
    if found is None:
        tried = ", ".join(str(path) for path in PLACES)
        raise UsageError(
            f"no configuration file: {VARIABLE} is not set, and none of {tried} exists", "name one with -c"
        )
    return found


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that is closed to us: loading says why
        return True


def load(path: Path, env: Mapping[str, str]) -> Settings:
    """The settings in the file at `path`; `env` is where secrets are looked for when they are revealed.

    Raises:
        ConfigError: with every problem found in the file, in its order (policy page, "Errors and warnings at load").
    """
    document = parse(read_text(path), str(path))
    if document is None:
        raise ConfigError((Place(str(path), 1, 1).problem("the file is empty", _SMALLEST),))
    file = _validated(document)
    source = Source(path, document.root, env)
    registries = tuple(registry_settings(file, number, source) for number in range(len(file.registries)))
    warnings = tuple(doubts(registries, document.root))
    return Settings(
        path=path,
        registries=registries,
        state=_state(file.state, path),
        listen=file.listen,
        log_level=LogLevel(file.log.level),
        admin=admin(file, source),
        warnings=warnings,
    )


def _state(url: str, file: Path) -> str:
    """The state's URL; a relative path starts at the folder of the configuration, wherever the command was started."""
    prefix = "sqlite:///"
    return prefix + os.path.join(os.path.abspath(file.parent), url.removeprefix(prefix))  # noqa: PTH100, PTH118


def _validated(document: Document) -> File:
    problems = [*document.problems, *contradictions(document.root)]
    try:
        file = File.model_validate(document.root.plain())
    except ValidationError as error:
        raise ConfigError(_in_order([*problems, *problems_of(error, document.root)])) from None
    if problems:
        raise ConfigError(_in_order(problems))
    return file


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(set(problems), key=lambda problem: (problem.line, problem.column, problem.message)))
