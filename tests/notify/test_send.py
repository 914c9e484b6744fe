"""A message reaches people through apprise, at real services on loopback; none can hold up a run or see it fail.

What they are told at is a secret: it stands in no complaint and no log.
"""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from cleaner.config.settings import Place, Secret
from cleaner.notify.message import LIMIT, Message
from cleaner.notify.send import PATIENCE, send, unusable
from tests.notify.services import Service, serving
from tests.virtual_time import VirtualTimeLoop

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise imports it

MESSAGE = Message("acme: 3 deleted", "Deleted:\n- shop/web: <3> manifests & *more*")
HERE = Place("config.yaml", 1, 1)
TOKEN = "3fa85f64-secret"
SOON = timedelta(milliseconds=300)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is asked directly, whatever proxy the environment names."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def service() -> Iterator[Service]:
    with serving(Service()) as service:
        yield service


def secret(url: str, name: str = "NOTIFY_URL") -> Secret:
    return Secret.from_env(name, {name: url}, HERE)


def sent(*urls: str, patience: timedelta = PATIENCE) -> tuple[str, ...]:
    """The complaints about a message that was sent to the URLs in NOTIFY_1, NOTIFY_2 and so on."""
    secrets = tuple(secret(url, f"NOTIFY_{number}") for number, url in enumerate(urls, start=1))
    return asyncio.run(send(secrets, MESSAGE, patience))


def about(number: int, why: str) -> str:
    return f"nobody was told by the URL in the environment variable NOTIFY_{number}: {why}"


REFUSED = "its service could not be reached, or did not take the message"
UNKNOWN = "apprise knows no service for it; its documentation has the form that a service's URL has"


def test_a_service_gets_title_and_body_as_they_are(service: Service) -> None:
    """Plain text stays plain text, sent once, under our name and without an attachment."""
    assert sent(service.url("hook")) == ()
    ((path, told),) = service.told
    assert (path, told["title"], told["message"]) == ("/hook", MESSAGE.title, MESSAGE.body)
    assert not told["attachments"]
    assert service.agents == ["registry-cleaner"]


def test_a_whole_message_fits(service: Service) -> None:
    """The longest body arrives to its end, where the service takes as much."""
    longest = Message("acme", "x" * (LIMIT - 1) + "…")
    assert asyncio.run(send((secret(service.url()),), longest)) == ()
    assert [told["message"] for _, told in service.told] == [longest.body]


def test_nobody_to_tell_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a URL apprise is not even asked for."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    assert sent() == ()


def test_a_missing_extra_is_one_complaint(monkeypatch: pytest.MonkeyPatch, service: Service) -> None:
    """It says how to install it, once however many URLs there are."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    (complaint,) = sent(service.url(), service.url())
    assert complaint.endswith('pip install "registry-cleaner[notify]"')
    assert service.told == []
    (foreseen,) = unusable((secret(service.url()), secret(service.url())))
    assert foreseen.endswith('pip install "registry-cleaner[notify]"')
    assert unusable(()) == ()


def closed_port() -> int:
    """A port of loopback on which nobody listens any more."""
    with serving(Service()) as service:
        return service.port


@pytest.mark.parametrize("status", [302, 400, 401, 404, 500])
def test_a_service_that_refuses_is_told_of(service: Service, status: int) -> None:
    """It is asked once: the next run has its own message."""
    service.status = status
    assert sent(service.url(TOKEN)) == (about(1, REFUSED),)
    assert len(service.told) == 1


def test_no_redirect_is_followed(service: Service) -> None:
    """What a message holds goes where its URL says, and nowhere else."""
    with serving(Service()) as elsewhere:
        service.status, service.headers = 307, {"location": f"http://127.0.0.1:{elsewhere.port}/"}
        assert sent(service.url()) == (about(1, REFUSED),)
        assert elsewhere.told == []


UNUSABLE = [
    ("", "the environment variable NOTIFY_1 is empty"),
    (f"carrier-pigeon://{TOKEN}", UNKNOWN),
    (TOKEN, UNKNOWN),
    (f"slack://{TOKEN}", UNKNOWN),
    (f"http://127.0.0.1/{TOKEN}", UNKNOWN),
    (f"file:///etc/{TOKEN}", UNKNOWN),
]


@pytest.mark.parametrize(("url", "why"), [*UNUSABLE, (f"json://127.0.0.1:99999/{TOKEN}", REFUSED)])
def test_a_url_that_cannot_be_used_is_told_of(url: str, why: str) -> None:
    """By the name of its source."""
    assert sent(url) == (about(1, why),)


@pytest.mark.parametrize(("url", "why"), UNUSABLE)
def test_a_url_that_cannot_be_used_is_known_before_it_is(url: str, why: str) -> None:
    """For the same reason, by the name of its source."""
    complaint = f"nobody can be told by the URL in the environment variable NOTIFY_1: {why}"
    assert unusable((secret(url, "NOTIFY_1"),)) == (complaint,)


def test_to_look_at_a_url_asks_nobody(service: Service) -> None:
    """One that apprise can read is no trouble yet, wherever it leads."""
    assert unusable((secret(service.url(TOKEN)), secret(f"json://127.0.0.1:{closed_port()}/{TOKEN}"))) == ()
    assert service.told == []


def test_one_that_fails_stops_no_other(service: Service) -> None:
    """Each URL is tried by itself; the complaints stand in the order of the URLs."""
    nowhere = f"json://127.0.0.1:{closed_port()}/{TOKEN}"
    with serving(Service(hangs=True)) as hanging:
        urls = (nowhere, hanging.url(TOKEN), service.url("1"), "nonsense", service.url("2"))
        complaints = sent(*urls, patience=timedelta(seconds=2))
    assert complaints == (
        about(1, REFUSED),
        about(2, "its service did not take the message within 2 s"),
        about(4, UNKNOWN),
    )
    assert sorted(path for path, _ in service.told) == ["/1", "/2"]


def test_a_service_that_hangs_is_given_up() -> None:
    """All of them together take no longer than one may."""
    with serving(Service(hangs=True)) as hanging:
        started = time.monotonic()
        complaints = sent(*[hanging.url(TOKEN)] * 5, patience=SOON)
        took = time.monotonic() - started
    why = "its service did not take the message within 0.3 s"
    assert complaints == tuple(about(number, why) for number in range(1, 6))
    assert took < 3


def test_a_run_that_is_stopped_does_not_wait() -> None:
    """A cancelled message is given up at once."""

    async def story(url: str) -> float:
        sending = asyncio.create_task(send((secret(url),), MESSAGE))
        async with asyncio.timeout(20):
            while not hanging.told:
                await asyncio.sleep(0.01)
        started = asyncio.get_running_loop().time()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        return asyncio.get_running_loop().time() - started

    with serving(Service(hangs=True)) as hanging:
        assert asyncio.run(story(hanging.url())) < 1


PROCESS = """
import asyncio, sys
from datetime import timedelta
from cleaner.config.settings import Place, Secret
from cleaner.notify.message import Message
from cleaner.notify.send import send, unusable

url = Secret.from_env("URL", {"URL": sys.argv[1]}, Place("config.yaml", 1, 1))
unusable((url,))  # apprise is loaded, however long that takes
print(*asyncio.run(send((url,), Message("title", "body"), timedelta(seconds=1))))
"""


def test_the_end_of_the_process_waits_for_no_service() -> None:
    """A service that would be waited for a minute holds up nothing, and the process ends in silence."""
    with serving(Service(hangs=True)) as hanging:
        command = [sys.executable, "-c", PROCESS, f"{hanging.url(TOKEN)}?rto=60"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert ended.stdout.endswith("did not take the message within 1 s\n")
    assert (ended.stderr, len(hanging.told)) == ("", 1)


def test_trouble_inside_apprise_is_a_complaint_by_kind(service: Service) -> None:
    """A library's own words may hold the URL: here a header that cannot be sent."""
    (complaint,) = sent(f"{service.url()}?+header={TOKEN}%E2%82%AC")
    assert complaint.startswith(about(1, "unexpected UnicodeEncodeError in "))
    assert TOKEN not in complaint
    assert service.told == []


@pytest.mark.parametrize("status", [200, 500])
def test_the_url_is_nowhere_to_be_read(
    service: Service, status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in a complaint, a log of any library at any level, or what a process prints."""
    caplog.set_level(logging.DEBUG)
    service.status = status
    refusing = f"json://user:{TOKEN}@127.0.0.1:{closed_port()}/{TOKEN}?+header={TOKEN}"
    bad = (f"slack://{TOKEN}", f"nothing://{TOKEN}", f"mailto://{TOKEN}@")
    foreseen = unusable(tuple(secret(url) for url in (refusing, *bad)))
    assert len(foreseen) == 3
    complaints = (*foreseen, *sent(service.url(TOKEN), refusing, *bad))
    assert len(complaints) == (7 if status == 200 else 8)
    printed = capfd.readouterr()
    assert TOKEN not in f"{complaints} {caplog.text} {printed.out} {printed.err}"


def test_nothing_is_written_and_no_file_is_looked_for(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Apprise keeps nothing on the disk, and plugins and files of its own at home are none of ours."""
    plugins = tmp_path / ".apprise" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "ours.py").write_text("raise SystemExit('it was read')\n")
    (tmp_path / ".apprise.yml").write_text(f"urls: ['{service.url('of-a-file')}']\n")
    for variable in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setenv("APPRISE_URLS", service.url("of-the-environment"))
    before = sorted(tmp_path.rglob("*"))
    assert sent(service.url("ours")) == ()
    assert [path for path, _ in service.told] == ["/ours"]
    assert sorted(tmp_path.rglob("*")) == before


def test_it_works_in_virtual_time(service: Service) -> None:
    """Where threads run inline, it is sent inline."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        assert runner.run(send((secret(service.url()),), MESSAGE)) == ()
    assert len(service.told) == 1


def test_the_loop_goes_on_while_a_service_is_waited_for() -> None:
    """Other work of the daemon is not held up, and what waits is a daemon thread of its own."""

    async def story(url: str) -> tuple[int, bool]:
        sending = asyncio.create_task(send((secret(url),), MESSAGE, SOON))
        beats = 0
        while not sending.done():
            await asyncio.sleep(0.01)
            beats += 1
        return beats, all(thread.daemon for thread in threading.enumerate() if thread.name == "notify")

    with serving(Service(hangs=True)) as hanging:
        beats, daemons = asyncio.run(story(hanging.url()))
    assert beats > 5
    assert daemons
