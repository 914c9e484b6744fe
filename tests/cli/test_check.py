"""`cleaner check` and `cleaner schema`: the file, what it means, and the way to the registry."""

from __future__ import annotations

import yaml
from jsonschema import Draft202012Validator

from tests.cli.conftest import Cleaner
from tests.cli.scene import Scene, shop_policy
from tests.shelves import policy


def test_a_sound_file_is_told_in_words(acme: Scene, cleaner: Cleaner) -> None:
    """Each policy with its rules, without a request."""
    acme.configure(policy('[{tags: ["v*"], semver: {majors: 2}}, {tags: ["sha-*"], last: 5, within: 30d}]'))
    answer = cleaner("check")
    assert answer.code == 0
    assert "keeps v*: the highest versions (2 majors, all minors, all patches)" in answer.out
    assert "keeps sha-*: the 5 newest and younger than 30 d" in answer.out
    assert acme.requests() == []


def test_a_doubt_is_a_warning(acme: Scene, cleaner: Cleaner) -> None:
    """It stands with file, line and column, in the table and in the document, and the exit code stays 0."""
    acme.configure(policy("[{tags: [main], within: 60d}]"))
    answer = cleaner("check")
    assert answer.code == 0
    assert "warning: config.yaml:" in answer.out
    assert cleaner("check", "--format", "json").json["warnings"]
    assert any("main" in warning for warning in cleaner("plan", "--format", "json").registry["warnings"])


def test_online_reads_only(acme: Scene, cleaner: Cleaner) -> None:
    """Token, registry and listing answer; that deletion is allowed is said to be untried."""
    answer = cleaner("check", "--online")
    assert answer.code == 0
    assert "acme answers: 1 repository, 18 manifests in the first" in answer.out
    assert "cannot be tried without deleting" in answer.out
    assert acme.requests("GET") != []
    assert acme.requests("POST", "PUT", "DELETE") == []


def test_online_tells_what_fails(acme: Scene, cleaner: Cleaner) -> None:
    """A wrong token is 1, and the document carries the error."""
    acme.environment["DIGITALOCEAN_ACCESS_TOKEN"] = "wrong"
    answer = cleaner("check", "--online", "--format", "json")
    assert answer.code == 1
    assert answer.registry["error"]


def test_the_schema_accepts_what_loads(acme: Scene, cleaner: Cleaner) -> None:
    """It is a JSON Schema, needs no file, and the scene's configuration is valid by it."""
    acme.configure(shop_policy())
    text = acme.config.read_text(encoding="utf-8")
    acme.config.unlink()
    schema = cleaner("schema").json
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(yaml.safe_load(text))
