"""The API token is rotated without a restart: read for each request, and once more after a 401."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import httpx
import pytest

from cleaner.config.settings import Api, Place, RateLimit, Secret
from cleaner.docr.connect import reading, writing
from cleaner.errors import BudgetTooLate, CleanerError, Unauthorized
from cleaner.model.deletion import Deleted, Intent
from tests.docr.asking import CONTROL, NO_LIMIT, REGISTRY, START, Script, api, digest, edges, elapsed, refusal, run

OLD, NEW = "dop_v1_old", "dop_v1_old_and_longer"
INTENT = Intent(1, "run", "acme", "shop/web", digest(1), START)
ONE_A_MINUTE = RateLimit(per_minute=1, per_hour=0, reserve=Fraction(0))


class Provider:
    """One that takes `right` only; `rotate` puts it into the file while a request is under way, before its answer."""

    def __init__(self, file: Path, right: str = NEW, *, becomes: str | None = NEW, echo: str = "") -> None:
        self.file, self.right, self.becomes, self.echo = file, right, becomes, echo
        file.write_text(OLD)
        self.script = Script(self._respond)

    @property
    def api(self) -> Api:
        """The two planes, with the token in the file."""
        plain = api()
        secret = Secret.from_file(self.file, Place("config.yaml", 1, 1))
        return Api(secret, CONTROL, REGISTRY, plain.family, NO_LIMIT)

    @property
    def tokens(self) -> list[str]:
        """The token of each request."""
        return [request.headers["authorization"].removeprefix("Bearer ") for request in self.script.requests]

    def _respond(self, request: httpx.Request) -> httpx.Response:
        if self.becomes is not None:
            self.file.write_text(self.becomes)
        if request.headers["authorization"] != f"Bearer {self.right}":
            return refusal(401, message=self.echo or "Unable to authenticate you")
        if request.method == "DELETE":
            return httpx.Response(204)
        return httpx.Response(200, json={"repositories": [], "meta": {"total": 0}})


def ask(provider: Provider) -> tuple[str, ...]:
    """What a reader of the registry acme sees there."""

    async def story() -> tuple[str, ...]:
        async with reading(provider.api, "acme", edges(provider.script.transport)) as reader:
            return await reader.repositories()

    return run(story())


def delete(provider: Provider, limit: RateLimit, within: float) -> object:
    """What comes of a deletion that must be sent within so many seconds."""

    async def story() -> object:
        async with writing(provider.api, "acme", edges(provider.script.transport, limit)) as (_, writer, _):
            return await writer.delete_manifest(INTENT, elapsed() + within)

    return run(story())


def test_a_token_that_was_rotated_meanwhile_is_taken_at_once(tmp_path: Path) -> None:
    """The request that met the 401 is sent again with the new one, and nobody notices."""
    provider = Provider(tmp_path / "token")
    assert ask(provider) == ()
    assert provider.tokens == [OLD, NEW]


def test_so_is_it_for_a_deletion(tmp_path: Path) -> None:
    """A 401 says that nothing was carried out, so that sending it again deletes nothing twice."""
    provider = Provider(tmp_path / "token")
    assert delete(provider, NO_LIMIT, within=10) == Deleted()
    assert (
        provider.script.paths
        == [
            f"DELETE /v2/registries/acme/repositories/shop%2Fweb/digests/{digest(1)}",
        ]
        * 2
    )


def test_a_token_that_is_simply_wrong_is_not_asked_twice(tmp_path: Path) -> None:
    """Where the file holds what was sent, the refusal stands."""
    provider = Provider(tmp_path / "token", becomes=None)
    with pytest.raises(Unauthorized):
        ask(provider)
    assert provider.tokens == [OLD]


def test_a_new_token_that_is_wrong_as_well_is_not_asked_a_third_time(tmp_path: Path) -> None:
    """One more try, whatever the file holds by then."""
    provider = Provider(tmp_path / "token", right="another")
    with pytest.raises(Unauthorized):
        ask(provider)
    assert provider.tokens == [OLD, NEW]


def test_a_file_that_cannot_be_read_after_a_401_leaves_the_401_standing(tmp_path: Path) -> None:
    """What the provider answered is known, and is recorded as such."""
    provider = Provider(tmp_path / "token", becomes="")
    with pytest.raises(Unauthorized):
        delete(provider, NO_LIMIT, within=10)
    assert provider.tokens == [OLD]


def test_the_second_try_takes_its_place_in_the_budget(tmp_path: Path) -> None:
    """With one request a minute it goes a minute later (law 13)."""
    provider = Provider(tmp_path / "token")
    assert delete(provider, ONE_A_MINUTE, within=90) == Deleted()
    assert provider.script.moments == [0.0, 61.0]


def test_the_second_try_is_not_sent_after_its_deadline(tmp_path: Path) -> None:
    """A deletion relies on a look that has grown too old by then (law 1)."""
    provider = Provider(tmp_path / "token")
    with pytest.raises(BudgetTooLate):
        delete(provider, ONE_A_MINUTE, within=30)
    assert provider.tokens == [OLD]


@pytest.mark.parametrize("echo", [OLD, NEW, f"{OLD} {NEW}", f"{NEW}{OLD}"])
def test_a_refusal_that_echoes_either_token_shows_neither(tmp_path: Path, echo: str) -> None:
    """Also where one begins with the other (law 11)."""
    provider = Provider(tmp_path / "token", right="another", echo=echo)
    with pytest.raises(CleanerError) as caught:
        ask(provider)
    assert "dop_v1" not in f"{caught.value} {caught.value!r}"
    assert "longer" not in str(caught.value)
