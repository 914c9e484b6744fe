"""The simulator on real sockets, and its command's flags."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cleaner.cli.options import parse_address
from cleaner.cli.simulator import parse_duration, simulator
from cleaner.clock import new_id, utc_now
from cleaner.errors import UsageError
from cleaner.simulator.behaviour import Behaviour
from cleaner.simulator.serve import Address, CannotListen, Options, serving
from tests.loopback import ask

COMMAND = "import typer; from cleaner.cli.simulator import simulator; typer.run(simulator)"


@contextmanager
def _command(*flags: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """The command in a process of its own, with the lines that it printed when it was ready."""
    arguments = [sys.executable, "-c", COMMAND, *flags]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline(), process.stdout.readline()
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_ends_cleanly_on_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    """Both planes on real ports, the realm on the control plane's origin, then exit 0 and nothing on stderr."""
    path = tmp_path / "load.json"
    path.write_text('{"registries": [{"name": "acme"}]}')
    with _command("--listen", "127.0.0.1:0", "--load", str(path), "--token", "s3cret") as (process, first, second):
        control = first.removeprefix("listening on ").strip()
        registry = second.removeprefix("registry on ").strip()
        bearer = {"Authorization": "Bearer s3cret"}
        assert ask("GET", f"{control}/v2/registry").status_code == 401
        assert ask("GET", f"{control}/v2/registry", headers=bearer).json()["registry"]["name"] == "acme"
        assert f'realm="{control}/v2/registry/auth"' in ask("GET", f"{registry}/v2/").headers["www-authenticate"]
        os.kill(process.pid, number)
        assert process.wait(timeout=10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_thread_serves_both_planes_until_the_block_ends() -> None:
    """The demo registry, whole: nothing is left listening."""
    with serving(Options(now=utc_now, new_id=new_id)) as origins:
        listed = ask("GET", f"{origins.control}/v2/registries", headers={"Authorization": "Bearer any"}).json()
        assert [registry["name"] for registry in listed["registries"]] == ["demo"]
        assert ask("GET", f"{origins.registry}/v2/").status_code == 401
    for origin in (origins.control, origins.registry):
        with pytest.raises(httpx.ConnectError):
            ask("GET", origin)


def test_a_client_that_hangs_up_is_seen() -> None:
    """Its request has no status, though others are answered."""
    slow = Behaviour(latency=timedelta(milliseconds=500))
    with serving(Options(now=utc_now, new_id=new_id, behaviour=slow)) as origins:
        headers = {"Authorization": "Bearer any"}
        with pytest.raises(httpx.ReadTimeout):
            ask("GET", f"{origins.control}/v2/registry", headers=headers, timeout=httpx.Timeout(5, read=0.05))
        assert ask("GET", f"{origins.control}/v2/registries", headers=headers).status_code == 200
        requests = ask("GET", f"{origins.control}/_simulator/requests").json()["requests"]
    assert [(request["path"], request["status"]) for request in requests] == [
        ("/v2/registry", None),
        ("/v2/registries", 200),
    ]


def test_an_address_in_use_is_named() -> None:
    """Nothing is served half."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        options = Options(now=utc_now, new_id=new_id, registry_listen=Address("127.0.0.1", port))
        with pytest.raises(CannotListen, match=f"127.0.0.1, port {port}"), serving(options):
            pass


@pytest.mark.parametrize(
    ("flag", "value", "expected"),
    [
        ("listen", "nowhere", "--listen nowhere: expected HOST:PORT"),
        ("listen", "127.0.0.1:x", "expected HOST:PORT"),
        ("registry_listen", "127.0.0.1:65536", "--registry-listen 127.0.0.1:65536: expected HOST:PORT"),
        ("listen", ":80", "expected HOST:PORT"),
        ("listen", "192.0.2.1:0", "cannot listen on 192.0.2.1"),
        ("latency", "30", "--latency 30: expected a duration"),
        ("gc_duration", "-5s", "--gc-duration -5s: expected a duration"),
        ("gc_duration", "5 s", "expected a duration"),
        ("load", Path("nowhere.json"), "cannot read the load file nowhere.json"),
    ],
)
def test_a_flag_that_cannot_be_is_a_usage_error(flag: str, value: object, expected: str) -> None:
    """Exit 2, with a message that names it; nothing is served."""
    with pytest.raises(UsageError, match=expected) as caught:
        simulator(**{flag: value})  # type: ignore[arg-type]
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "duration"),
    [("30ms", {"milliseconds": 30}), ("5s", {"seconds": 5}), ("2m", {"minutes": 2}), ("1h", {"hours": 1}), ("0s", {})],
)
def test_durations_are_whole_numbers_of_milliseconds_to_days(text: str, duration: dict[str, int]) -> None:
    """With their unit."""
    assert parse_duration("--latency", text) == timedelta(**duration)


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:80", Address("127.0.0.1", 80)), ("[::1]:8080", Address("::1", 8080)), ("name:0", Address("name", 0))],
)
def test_addresses_are_a_host_and_a_port(text: str, address: Address) -> None:
    """An IPv6 host stands in brackets."""
    assert Address(*parse_address("--listen", text)) == address


def test_the_token_is_not_shown() -> None:
    """Not where the options are printed."""
    assert "s3cret" not in repr(Options(now=utc_now, new_id=new_id, behaviour=Behaviour("s3cret")))
