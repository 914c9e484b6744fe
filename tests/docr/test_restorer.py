"""Putting a manifest back: its own credentials, asked for late; one kind of request; a success that is surely one."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable

import httpx
import pytest

from cleaner.config.settings import Family
from cleaner.docr.connect import writing
from cleaner.docr.restorer import Restorer
from cleaner.errors import (
    AnswerLost,
    BadRequest,
    Forbidden,
    MalformedAnswer,
    MutationRefused,
    NotFound,
    RateLimited,
    RemoteError,
    ServerError,
    Unauthorized,
    UnexpectedStatus,
    Unreachable,
)
from cleaner.model.deletion import Body
from cleaner.model.manifest import Digest
from tests.docr.asking import TOKEN, Script, api, as_json, digest, digest_of, edges, refusal, restore, run
from tests.docr.test_data_plane import Provider, challenge

Respond = Callable[[httpx.Request], httpx.Response]

INDEX = "application/vnd.oci.image.index.v1+json"
BODY = Body(INDEX, as_json({"mediaType": INDEX, "manifests": []}))
DIGEST = digest_of(BODY.content)


async def put(restorer: Restorer) -> None:
    await restorer.put("shop/web", DIGEST, BODY)


async def tag(restorer: Restorer) -> None:
    await restorer.put("shop/web", "v1", BODY)


def taking(request: httpx.Request) -> httpx.Response:
    """A registry that takes what whoever has a token puts."""
    if request.headers.get("authorization", "").startswith("Bearer pull"):
        return httpx.Response(201, headers={"docker-content-digest": DIGEST})
    return challenge(request)


def provider(respond: Respond = taking, **others: Respond) -> Provider:
    """A provider whose data plane answers like this."""
    return Provider(manifest=respond, **others)


def answering(status: int, **content: object) -> Respond:
    return lambda _: httpx.Response(status, **content)  # type: ignore[arg-type]


def test_a_manifest_is_put_with_its_type_and_its_bytes() -> None:
    """Challenge, credentials that may write, a token for this repository, and the manifest once more."""
    there = provider()
    restore(there.script, put)
    assert there.script.paths == [
        f"PUT /v2/acme/shop/web/manifests/{DIGEST}",
        "GET /v2/registries/acme/docker-credentials?read_write=true&expiry_seconds=600",
        "GET /v2/registry/auth?service=registry.example&scope=repository%3Aacme%2Fshop%2Fweb%3Apull%2Cpush",
        f"PUT /v2/acme/shop/web/manifests/{DIGEST}",
    ]
    sent = there.script.requests[-1]
    assert (sent.headers["content-type"], sent.content) == (BODY.media_type, BODY.content)
    assert there.of("realm")[0].headers["authorization"] == "Basic " + base64.b64encode(b"user:hunter2").decode()


def test_it_is_put_under_a_tag_as_well() -> None:
    """The tag then stands on it."""
    there = provider()
    restore(there.script, tag)
    assert there.script.paths[-1] == "PUT /v2/acme/shop/web/manifests/v1"


def test_the_older_family_gives_the_credentials_at_the_account() -> None:
    """There is no such path below a registry."""
    there = provider()
    restore(there.script, put, api(Family.REGISTRY))
    assert there.script.paths[1] == "GET /v2/registry/docker-credentials?read_write=true&expiry_seconds=600"


def test_a_restorer_that_puts_nothing_asks_for_nothing() -> None:
    """Credentials that may write are made for none but those who need them."""
    there = provider()

    async def nothing(_: Restorer) -> None:
        pass

    restore(there.script, nothing)
    assert there.script.requests == []


def test_the_api_token_never_goes_to_the_data_plane() -> None:
    """Nor the credentials: the token of the realm alone does (law 11)."""
    there = provider()
    restore(there.script, put)
    for request in there.of("manifest"):
        for secret in (TOKEN, "hunter2", base64.b64encode(b"user:hunter2").decode()):
            assert secret not in f"{request.headers.raw!r}{request.content!r}"


def test_credentials_are_asked_for_once_for_any_number_of_manifests() -> None:
    """And a token once for each repository."""
    there = provider()

    async def many(restorer: Restorer) -> None:
        for name in ("a", "b"):
            for _ in range(10):
                await restorer.put(name, DIGEST, BODY)

    restore(there.script, many)
    assert (there.count("credentials"), there.count("realm"), there.count("manifest")) == (1, 2, 22)


@pytest.mark.parametrize(("wait", "credentials"), [(539, 1), (541, 2)])
def test_credentials_that_have_nearly_run_out_are_asked_for_anew(wait: float, credentials: int) -> None:
    """They live for ten minutes, and what takes longer goes on."""
    there = provider()

    async def twice(restorer: Restorer) -> None:
        await restorer.put("a", DIGEST, BODY)
        await asyncio.sleep(wait)
        await restorer.put("b", DIGEST, BODY)

    restore(there.script, twice)
    assert there.count("credentials") == credentials


def test_what_reads_has_credentials_of_its_own() -> None:
    """Those that may write are never used to read, and those that read put nothing."""
    there = provider(lambda request: httpx.Response(200, content=BODY.content) if _reads(request) else taking(request))

    async def story() -> None:
        async with writing(api(), "acme", edges(there.script.transport)) as (reader, _, restorer):
            await restorer.put("shop/web", DIGEST, await reader.body("shop/web", DIGEST))

    run(story())
    assert [str(request.url.query, "ascii") for request in there.of("credentials")] == [
        "expiry_seconds=3600",
        "read_write=true&expiry_seconds=600",
    ]
    assert [request.url.params["scope"].rpartition(":")[2] for request in there.of("realm")] == ["pull", "pull,push"]
    authorised = [request for request in there.of("manifest") if "authorization" in request.headers]
    assert [(request.method, request.headers["authorization"]) for request in authorised] == [
        ("GET", "Bearer pull1"),
        ("PUT", "Bearer pull2"),
    ]


def _reads(request: httpx.Request) -> bool:
    return request.method == "GET" and "authorization" in request.headers


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_an_answer_that_names_the_digest_is_a_success(status: int) -> None:
    """The specification wants 201; whatever success names the bytes that were sent has them."""
    script = Script(answering(status, headers={"docker-content-digest": DIGEST}))
    restore(script, put)
    assert len(script.requests) == 1


def test_so_is_the_promised_status_without_one() -> None:
    """The header is no duty of the registry's."""
    restore(Script(answering(201)), put)


def test_a_digest_by_another_algorithm_is_compared_as_well() -> None:
    """Whichever the registry names its manifests by."""
    named = f"sha512:{hashlib.sha512(BODY.content).hexdigest()}"
    restore(Script(answering(201, headers={"docker-content-digest": named})), put)


@pytest.mark.parametrize(
    "answer",
    [
        answering(201, headers={"docker-content-digest": digest(1)}),
        answering(201, headers={"docker-content-digest": "nonsense"}),
        answering(200, html="<html>welcome</html>"),
        answering(204),
    ],
)
def test_what_only_looks_like_a_success_is_none(answer: Respond) -> None:
    """A collection may rely on it: another digest, or a proxy's page, has brought nothing back."""
    with pytest.raises(MalformedAnswer, match=f"putting back shop/web@{DIGEST}: expected the status 201"):
        restore(Script(answer), put)


GONE = {
    "errors": [
        {"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown to registry", "detail": digest(n)} for n in (1, 2)
    ]
}


@pytest.mark.parametrize(("status", "kind"), [(400, BadRequest), (404, NotFound)])
def test_what_refers_to_blobs_that_are_gone_is_refused_in_the_registry_s_words(
    status: int, kind: type[RemoteError]
) -> None:
    """By its code, and with each digest that it names."""
    with pytest.raises(kind, match=f"HTTP {status}: blob unknown to registry") as caught:
        restore(Script(answering(status, json=GONE)), put)
    assert digest(1) in caught.value.message
    assert digest(2) in caught.value.message
    assert "pushed anew" in caught.value.next_step
    assert getattr(caught.value, "error_id", None) == "MANIFEST_BLOB_UNKNOWN"


WORDS: list[object] = [
    {"errors": [{"code": "X", "message": "a\x1b[31m\nb", "detail": None}]},
    {"errors": [{"code": "X", "message": "c" * 10_000}] * 1_000},
    {"errors": [{"code": "X", "detail": {"deep": [digest(1)]}}]},
    {"errors": [{"code": 5}]},
    {"errors": "no list"},
    {"errors": [None]},
    [],
]


@pytest.mark.parametrize("words", WORDS, ids=range(len(WORDS)))
def test_the_registry_s_words_are_harmless(words: object) -> None:
    """Bounded, on one line, and nothing where they cannot be read."""
    with pytest.raises(BadRequest) as caught:
        restore(Script(answering(400, json=words)), put)
    assert len(caught.value.message) < 1_500
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("respond", "kind", "why"),
    [
        (
            answering(405, json={"errors": [{"code": "UNSUPPORTED"}]}),
            UnexpectedStatus,
            "no garbage collection is active",
        ),
        (answering(403, json={"errors": [{"code": "DENIED"}]}), Forbidden, "registry:update"),
        (challenge, Unauthorized, "HTTP 401"),
        (answering(401), MalformedAnswer, "expected a bearer challenge"),
        (answering(307, headers={"location": "https://elsewhere.example/"}), UnexpectedStatus, "HTTP 307"),
    ],
)
def test_every_refusal_has_its_kind(respond: Respond, kind: type[RemoteError], why: str) -> None:
    """Nothing is asked in a loop, and nobody is followed elsewhere."""
    there = provider(respond)
    with pytest.raises(kind) as caught:
        restore(there.script, put)
    assert why in str(caught.value)
    assert len(there.script.requests) <= 4
    assert {request.url.host for request in there.script.requests} <= {"registry.example", "api.example"}


def test_credentials_that_are_refused_are_not_asked_for_again() -> None:
    """Each call could leave a token in the account's list; the refusal names the scope that is missing."""
    there = provider(credentials=lambda _: refusal(403))

    async def several(restorer: Restorer) -> None:
        for _ in range(5):
            with pytest.raises(Forbidden, match=r"asking for read-write credentials: HTTP 403.*registry:update"):
                await put(restorer)

    restore(there.script, several)
    assert there.count("credentials") == 1


def breaking(error: Exception) -> Respond:
    def respond(_: httpx.Request) -> httpx.Response:
        raise error

    return respond


@pytest.mark.parametrize(
    ("respond", "kind", "by_digest", "by_tag"),
    [
        (answering(502), ServerError, 4, 1),
        (breaking(httpx.ReadError("reset")), AnswerLost, 4, 1),
        (breaking(httpx.ConnectError("refused")), Unreachable, 4, 4),
        (answering(429), RateLimited, 8, 8),
        (answering(400), BadRequest, 1, 1),
    ],
)
def test_what_may_have_been_carried_out_is_sent_again_by_digest_only(
    respond: Respond, kind: type[RemoteError], by_digest: int, by_tag: int
) -> None:
    """A digest names the same bytes for ever; a tag may have been moved on by somebody else meanwhile."""
    for act, times in ((put, by_digest), (tag, by_tag)):
        script = Script(respond)
        with pytest.raises(kind):
            restore(script, act)
        assert len(script.requests) == times


def test_a_put_that_was_sent_is_finished_when_the_run_is_stopped() -> None:
    """Its answer is waited for, and nothing is sent after it."""
    script = Script(answering(201))
    script.delay = 5.0
    notes: list[str] = []

    async def two(restorer: Restorer) -> None:
        for _ in range(2):
            await put(restorer)
            notes.append("put")

    async def story(restorer: Restorer) -> float:
        task = asyncio.create_task(two(restorer))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        return asyncio.get_running_loop().time()

    assert restore(script, story) == 5.0
    assert (len(script.requests), notes) == (1, ["put"])


@pytest.mark.parametrize("repository", ["../another/shop", "..", "shop/../../another/x"])
def test_a_name_that_means_another_place_is_refused_before_anything_is_sent(repository: str) -> None:
    """A registry's restorer puts into that registry only (law 9)."""
    script = Script(taking)
    with pytest.raises(MutationRefused):
        restore(script, lambda restorer: restorer.put(repository, Digest(DIGEST), BODY))
    assert script.requests == []
