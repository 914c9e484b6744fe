"""People who are to be told: whom no message can reach is known before it is needed, and said when it was."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Cleaner
from tests.cli.scene import Scene, shop_policy
from tests.notify.services import Service, serving

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # apprise imports it

SECRET = "3fa85f64-secret"
NOWHERE = f"json://127.0.0.1:1/{SECRET}"
SOURCE = "the URL in the environment variable NOTIFY_URL"
UNSET = "the environment variable NOTIFY_URL is not set"
UNKNOWN = "apprise knows no service for it"
REFUSED = "its service could not be reached, or did not take the message"


@pytest.fixture(autouse=True)
def telling(acme: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration tells whom NOTIFY_URL names, and loopback is asked directly."""
    monkeypatch.delenv("NOTIFY_URL", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    acme.configure(shop_policy(top="notify: [{env: NOTIFY_URL}]"))


def name(acme: Scene, url: str | None) -> None:
    """Put the URL where the configuration looks for it; None puts nothing there."""
    if url is not None:
        acme.environment["NOTIFY_URL"] = url


@pytest.mark.parametrize(("url", "why"), [(None, UNSET), (SECRET, UNKNOWN), (NOWHERE, REFUSED)])
def test_a_message_that_did_not_arrive_is_a_warning_of_apply(
    acme: Scene, cleaner: Cleaner, url: str | None, why: str
) -> None:
    """On stderr and among the warnings of the answer; what was done is done, so the exit code stays 0."""
    name(acme, url)
    answer = cleaner("apply", "--yes", "--format", "json")
    warning = answer.registry["warnings"][-1]
    assert warning.startswith(f"nobody was told by {SOURCE}: {why}")
    assert f"warning: acme: {warning}\n" in answer.err
    assert answer.code == 0
    assert len(answer.registry["deleted"]) == 8
    assert SECRET not in answer.out + answer.err


def test_a_message_that_did_not_arrive_stands_in_the_table(cleaner: Cleaner) -> None:
    """Beside what was deleted."""
    assert f"warning: nobody was told by {SOURCE}: {UNSET}" in cleaner("apply", "--yes").out


def test_a_message_that_arrived_is_no_warning(acme: Scene, cleaner: Cleaner) -> None:
    """Nothing is said of it."""
    with serving(Service()) as service:
        name(acme, service.url(SECRET))
        answer = cleaner("apply", "--yes", "--format", "json")
    assert len(service.told) == 1
    assert "told" not in " ".join(answer.registry["warnings"])
    assert "warning" not in answer.err


@pytest.mark.parametrize(("url", "why"), [(None, UNSET), (SECRET, UNKNOWN), (f"nothing://{SECRET}", UNKNOWN)])
def test_check_warns_of_a_url_that_cannot_be_used(acme: Scene, cleaner: Cleaner, url: str | None, why: str) -> None:
    """By the name of its source, in the table and in the document; the file is in order all the same."""
    name(acme, url)
    answer, document = cleaner("check"), cleaner("check", "--format", "json")
    assert f"warning: nobody can be told by {SOURCE}: {why}" in answer.out
    assert [warning.startswith(f"nobody can be told by {SOURCE}") for warning in document.json["warnings"]] == [True]
    assert (answer.code, document.code) == (0, 0)
    assert SECRET not in answer.out + answer.err + document.out


def test_check_sends_no_message(acme: Scene, cleaner: Cleaner) -> None:
    """A URL that apprise can read is not tried, online neither."""
    with serving(Service()) as service:
        name(acme, service.url(SECRET))
        assert cleaner("check", "--online", "--format", "json").json["warnings"] == []
    assert service.told == []
