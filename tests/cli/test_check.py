"""`cleaner check` and `cleaner schema`: the file, what it means, and the way to the registry."""

from __future__ import annotations

import yaml
from jsonschema import Draft202012Validator

from tests.cli.conftest import Cleaner
from tests.cli.scene import Scene, shop_policy
from tests.shelves import policy


def test_a_sound_file_is_told_in_words(acme: Scene, cleaner: Cleaner) -> None:
    """Each policy with its rules, without a request."""
    acme.configure(policy('[{tags: ["v*"], semver: {majors: 2, patches: 1}}, {tags: ["sha-*"], last: 5, within: 30d}]'))
    answer = cleaner("check")
    assert answer.code == 0
    assert "keeps v*: the highest versions (2 majors, all minors, 1 patch)" in answer.out
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


SAFEGUARDS = """[
    {app_platform: {deployments: 3}}, {kubernetes: {cluster: prod, kubeconfig: kube.yaml, context: admin@prod}},
    {kubernetes: {}}, {file: images.txt, repositories: ["shop/*", api]}]"""


def test_what_guards_a_registry_is_told_in_words(acme: Scene, cleaner: Cleaner) -> None:
    """Its sources and for whom they speak, memory, notice, and who is told: a secret by its source, never its value."""
    acme.environment["NOTIFY_URL"] = "mailtos://user:s3cret@example.org"
    acme.configure(shop_policy(in_use=SAFEGUARDS, top="notice: 36h\nnotify: [{env: NOTIFY_URL}]"))
    answer = cleaner("check")
    assert answer.code == 0
    for told in (
        "in use: App Platform, with 3 earlier deployments of each app",
        "in use: the Kubernetes cluster prod, by the context admin@prod of ",
        "in use: the Kubernetes cluster around this process, called cluster",
        "images.txt; while it cannot be read, only shop/*, api wait",
        "is kept for 30 d more",
        "what goes is announced 36 h before",
        "told of what is announced and done: whom the environment variable NOTIFY_URL names",
    ):
        assert told in answer.out
    found = cleaner("check", "--format", "json")
    assert len(found.registry["safeguards"]) == 6
    assert "s3cret" not in answer.out + answer.err + found.out
    assert acme.requests() == []


def test_where_nothing_guards_that_is_told(cleaner: Cleaner) -> None:
    """No source, nobody who is told."""
    out = cleaner("check").out
    assert "in use: nothing is asked" in out
    assert "nobody is told of what is done" in out


def test_online_reads_each_source_once(acme: Scene, cleaner: Cleaner) -> None:
    """How many images it tells; one that cannot be read is 3, with what is wrong."""
    acme.configure(shop_policy(in_use="[{file: images.txt}, {file: gone.txt}]"))
    images = [f"registry.digitalocean.com/acme/shop/web:v{number}" for number in (0, 1, 1)]
    (acme.folder / "images.txt").write_text("\n".join(images), encoding="utf-8")
    answer = cleaner("check", "--online")
    assert answer.code == 3
    assert "images.txt tells 2 images in use." in answer.out
    assert "gone.txt cannot be read." in answer.out
    assert "gone.txt" in answer.err
    read, unread = cleaner("check", "--online", "--format", "json").registry["online"]["in_use"]
    assert (read["images"], read["error"]) == (2, None)
    assert unread["images"] is None
    assert unread["error"]
    (acme.folder / "gone.txt").write_text(images[0], encoding="utf-8")
    assert cleaner("check", "--online").code == 0


def test_the_schema_accepts_what_loads(acme: Scene, cleaner: Cleaner) -> None:
    """It is a JSON Schema, needs no file, and the scene's configuration is valid by it."""
    acme.configure(shop_policy())
    text = acme.config.read_text(encoding="utf-8")
    acme.config.unlink()
    schema = cleaner("schema").json
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(yaml.safe_load(text))
