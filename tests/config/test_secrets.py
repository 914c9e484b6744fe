"""Secrets are named in the file and never shown (law 11): the API and the admin token, URLs of heartbeat and notify."""

from __future__ import annotations

import dataclasses
import os
import pickle
from pathlib import Path

import pytest

from cleaner.config.load import load
from cleaner.config.settings import Place, Secret
from cleaner.errors import ConfigError
from tests.config.files import SMALLEST, problems, write

VALUE = "dop_v1_5ecre7"
PLACE = Place("config.yaml", 3, 10)


@pytest.mark.parametrize(
    "token",
    [
        VALUE,
        "some-other-secret",
        "[dop_v1_5ecre7]",
        "{env: dop_v1_5ecre7}",
        "{file: dop_v1_5ecre7}",
        "{value: dop_v1_5ecre7}",
        "{dop_v1_5ecre7}",
        "{env: [dop_v1_5ecre7]}",
        "{env: 'some other secret'}",
        "{env: A, file: some-other-secret}",
        "{}",
        "12345",
    ],
)
@pytest.mark.parametrize("where", ["api: {{token: {}}}", "registries: [{{api: {{token: {}}}}}]"])
def test_a_token_in_the_file_is_an_error_that_does_not_echo_it(tmp_path: Path, token: str, where: str) -> None:
    """The message says how to name a variable or a file instead."""
    found = [problem for problem in problems(tmp_path, where.format(token)) if "{env: DIGITALOCEAN_" in problem]
    assert found
    assert not any(part in problem for problem in found for part in ("5ecre7", "secret}", "other", "12345"))


@pytest.mark.parametrize(
    "line",
    [
        "api: dop_v1_5ecre7",
        "apitoken: dop_v1_5ecre7",
        "listen: dop_v1_5ecre7",
        "dop_v1_5ecre7: x",
        "mode: dop_v1_5ecre7",
    ],
)
def test_a_token_in_another_place_is_not_echoed_either(tmp_path: Path, line: str) -> None:
    """What looks like one of the provider's tokens is masked wherever a message shows a text of the file."""
    found = problems(tmp_path, f"{SMALLEST}\n{line}")
    assert found
    assert not any("5ecre7" in problem for problem in found)


@pytest.mark.parametrize(
    "line",
    [
        "state: postgresql://me:5ecre7@host/db",
        "api: {url: 'https://me:5ecre7@host'}",
        "api: {registry_url: 'ftp://5ecre7'}",
        'protect: {in_use: [{kubernetes: {kubeconfig: "token: 5ecre7\\n"}}]}',
    ],
)
def test_what_may_hold_a_password_is_not_echoed(tmp_path: Path, line: str) -> None:
    """Only what was expected is said."""
    (found,) = problems(tmp_path, f"{SMALLEST}\n{line}")
    assert "5ecre7" not in found


ADMIN = "write {token: {env: CLEANER_ADMIN_TOKEN}} or {token: {file: /run/secrets/admin-token}}"
HEARTBEAT = "write {url: {env: HEARTBEAT_URL}} or {url: {file: /run/secrets/heartbeat-url}}, never inline"
NOTIFY = "write notify: [{env: NOTIFY_URL}] or notify: [{file: /run/secrets/notify-url}], never inline"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("admin: 5ecre7", ADMIN),
        ("admin: {5ecre7}", ADMIN),
        ("admin: [5ecre7]", ADMIN),
        ("admin: {token: 5ecre7}", ADMIN),
        ("admin: {token: {5ecre7: x}}", ADMIN),
        ("admin: {token: {env: '5ecre7 5ecre7'}}", ADMIN),
        ("registries: [{heartbeat: 'https://hc.example/5ecre7'}]", HEARTBEAT),
        ("registries: [{heartbeat: {'https://hc.example/5ecre7': x}}]", HEARTBEAT),
        ("registries: [{heartbeat: {url: 'https://hc.example/5ecre7'}}]", HEARTBEAT),
        ("registries: [{heartbeat: {url: {env: 'https://hc.example/5ecre7'}}}]", HEARTBEAT),
        ("registries: [{heartbeat: {url: {file: 'https://hc.example/5ecre7'}}}]", HEARTBEAT),
        ("notify: tgram://5ecre7", NOTIFY),
        ("notify: [tgram://5ecre7]", NOTIFY),
        ("notify: {tgram://5ecre7: x}", NOTIFY),
        ("notify: [[5ecre7]]", NOTIFY),
        ("notify: [{url: tgram://5ecre7}]", NOTIFY),
        ("notify: [{env: tgram://5ecre7}]", NOTIFY),
        ("notify: [{env: A}, {file: tgram://5ecre7}]", NOTIFY),
    ],
)
def test_no_other_secret_in_the_file_is_echoed_either(tmp_path: Path, line: str, hint: str) -> None:
    """Nothing is, of what stands below their keys; the message says how to name a variable or a file."""
    found = problems(tmp_path, line)
    assert any(hint in problem for problem in found)
    assert not any("5ecre7" in problem for problem in found)


def test_every_secret_is_named_by_a_variable_or_a_file(tmp_path: Path) -> None:
    """Each is read where it is used; where it cannot be, the message points at where the file names it."""
    (tmp_path / "url").write_text("https://hc.example/5ecre7\n", encoding="ascii")
    acme = SMALLEST.replace("name: acme", "name: acme, heartbeat: {url: {file: url}}")
    path = write(tmp_path, f"{acme}\nadmin: {{token: {{env: ADMIN}}}}\nnotify: [{{env: CHAT}}, {{file: url}}]")
    loaded = load(path, {"ADMIN": "s3same", "CHAT": "tgram://5ecre7"})
    assert loaded.admin is not None
    assert loaded.admin.reveal() == "s3same"
    assert loaded.registries[0].heartbeat is not None
    assert loaded.registries[0].heartbeat.reveal() == "https://hc.example/5ecre7"
    told = [secret.reveal() for secret in loaded.registries[0].notify]
    assert told == ["tgram://5ecre7", "https://hc.example/5ecre7"]
    assert not any(value in repr(loaded) for value in ("s3same", "5ecre7"))
    lacking = load(path, {}).admin
    assert lacking is not None
    with pytest.raises(ConfigError, match=r"config\.yaml:2:16: the environment variable ADMIN is not set"):
        lacking.reveal()
    (tmp_path / "url").unlink()
    with pytest.raises(ConfigError, match=r"config\.yaml:1:44: the file .*/url cannot be read"):
        loaded.registries[0].heartbeat.reveal()


def test_a_secret_is_read_anew_each_time_from_the_environment() -> None:
    """Surrounding whitespace is no part of it."""
    env = {"TOKEN": " first\n"}
    secret = Secret.from_env("TOKEN", env, PLACE)
    assert secret.reveal() == "first"
    env["TOKEN"] = "second"
    assert secret.reveal() == "second"


def test_a_secret_is_read_anew_each_time_from_its_file(tmp_path: Path) -> None:
    """Secrets are rotated by writing the file."""
    path = write(tmp_path, " first\n")
    secret = Secret.from_file(path, PLACE)
    assert secret.reveal() == "first"
    path.write_text("second", encoding="ascii")
    assert secret.reveal() == "second"


def test_a_relative_file_starts_at_the_configurations_folder(tmp_path: Path) -> None:
    """Wherever the process was started."""
    (tmp_path / "token").write_text(VALUE, encoding="ascii")
    loaded = load(write(tmp_path, f"{SMALLEST}\napi: {{token: {{file: token}}}}"), {})
    assert loaded.registries[0].api.token.reveal() == VALUE


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({}, "the environment variable TOKEN is not set (set it, or name a file: {file: …})"),
        ({"TOKEN": " \n"}, "the environment variable TOKEN is empty"),
        ({"TOKEN": "two\nlines"}, "the environment variable TOKEN holds more than a secret"),
        ({"TOKEN": "schlüssel"}, "the environment variable TOKEN holds more than a secret"),
    ],
)
def test_a_variable_without_a_token_is_named_with_its_place(env: dict[str, str], message: str) -> None:
    """The error points at the line of the file that names the variable, and exits with 2."""
    with pytest.raises(ConfigError) as caught:
        Secret.from_env("TOKEN", env, PLACE).reveal()
    assert str(caught.value).startswith(f"config.yaml:3:10: {message}")
    assert caught.value.exit_code == 2


def test_a_file_without_a_token_is_named(tmp_path: Path) -> None:
    """Missing, a folder, empty, too long, or a pipe that would be waited for without an end."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    (tmp_path / "long").write_bytes(b"a" * (64 * 1024 + 1))
    expected = {
        "none": "cannot be read: No such file or directory",
        ".": "is no regular file",
        "pipe": "is no regular file",
        "empty": "is empty",
        "long": "is above 64 KiB",
    }
    for name, message in expected.items():
        with pytest.raises(ConfigError, match=message):
            Secret.from_file(tmp_path / name, PLACE).reveal()


def test_where_no_token_is_named_the_default_variable_is_looked_at(tmp_path: Path) -> None:
    """DIGITALOCEAN_ACCESS_TOKEN, out of the environment that the loader was given."""
    path = write(tmp_path, SMALLEST)
    assert load(path, {"DIGITALOCEAN_ACCESS_TOKEN": VALUE}).registries[0].api.token.reveal() == VALUE
    with pytest.raises(
        ConfigError, match=r"config\.yaml:1:1: the environment variable DIGITALOCEAN_ACCESS_TOKEN is not"
    ):
        load(path, {}).registries[0].api.token.reveal()


def test_no_way_of_writing_settings_out_shows_a_secret(tmp_path: Path) -> None:
    """Neither repr, str, format, asdict nor pickle: they know where it comes from, not what it is."""
    loaded = load(write(tmp_path, SMALLEST), {"DIGITALOCEAN_ACCESS_TOKEN": VALUE})
    token = loaded.registries[0].api.token
    assert token.reveal() == VALUE
    shown = [repr(loaded), str(token), f"{token}", repr(dataclasses.asdict(loaded.registries[0].api))]
    assert not any(VALUE in text for text in shown)
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(token)
