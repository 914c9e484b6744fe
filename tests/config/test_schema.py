"""The JSON Schema, and the example: what a newcomer's editor and eyes see first."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cleaner.config.load import load
from cleaner.config.models import File
from cleaner.config.schema import schema
from tests.config.files import SMALLEST, problems, with_rule, write

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
VALIDATOR = jsonschema.Draft202012Validator(schema())

REFUSED = [
    "{}",
    "registries: []",
    f"{SMALLEST}\nmode: off",
    f"{SMALLEST}\nmode: null",
    f"{SMALLEST}\ngraze: 24h",
    f"{SMALLEST}\ngrace: 24",
    f"{SMALLEST}\ngrace: 1y",
    f"{SMALLEST}\nrecheck: 0s",
    f"{SMALLEST}\nlimits: {{share: 0.5}}",
    f"{SMALLEST}\nlimits: {{deletions: 0}}",
    f"{SMALLEST}\nlimits: {{deletions: '5'}}",
    f"{SMALLEST}\nprotect: {{tags: latest}}",
    f"{SMALLEST}\nprotect: {{tags: ['']}}",
    f"{SMALLEST}\nprotect: {{digests: [abc]}}",
    f"{SMALLEST}\nprotect: {{in_use: []}}",
    f"{SMALLEST}\nprotect: {{in_use: null}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{}}]}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{docker: {{}}}}]}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{repositories: [a]}}]}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{file: a, app_platform: {{}}}}]}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{file: a, repositories: []}}]}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{app_platform: null}}]}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{app_platform: {{deployments: -1}}}}]}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{kubernetes: {{name: prod}}}}]}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{kubernetes: {{cluster: ''}}}}]}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{kubernetes: {{cluster: {'a' * 254}}}}}]}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{kubernetes: {{kubeconfig: 5}}}}]}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{kubernetes: {{context: prod}}}}]}}",
    f"{SMALLEST}\nprotect: {{remember: 30}}",
    f"{SMALLEST}\nnotice: 24",
    f"{SMALLEST}\nnotice: null",
    f"{SMALLEST}\nnotify: null",
    f"{SMALLEST}\nnotify: {{env: URL}}",
    f"{SMALLEST}\nnotify: ['https://host/x']",
    f"{SMALLEST}\nnotify: [{{}}]",
    f"{SMALLEST}\napi: {{token: secret}}",
    f"{SMALLEST}\napi: {{token: {{}}}}",
    f"{SMALLEST}\napi: {{token: {{env: A, file: b}}}}",
    f"{SMALLEST}\napi: {{url: 'ftp://host'}}",
    f"{SMALLEST}\nstate: 'postgresql://host/db'",
    f"{SMALLEST}\nlisten: here",
    f"{SMALLEST}\nlog: {{level: verbose}}",
    f"{SMALLEST}\nlog: null",
    f"{SMALLEST}\nadmin: {{}}",
    f"{SMALLEST}\nadmin: {{token: secret}}",
    f"{SMALLEST}\nadmin: null",
    SMALLEST.replace("name: acme", "name: acme, heartbeat: {url: 'https://host/x'}"),
    SMALLEST.replace("name: acme", "name: acme, heartbeat: {}"),
    SMALLEST.replace("name: acme", "name: acme, garbage_collection: {quiet: 5}"),
    with_rule(""),
    with_rule("null"),
    with_rule("{tags: []}"),
    with_rule("{tags: [1.10]}"),
    with_rule("{tags: [no]}"),
    with_rule("{except: x}"),
    with_rule("{last: 0}"),
    with_rule("{last: null}"),
    with_rule("{within: 0d}"),
    with_rule("{calendar: {}}"),
    with_rule("{calendar: {dayly: 1}}"),
    with_rule("{semver: {}}"),
    f"{with_rule('{}')}        untagged: delete",
    f"{with_rule('{}')}        untagged: {{}}",
    f"{with_rule('{}')}        unmatched: yes",
    f"{with_rule('{}')}        notice: 7",
]

TAKEN = [
    SMALLEST,
    with_rule("{tags: ['v*'], semver: {majors: 1}}"),
    f"{SMALLEST}\nnotice: 0s\nnotify: []\nprotect: {{in_use: none, remember: 0s}}",
    f"{SMALLEST}\nnotice: 24h\nnotify: [{{env: URL}}, {{file: url}}]",
    f"{SMALLEST}\nprotect: {{in_use: [{{app_platform: {{}}}}, {{kubernetes: {{}}}}, {{file: images.txt}}]}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{app_platform: {{deployments: 0}}, repositories: [a, 'b/*']}}]}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{kubernetes: {{cluster: a, kubeconfig: b, context: c@d}}}}]}}",
    f"{SMALLEST}\nprotect: {{in_use: [{{kubernetes: {{kubeconfig: b}}}}, {{kubernetes: {{cluster: c}}}}]}}",
    f"{with_rule('{}')}        notice: 0s",
    f"{SMALLEST}\nlog: {{level: debug}}\nadmin: {{token: {{file: admin-token}}}}",
    SMALLEST.replace("name: acme", "name: acme, heartbeat: {url: {env: URL}}, garbage_collection: {quiet: 5m}"),
]


def _data(text: str) -> Any:
    return yaml.safe_load(text)


def test_the_schema_is_a_schema_of_2020_12() -> None:
    """It says so, and it is one."""
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema())


def _described(node: Any, path: str) -> list[str]:
    lacking = [
        f"{path}.{key}"
        for key, value in node.get("properties", {}).items()
        if "$ref" not in value and not value.get("description")
    ]
    return [*lacking, *([] if node.get("description") else [path])]


def test_every_key_is_described() -> None:
    """An editor that shows the schema explains each key; a mapping by its own description."""
    whole = schema()
    assert _described(whole, "file") == []
    assert [lack for name, part in whole["$defs"].items() for lack in _described(part, name)] == []


def test_the_schemas_defaults_are_values_that_the_schema_takes() -> None:
    """They stand as people write them: 100MiB, 2h, 20%."""
    whole = schema()
    for part in (whole, *whole["$defs"].values()):
        for value in part.get("properties", {}).values():
            if "default" in value:
                jsonschema.validate(value["default"], {"$defs": whole["$defs"], **value})


@pytest.mark.parametrize("text", REFUSED)
def test_what_the_schema_refuses_the_loader_refuses(tmp_path: Path, text: str) -> None:
    """An editor's red line is never wrong."""
    assert not VALIDATOR.is_valid(_data(text))
    assert problems(tmp_path, text)


@pytest.mark.parametrize("text", TAKEN)
def test_what_the_loader_takes_the_schema_takes(tmp_path: Path, text: str) -> None:
    """An editor draws no red line under a file that loads."""
    assert problems(tmp_path, text) == []
    assert VALIDATOR.is_valid(_data(text))


def test_the_example_loads_without_error_or_warning_and_deletes_nothing() -> None:
    """A newcomer can copy it, and nothing in it enforces."""
    loaded = load(EXAMPLE, {})
    assert loaded.warnings == ()
    assert not any(registry.enforces for registry in loaded.registries)


def test_the_example_is_what_the_schema_says() -> None:
    """And its first line tells editors where the schema is."""
    text = EXAMPLE.read_text(encoding="utf-8")
    VALIDATOR.validate(_data(text))
    assert text.startswith("# yaml-language-server: $schema=./config.schema.json\n")


def test_what_the_example_calls_a_default_is_one(tmp_path: Path) -> None:
    """With every default taken out of its comment, the file means the same."""
    text = EXAMPLE.read_text(encoding="utf-8")
    spelled_out = write(tmp_path, re.sub(r"^(\s*)#(?=[a-z]|  )", r"\1", text, flags=re.MULTILINE))
    assert replace(load(spelled_out, {}), path=EXAMPLE) == load(EXAMPLE, {})


def test_the_example_names_every_key_of_the_language() -> None:
    """Each key of each mapping stands in it, as a value or as a default behind a #."""
    text = EXAMPLE.read_text(encoding="utf-8")
    whole = schema()
    keys = {key for part in (whole, *whole["$defs"].values()) for key in part.get("properties", {})}
    assert {key for key in keys if not re.search(rf"\b{key}\b", text)} == set()
    assert set(File.model_fields) <= keys
