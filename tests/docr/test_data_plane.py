"""Manifests from the data plane: credentials asked for late and once, every failure an unreadable manifest."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine, Mapping

import httpx
import pytest

from cleaner.config.settings import Family
from cleaner.docr.connect import reading
from cleaner.docr.oci import MANIFEST_BYTES
from cleaner.docr.reader import Reader
from cleaner.errors import (
    MalformedAnswer,
    ManifestLost,
    ManifestUnreadable,
    NotFound,
    RemoteError,
    ServerError,
    Unreachable,
)
from cleaner.model.deletion import Body
from cleaner.model.manifest import Content, Digest
from tests.docr.asking import TOKEN, Script, api, as_json, basic, digest, digest_of, edges, elapsed, read, refusal, run

BODY = as_json({"mediaType": "application/vnd.oci.image.manifest.v1+json", "config": {}, "layers": []})
DIGEST = digest_of(BODY)
REALM = "https://api.example/v2/registry/auth"
CHALLENGE = f'Bearer realm="{REALM}",service="registry.example",scope="repository:acme/shop/web:pull"'


class Provider:
    """Both planes as the API page describes them, each answer replaceable by one's own."""

    def __init__(self, **answers: Callable[[httpx.Request], httpx.Response]) -> None:
        usual = {"credentials": self._credentials, "realm": self._realm, "manifest": self._manifest}
        self._answers = usual | answers
        self.script = Script(self._respond)
        self.tokens = 0

    def count(self, what: str) -> int:
        """How many requests were of this kind."""
        return sum(self._kind(request) == what for request in self.script.requests)

    def of(self, what: str) -> list[httpx.Request]:
        """The requests of this kind."""
        return [request for request in self.script.requests if self._kind(request) == what]

    def _kind(self, request: httpx.Request) -> str:
        last = request.url.path.rpartition("/")[2]
        return {"docker-credentials": "credentials", "auth": "realm"}.get(last, "manifest")

    def _respond(self, request: httpx.Request) -> httpx.Response:
        return self._answers[self._kind(request)](request)

    def _credentials(self, _: httpx.Request) -> httpx.Response:
        """Credentials whose text ends with a newline."""
        return httpx.Response(200, json=basic())

    def _realm(self, _: httpx.Request) -> httpx.Response:
        """A token for five minutes."""
        self.tokens += 1
        return httpx.Response(200, json={"token": f"pull{self.tokens}", "expires_in": 300})

    def _manifest(self, request: httpx.Request) -> httpx.Response:
        """The manifest, for whoever has a token."""
        if request.headers.get("authorization", "").startswith("Bearer pull"):
            return httpx.Response(200, content=BODY)
        return challenge(request)


def challenge(_: httpx.Request) -> httpx.Response:
    return httpx.Response(401, headers={"www-authenticate": CHALLENGE}, json={"errors": [{"code": "UNAUTHORIZED"}]})


async def look(reader: Reader) -> Content:
    return await reader.content("shop/web", DIGEST)


def test_a_manifest_is_read_with_a_token_of_the_realm() -> None:
    """Challenge, credentials, token, manifest; a slash in the name is a path here, as the distribution API has it."""
    provider = Provider()
    assert read(provider.script, look).digest == DIGEST
    assert [request.url.host for request in provider.script.requests] == [
        "registry.example",
        "api.example",
        "api.example",
        "registry.example",
    ]
    assert provider.script.paths[-1] == f"GET /v2/acme/shop/web/manifests/{DIGEST}"
    assert provider.script.paths[1] == "GET /v2/registries/acme/docker-credentials?expiry_seconds=3600"
    asked = provider.of("realm")[0]
    assert dict(asked.url.params) == {"service": "registry.example", "scope": "repository:acme/shop/web:pull"}
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"user:hunter2").decode()


def test_all_four_types_are_asked_for_and_the_api_token_never_goes_along() -> None:
    """The data plane is a different host from the control plane (law 11)."""
    provider = Provider()
    read(provider.script, look)
    for request in provider.of("manifest"):
        assert len(request.headers["accept"].split(",")) == 4
        assert TOKEN not in str(request.headers)
    assert TOKEN not in str(provider.of("realm")[0].headers)


def test_the_older_family_gives_credentials_at_the_account() -> None:
    """There is no such path below a registry."""
    provider = Provider()
    read(provider.script, look, api(Family.REGISTRY))
    assert provider.script.paths[1] == "GET /v2/registry/docker-credentials?expiry_seconds=3600"


def test_a_registry_that_asks_for_nothing_gets_nothing() -> None:
    """No credentials are made where none are needed."""
    provider = Provider(manifest=lambda _: httpx.Response(200, content=BODY))
    read(provider.script, look)
    assert provider.script.paths == [f"GET /v2/acme/shop/web/manifests/{DIGEST}"]


def test_nothing_is_asked_where_nothing_is_read() -> None:
    """A client by itself sends no request."""
    provider = Provider()

    async def nothing(_: Reader) -> None:
        pass

    read(provider.script, nothing)
    assert provider.script.requests == []


def test_credentials_and_tokens_are_kept() -> None:
    """However many manifests of however many repositories: one set of credentials, a token for each repository."""
    provider = Provider()
    provider.script.delay = 0.1

    async def many(reader: Reader) -> None:
        await asyncio.gather(*(reader.content(name, DIGEST) for name in ("a", "b") for _ in range(20)))

    read(provider.script, many)
    assert provider.count("credentials") == 1
    assert provider.count("realm") == 2


def test_no_more_than_four_manifests_are_read_at_once() -> None:
    """The limits of the data plane are stated nowhere."""
    now_open, most = 0, 0

    async def handle(_: httpx.Request) -> httpx.Response:
        nonlocal now_open, most
        now_open += 1
        most = max(most, now_open)
        await asyncio.sleep(1)
        now_open -= 1
        return httpx.Response(200, content=BODY)

    async def story() -> None:
        async with reading(api(), "acme", edges(httpx.MockTransport(handle))) as reader:
            await asyncio.gather(*(look(reader) for _ in range(20)))

    run(story())
    assert most == 4


@pytest.mark.parametrize(("wait", "tokens", "credentials"), [(289, 1, 1), (291, 2, 1), (3299, 2, 1), (3301, 2, 2)])
def test_both_are_renewed_shortly_before_they_run_out(wait: float, tokens: int, credentials: int) -> None:
    """A token ten seconds, credentials five minutes before."""
    provider = Provider()

    async def twice(reader: Reader) -> None:
        await look(reader)
        await asyncio.sleep(wait)
        await look(reader)

    read(provider.script, twice)
    assert (provider.count("realm"), provider.count("credentials")) == (tokens, credentials)


def test_a_token_without_a_lifetime_serves_for_less_than_a_minute() -> None:
    """A minute is what the distribution specification assumes."""
    provider = Provider(realm=lambda _: httpx.Response(200, json={"access_token": "pull", "expires_in": None}))

    async def thrice(reader: Reader) -> None:
        await look(reader)
        await asyncio.sleep(45)
        await look(reader)
        await asyncio.sleep(10)
        await look(reader)

    read(provider.script, thrice)
    assert provider.count("realm") == 2


HOSTS: list[tuple[Mapping[str, object], str]] = [
    (basic("a:b")["auths"] | {"registry.digitalocean.com": {"auth": "eDp5"}}, "a:b"),  # type: ignore[operator]
    ({"registry.digitalocean.com": {"auth": "eDp5"}, "other.example": {"auth": "bjpu"}}, "x:y"),
    ({"other.example": {"auth": "bjpu"}}, "n:n"),
]


@pytest.mark.parametrize(("auths", "pair"), HOSTS)
def test_the_entry_of_the_registry_s_host_is_used(auths: Mapping[str, object], pair: str) -> None:
    """Else the provider's usual one, else the only one there is."""
    provider = Provider(credentials=lambda _: httpx.Response(200, json={"auths": auths}))
    read(provider.script, look)
    assert provider.of("realm")[0].headers["authorization"] == "Basic " + base64.b64encode(pair.encode()).decode()


def raising(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def respond(_: httpx.Request) -> httpx.Response:
        raise error

    return respond


def answers(status: int, **content: object) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, **content)  # type: ignore[arg-type]


async def body(reader: Reader) -> Body:
    return await reader.body("shop/web", DIGEST)


async def blob(reader: Reader) -> bool:
    return await reader.has_blob("shop/web", digest(7))


UNREADABLE: list[tuple[str, Callable[[httpx.Request], httpx.Response], str]] = [
    ("manifest", answers(404, json={"errors": []}), "the data plane does not know it"),
    ("manifest", answers(404, html="<html>"), "an HTML page with the status 404"),
    ("manifest", answers(401), "expected a bearer challenge"),
    ("manifest", answers(401, headers={"www-authenticate": 'Basic realm="x"'}), "expected a bearer challenge"),
    ("manifest", challenge, "HTTP 401"),
    ("manifest", answers(403), "HTTP 403"),
    ("manifest", answers(500), "HTTP 500"),
    ("manifest", answers(307, headers={"location": "https://elsewhere.example/"}), "HTTP 307"),
    ("manifest", answers(200, content=b"lies"), "expected the bytes that its digest names"),
    ("manifest", answers(200, content=b"x" * (MANIFEST_BYTES + 1)), "at most 4194304 bytes"),
    ("manifest", answers(429, headers={"retry-after": "1"}), "HTTP 429"),
    ("manifest", raising(httpx.ConnectError("refused")), "no connection to https://registry.example"),
    ("manifest", raising(httpx.ReadError("reset")), "the connection broke"),
    ("credentials", answers(403), "HTTP 403"),
    ("credentials", answers(401), "HTTP 401"),
    ("credentials", answers(404), "HTTP 404"),
    ("credentials", answers(200, json={}), "expected JSON"),
    ("credentials", answers(200, json={"auths": {}}), "expected credentials"),
    ("credentials", answers(200, json={"auths": {"x": {"auth": "!!!"}}}), "expected credentials"),
    ("credentials", answers(200, json={"auths": {"x": {"auth": "bm9jb2xvbg=="}}}), "expected credentials"),
    ("realm", answers(401), "HTTP 401"),
    ("realm", answers(404), "HTTP 404"),
    ("realm", answers(200, json={}), "expected a token"),
    ("realm", answers(200, json={"token": "two\nlines"}), "expected a token"),
    ("realm", answers(200, html="<html>"), "an HTML page"),
]


@pytest.mark.parametrize("ask", [look, body])
@pytest.mark.parametrize(("where", "answer", "why"), UNREADABLE)
def test_every_failure_is_an_unreadable_manifest(
    where: str,
    answer: Callable[[httpx.Request], httpx.Response],
    why: str,
    ask: Callable[[Reader], Coroutine[object, object, object]],
) -> None:
    """It names the manifest, the cause and a next step, and ends: nothing is asked in a loop."""
    provider = Provider(**{where: answer})
    with pytest.raises(ManifestUnreadable, match=f"the manifest shop/web@{DIGEST} cannot be read") as caught:
        read(provider.script, ask)
    assert why in caught.value.message
    assert caught.value.next_step
    assert len(provider.script.requests) <= 10
    assert "hunter2" not in str(caught.value)


def test_credentials_that_are_forbidden_name_the_scopes() -> None:
    """Which one a read-only call needs is unclear, so both are named."""
    provider = Provider(credentials=lambda _: refusal(403))
    with pytest.raises(ManifestUnreadable, match="registry:read and registry:update"):
        read(provider.script, look)


async def several(reader: Reader, digests: list[Digest]) -> list[float]:
    """Reads one after another, all of them unreadable; the moment after each."""
    moments = []
    for one in digests:
        with pytest.raises(ManifestUnreadable):
            await reader.content("shop/web", one)
        moments.append(elapsed())
    return moments


def test_credentials_that_were_refused_are_not_asked_for_again() -> None:
    """Each call could leave a token in the account's list."""
    provider = Provider(credentials=lambda _: refusal(403))
    read(provider.script, lambda reader: several(reader, [digest(n) for n in range(10)]))
    assert provider.count("credentials") == 1


def test_a_data_plane_that_fails_three_times_in_a_row_is_not_asked_any_more() -> None:
    """A run does not wait for every manifest of a registry that is down (law 12)."""
    provider = Provider(manifest=raising(httpx.ConnectError("refused")))
    moments = read(provider.script, lambda reader: several(reader, [digest(n) for n in range(100)]))
    assert provider.count("manifest") == 12
    assert moments[3:] == [moments[2]] * 97


def test_a_manifest_that_is_not_there_is_no_failure_of_the_data_plane() -> None:
    """It answers, so it is asked on."""
    provider = Provider(manifest=lambda _: refusal(404))
    read(provider.script, lambda reader: several(reader, [digest(n) for n in range(10)]))
    assert provider.count("manifest") == 10


def test_one_manifest_after_another_may_fail_as_long_as_others_are_read() -> None:
    """Only failures in a row count."""
    there = httpx.Response
    provider = Provider(
        manifest=lambda request: there(200, content=BODY) if DIGEST in str(request.url) else refusal(403)
    )

    async def alternating(reader: Reader) -> None:
        for number in range(5):
            await several(reader, [digest(2 * number), digest(2 * number + 1)])
            await look(reader)

    read(provider.script, alternating)
    assert provider.count("manifest") == 15


def accepting(pair: str) -> Callable[[httpx.Request], httpx.Response]:
    """A realm that takes these credentials and no others."""
    right = "Basic " + base64.b64encode(pair.encode()).decode()

    def respond(request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] != right:
            return refusal(401)
        return httpx.Response(200, json={"token": "pull", "expires_in": 300})

    return respond


def test_credentials_that_the_realm_does_not_take_any_more_are_replaced() -> None:
    """Whoever rotated the API token may have taken back what was issued with it: others are asked for, and serve."""
    pairs = iter(("old:old", "new:new"))
    provider = Provider(credentials=lambda _: httpx.Response(200, json=basic(next(pairs))), realm=accepting("new:new"))
    assert read(provider.script, look).digest == DIGEST
    assert (provider.count("credentials"), provider.count("realm")) == (2, 2)


def test_credentials_are_replaced_once_a_run() -> None:
    """Where the realm takes no others either, no more of them are left in the account's list."""
    provider = Provider(realm=lambda _: refusal(401))
    read(provider.script, lambda reader: several(reader, [digest(n) for n in range(10)]))
    assert provider.count("credentials") == 2


def test_a_body_is_the_very_bytes_and_the_type_that_they_name() -> None:
    """Whatever an answer's header says: the bytes were hashed, the header was not."""
    document = b'{ "mediaType":"application/vnd.docker.distribution.manifest.list.v2+json" , "manifests": [] }\n'
    provider = Provider(manifest=lambda _: httpx.Response(200, content=document, headers={"content-type": "text/html"}))
    kept = read(provider.script, lambda reader: reader.body("shop/web", digest_of(document)))
    assert kept == Body("application/vnd.docker.distribution.manifest.list.v2+json", document)


@pytest.mark.parametrize("media_type", ["x/y\r\nauthorization: z", "\u00e4/y", "nonsense", "x/" + "y" * 200])
def test_a_body_that_nobody_could_put_back_is_none(media_type: str) -> None:
    """It would be sent under that type."""
    document = as_json({"mediaType": media_type, "config": {}})
    provider = Provider(manifest=lambda _: httpx.Response(200, content=document))
    with pytest.raises(ManifestUnreadable, match="expected a media type"):
        read(provider.script, lambda reader: reader.body("shop/web", digest_of(document)))


def to_whom_has_a_token(status: int, **content: object) -> Callable[[httpx.Request], httpx.Response]:
    given = answers(status, **content)
    return lambda request: given(request) if "authorization" in request.headers else challenge(request)


@pytest.mark.parametrize(
    ("answer", "is_there"),
    [
        (to_whom_has_a_token(200), True),
        (to_whom_has_a_token(307, headers={"location": "https://storage.example/blob"}), True),
        (to_whom_has_a_token(404, json={"errors": [{"code": "BLOB_UNKNOWN"}]}), False),
    ],
)
def test_a_blob_is_there_or_not(answer: Callable[[httpx.Request], httpx.Response], is_there: bool) -> None:
    """Asked by a HEAD, with a token; one that the provider keeps elsewhere is there, and nobody goes there."""
    provider = Provider(manifest=answer)
    assert read(provider.script, blob) is is_there
    assert [(request.method, request.url.path) for request in provider.of("manifest")] == 2 * [
        ("HEAD", f"/v2/acme/shop/web/blobs/{digest(7)}")
    ]
    assert {request.url.host for request in provider.script.requests} == {"api.example", "registry.example"}


@pytest.mark.parametrize(
    ("answer", "stands"),
    [
        (to_whom_has_a_token(200), True),
        (to_whom_has_a_token(404, json={"errors": [{"code": "MANIFEST_UNKNOWN"}]}), False),
    ],
)
def test_a_tag_stands_on_something_or_not(answer: Callable[[httpx.Request], httpx.Response], stands: bool) -> None:
    """Asked by a HEAD that accepts whatever we can read."""
    provider = Provider(manifest=answer)

    async def tag(reader: Reader) -> bool:
        return await reader.has_tag("shop/web", "v1")

    assert read(provider.script, tag) is stands
    (*_, request) = provider.of("manifest")
    assert (request.method, request.url.path) == ("HEAD", "/v2/acme/shop/web/manifests/v1")
    assert "application/vnd.oci.image.index.v1+json" in request.headers["accept"]


def test_only_a_manifest_that_the_registry_does_not_know_is_lost() -> None:
    """Any trouble else leaves it open."""
    with pytest.raises(ManifestLost):
        read(Provider(manifest=answers(404, json={"errors": []})).script, look)
    with pytest.raises(ManifestUnreadable) as caught:
        read(Provider(manifest=answers(403)).script, look)
    assert not isinstance(caught.value, ManifestLost)


@pytest.mark.parametrize(
    ("where", "answer", "kind"),
    [
        ("manifest", answers(500), ServerError),
        ("manifest", answers(404, html="<html>"), MalformedAnswer),
        ("manifest", raising(httpx.ConnectError("refused")), Unreachable),
        ("credentials", answers(404), NotFound),
        ("realm", answers(404), NotFound),
    ],
)
def test_a_blob_that_nobody_could_look_for_is_not_gone(
    where: str, answer: Callable[[httpx.Request], httpx.Response], kind: type[RemoteError]
) -> None:
    """Neither trouble nor a 404 of somebody else says that it is."""
    with pytest.raises(kind):
        read(Provider(**{where: answer}).script, blob)


@pytest.mark.parametrize("refused", [challenge, to_whom_has_a_token(403)])
def test_refusals_about_one_repository_stop_no_other(refused: Callable[[httpx.Request], httpx.Response]) -> None:
    """After three in a row that one is not asked about any more; the data plane answers, and is."""
    there = to_whom_has_a_token(200, content=BODY)
    provider = Provider(
        manifest=lambda request: refused(request) if "/shop/web/" in str(request.url) else there(request)
    )

    async def story(reader: Reader) -> None:
        await several(reader, [digest(n) for n in range(10)])
        assert (await reader.content("shop/api", DIGEST)).digest == DIGEST
        with pytest.raises(ManifestUnreadable, match="shop/web was refused 3 times in a row"):
            await look(reader)

    read(provider.script, story)
    assert len({str(request.url) for request in provider.of("manifest")}) == 4


@pytest.mark.parametrize("answer", [answers(500), answers(429), raising(httpx.ConnectError("refused"))])
def test_trouble_is_the_data_planes_whatever_is_asked(answer: Callable[[httpx.Request], httpx.Response]) -> None:
    """One failure in each of three repositories: none is asked about any more."""
    provider = Provider(manifest=answer)

    async def story(reader: Reader) -> None:
        for repository in ("a", "b", "c"):
            with pytest.raises(ManifestUnreadable):
                await reader.content(repository, DIGEST)
        sent = provider.count("manifest")
        with pytest.raises(ManifestUnreadable, match="the data plane failed 3 times in a row"):
            await reader.content("d", DIGEST)
        assert provider.count("manifest") == sent

    read(provider.script, story)


def test_what_is_asked_for_blobs_and_for_manifests_fails_together() -> None:
    """Three failures in a row, of whichever: neither is asked for any more."""
    provider = Provider(manifest=answers(403))

    async def story(reader: Reader) -> None:
        for ask in (blob, look, body):
            with pytest.raises((RemoteError, ManifestUnreadable)):
                await ask(reader)
        for again in (blob, look, body):
            with pytest.raises((Unreachable, ManifestUnreadable), match="refused 3 times in a row"):
                await again(reader)

    read(provider.script, story)
    assert provider.count("manifest") == 3
