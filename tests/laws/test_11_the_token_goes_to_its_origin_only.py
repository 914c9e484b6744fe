"""Law 11: no link, redirect or realm elsewhere ever sees the token, nor does anything that is written."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import suppress

import httpx
import pytest

from cleaner.config.settings import Family
from cleaner.docr.call import Answer, Call
from cleaner.docr.credentials import Expiring
from cleaner.docr.reader import Reader
from cleaner.docr.restorer import Restorer
from cleaner.docr.transport import bound
from cleaner.errors import BadRequest, CleanerError, ManifestUnreadable, OriginRefused, UnexpectedStatus
from cleaner.model.deletion import Body
from tests.docr.asking import TOKEN, Script, api, basic, digest, in_turn, manifests, read, refusal, restore, run

PAIR = base64.b64encode(b"user:hunter2").decode()
SECRETS = (TOKEN, "hunter2", PAIR, "pulltoken")
ELSEWHERE = "https://elsewhere.example"


def carries(request: httpx.Request, secret: str) -> bool:
    """Whether the secret is anywhere in the request."""
    return secret in f"{request.url}{request.headers.raw!r}{request.content!r}"


async def everything(reader: Reader) -> None:
    """Whatever a reader can ask."""
    asks = (reader.repositories, reader.registry, reader.subscription, reader.active_collection, reader.apps.apps)
    for ask in asks:
        with suppress(CleanerError):
            await ask()
    for name in ("shop/web", "../..", "@elsewhere.example", "https://elsewhere.example/"):
        with suppress(CleanerError):
            await reader.listing(name)
        for look in (reader.content, reader.body, reader.has_blob):
            with suppress(CleanerError):
                await look(name, digest(1))


async def put(restorer: Restorer) -> None:
    """A manifest is put back."""
    await restorer.put("shop/web", digest(1), Body("application/x", b"{}"))


async def put_in_vain(restorer: Restorer) -> None:
    """A manifest is put back under any name, whatever comes of it."""
    for name in ("shop/web", "../..", "@elsewhere.example", "https://elsewhere.example/"):
        with suppress(CleanerError):
            await restorer.put(name, "latest", Body("application/x", b"{}"))


def redirecting(status: int) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, headers={"location": f"{ELSEWHERE}/v2"})


def linking(request: httpx.Request) -> httpx.Response:
    """Every page points to a next one elsewhere."""
    next_page = {"pages": {"next": f"{ELSEWHERE}/v2?page=2", "last": f"{ELSEWHERE}/v2?page=9"}}
    return httpx.Response(200, json={"manifests": manifests(1), "links": next_page, "meta": {"total": 2}})


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize(
    "respond", [redirecting(status) for status in (301, 302, 303, 307, 308)] + [linking], ids=lambda r: r.__name__
)
def test_no_redirect_and_no_link_is_followed(
    family: Family, respond: Callable[[httpx.Request], httpx.Response]
) -> None:
    """Every request goes to one of the two configured origins, and the token to the control plane's only."""
    script = Script(respond)
    read(script, everything, api(family))
    restore(script, put_in_vain, api(family))
    assert {request.method for request in script.requests} == {"GET", "HEAD", "PUT"}
    assert {request.url.host for request in script.requests} <= {"api.example", "registry.example"}
    assert not [r for r in script.requests if r.url.host != "api.example" and carries(r, TOKEN)]


def challenged(realm: str) -> Callable[[httpx.Request], httpx.Response]:
    """A data plane that names this realm, with a control plane that gives credentials."""

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("docker-credentials"):
            return httpx.Response(200, json=basic())
        return httpx.Response(401, headers={"www-authenticate": f'Bearer realm="{realm}",service="s"'})

    return respond


REALMS = [
    f"{ELSEWHERE}/token",
    "http://api.example/v2/registry/auth",
    "https://api.example:8443/v2/registry/auth",
    "https://api.example.elsewhere.example/auth",
    "https://api.example@elsewhere.example/auth",
    "https://user:pw@api.example/auth",
    "https://registry.example/auth",
    "//elsewhere.example/auth",
    "/v2/registry/auth",
    "https://api.example\\@elsewhere.example/",
    "file:///etc/passwd",
    "https://[api.example/",
    "https://api.example:99999999/",
    "https://api.example:port/",
]


@pytest.mark.parametrize("realm", REALMS)
def test_a_realm_elsewhere_gets_nothing(realm: str) -> None:
    """Neither credentials nor a request; not even credentials are made for it. Nothing is read there, nothing put."""
    script = Script(challenged(realm))

    async def look(reader: Reader) -> None:
        await reader.content("shop/web", digest(1))

    with pytest.raises(ManifestUnreadable):
        read(script, look)
    with pytest.raises(OriginRefused):
        restore(script, put)
    assert [request.url.host for request in script.requests] == ["registry.example"] * 2


def test_a_realm_on_the_control_plane_gets_credentials_and_no_token() -> None:
    """That is where the provider has it."""
    script = Script(challenged("https://api.example/v2/registry/auth"))

    async def look(reader: Reader) -> None:
        await reader.content("shop/web", digest(1))

    with pytest.raises(ManifestUnreadable):
        read(script, look)
    asked = [request for request in script.requests if request.url.path == "/v2/registry/auth"]
    assert asked
    assert not [request for request in asked if carries(request, TOKEN)]
    assert asked[0].headers["authorization"].startswith("Basic ")


def test_the_layer_itself_refuses_another_origin() -> None:
    """Whatever address anybody builds: scheme, host and port must be those that were configured."""

    async def never(_: Call) -> Answer:
        raise AssertionError("sent")

    async def ask(url: str) -> None:
        await bound(("https", "api.example", None), never)(Call("GET", url, "asking", ""))

    for url in (ELSEWHERE, "http://api.example", "https://api.example:444", "https://a:b@api.example", "nonsense"):
        with pytest.raises(OriginRefused):
            run(ask(url))


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error with all that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


ECHOES: list[Callable[[httpx.Request], httpx.Response]] = [
    lambda request: refusal(401, message=str(request.headers)),
    lambda request: refusal(404, message=request.headers.get("authorization", "")),
    lambda request: refusal(500, message=f"{TOKEN} is wrong"),
    lambda request: httpx.Response(418, headers={"content-type": TOKEN}, text=str(request.headers)),
    lambda request: httpx.Response(200, text=str(request.headers)),
    lambda request: httpx.Response(200, headers={"content-type": request.headers["authorization"]}),
]


@pytest.mark.parametrize("respond", ECHOES)
def test_an_answer_that_echoes_the_token_puts_it_into_no_error(
    respond: Callable[[httpx.Request], httpx.Response],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Nor into a log, nor onto a terminal, nor into what led to the error."""
    caplog.set_level("DEBUG")

    async def look(reader: Reader) -> None:
        await reader.repositories()

    with pytest.raises(CleanerError) as caught:
        read(Script(respond), look)
    told = "".join(f"{error!r} {error}" for error in chain(caught.value))
    printed = capfd.readouterr()
    assert TOKEN not in told + caplog.text + printed.out + printed.err


def echoing(request: httpx.Request) -> httpx.Response:
    """Refuses in words that are full of what the request was authorised by."""
    shown = request.headers["authorization"]
    plain = shown.replace(PAIR, base64.b64decode(PAIR).decode())
    error = {"code": shown, "message": f"what is {shown}", "detail": plain}
    return httpx.Response(400, json={"errors": [error], "request_id": shown})


def granting(request: httpx.Request) -> httpx.Response:
    """The realm gives a token, and the data plane refuses it in its own words."""
    if request.url.host == "api.example":
        return httpx.Response(200, json={"token": "pulltoken", "expires_in": 300})
    return echoing(request)


def planes(echo: Callable[[httpx.Request], httpx.Response]) -> Callable[[httpx.Request], httpx.Response]:
    """A control plane that gives credentials, and a challenge; `echo` answers whoever shows something."""

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("docker-credentials"):
            return httpx.Response(200, json=basic())
        if "authorization" not in request.headers:
            return challenged("https://api.example/v2/registry/auth")(request)
        return echo(request)

    return respond


@pytest.mark.parametrize("echo", [granting, echoing], ids=["the data plane", "the realm"])
def test_a_refusal_that_echoes_what_it_was_shown_puts_it_into_no_error(
    echo: Callable[[httpx.Request], httpx.Response],
) -> None:
    """Neither a token of the realm nor the credentials that gave it, in base64 or plain."""
    with pytest.raises(BadRequest, match="what is") as caught:
        restore(Script(planes(echo)), put)
    error = caught.value
    told = f"{error!r} {error} {error.error_id} {error.request_id}"
    assert not [secret for secret in SECRETS if secret in told]


def test_nothing_that_holds_a_secret_shows_it() -> None:
    """Neither settings nor requests nor tokens."""
    call = Call("GET", "https://api.example", "asking", "", {"authorization": f"Bearer {TOKEN}"})
    shown = repr((api(), call, Answer(200, {"x": TOKEN}, TOKEN.encode()), Expiring("pulltoken", 1.0)))
    assert not [secret for secret in SECRETS if secret in shown]


def test_a_redirect_is_told_as_what_it_is() -> None:
    """Whoever put a proxy there learns that redirects are not followed."""

    async def look(reader: Reader) -> None:
        await reader.subscription()

    with pytest.raises(UnexpectedStatus, match="redirects are not followed"):
        read(in_turn(httpx.Response(302, headers={"location": ELSEWHERE})), look)
