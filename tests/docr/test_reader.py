"""What a reader asks for and what it makes of the answers: families of paths, pages, names, collections."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import httpx
import pytest

from cleaner.config.settings import Family
from cleaner.docr.reader import Reader
from cleaner.errors import (
    ListingIncomplete,
    MalformedAnswer,
    OriginRefused,
    PreconditionFailed,
    ServerError,
    Unauthorized,
    UnknownRegistry,
)
from cleaner.model.collection import Collection, CollectionState
from cleaner.model.listing import Listing
from cleaner.model.registry import RegistryInfo, Storage, Subscription
from tests.docr.asking import Script, api, digest, in_turn, manifests, read, refusal


async def listing(reader: Reader) -> Listing:
    return await reader.listing("shop/web")


def body(request: httpx.Request, key: str, entries: list[object], *, total: object = None) -> httpx.Response:
    """The asked-for page of these entries, as the API page describes it."""
    number, per_page = int(request.url.params["page"]), int(request.url.params["per_page"])
    shown = entries[(number - 1) * per_page : number * per_page]
    whole = number * per_page >= len(entries)
    pages = {} if whole else {"next": "https://elsewhere.example/v2/evil?page=2"}
    meta = {"total": len(entries) if total is None else total}
    return httpx.Response(200, json={key: shown, "links": {"pages": pages}, "meta": meta})


def serving(count: int) -> Script:
    entries = list[object](manifests(count))
    return Script(lambda request: body(request, "manifests", entries))


@pytest.mark.parametrize(("count", "requests"), [(0, 1), (1, 1), (199, 1), (200, 1), (201, 2), (400, 2), (1001, 6)])
def test_every_page_is_read_and_none_twice(count: int, requests: int) -> None:
    """Two hundred at a time, by number: a link is never followed."""
    script = serving(count)
    assert len(read(script, listing).manifests) == count
    assert script.paths == [
        f"GET /v2/registries/acme/repositories/shop%2Fweb/digests?page={n}&per_page=200" for n in range(1, requests + 1)
    ]


def test_fifty_thousand_tags_are_read() -> None:
    """A huge repository is only more pages."""
    found = read(serving(50_000), listing)
    assert len({tag for manifest in found.manifests for tag in manifest.tags}) == 50_000


def test_an_empty_repository_without_a_list_is_complete() -> None:
    """A total of nothing suffices."""
    script = in_turn(httpx.Response(200, json={"meta": {"total": 0}}))
    assert read(script, listing).manifests == ()


def page(*numbers: int, total: object, has_next: bool = False) -> httpx.Response:
    links = {"pages": {"next": "https://elsewhere.example/"}} if has_next else {}
    entries = [entry for number in numbers for entry in manifests(1, number)]
    return httpx.Response(200, json={"manifests": entries, "links": links, "meta": {"total": total}})


def test_a_listing_that_shifted_is_read_a_second_time_as_a_whole() -> None:
    """A push between two pages shows one entry twice and hides another; the second try is whole."""
    script = in_turn(page(1, 2, total=3), page(2, total=3), page(1, 2, total=3), page(3, total=3))
    assert [manifest.digest for manifest in read(script, listing).manifests] == [digest(1), digest(2), digest(3)]


@pytest.mark.parametrize("total", [None, "3", 3.0, -3, True, [], 4, 2, 10**30])
def test_a_listing_that_stays_inconsistent_is_none(total: object) -> None:
    """The repository is left alone after the second try (law 3)."""
    script = Script(
        lambda request: page(1, 2, 3, total=total) if request.url.params["page"] == "1" else page(total=total)
    )
    with pytest.raises(ListingIncomplete, match="the listing of shop/web is incomplete"):
        read(script, listing)
    assert len([path for path in script.paths if "page=1&" in path]) == 2


def test_a_total_that_lies_is_found_out_by_the_next_link() -> None:
    """A page that points to a next one is not the last, whatever the total says."""
    script = Script(lambda request: page(int(request.url.params["page"]), total=1, has_next=True))
    with pytest.raises(ListingIncomplete, match=r"expected 1 distinct entries as `meta\.total` says, got 2"):
        read(script, listing)


def test_a_server_that_never_ends_does_not_keep_us_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endless list ends at the bound, lowered here, and is incomplete (law 12)."""
    monkeypatch.setattr("cleaner.docr.lists.MOST_PAGES", 30)
    script = Script(lambda request: page(int(request.url.params["page"]), total=10**9, has_next=True))
    with pytest.raises(ListingIncomplete):
        read(script, listing)
    assert len(script.requests) == 2 * 30


def test_a_server_that_ignores_page_numbers_is_asked_twice_a_try() -> None:
    """The same page again is no progress."""
    script = Script(lambda _: page(1, 2, total=500))
    with pytest.raises(ListingIncomplete):
        read(script, listing)
    assert len(script.requests) == 4


@pytest.mark.parametrize("status", [403, 404, 412, 500])
def test_a_page_that_fails_makes_the_listing_incomplete(status: int) -> None:
    """A failed page is never skipped in silence; the others of the registry go on."""

    def respond(request: httpx.Request) -> httpx.Response:
        return page(1, 2, total=3) if request.url.params["page"] == "1" else refusal(status)

    with pytest.raises(ListingIncomplete, match=f"shop/web cannot be listed: .*HTTP {status}"):
        read(Script(respond), listing)


def test_a_wrong_token_is_not_taken_for_one_repository_s_trouble() -> None:
    """It ends the run of the registry, at once."""
    script = Script(lambda _: refusal(401))
    with pytest.raises(Unauthorized):
        read(script, listing)
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("shop/web", "shop%2Fweb"),
        ("../..", "..%2F.."),
        ("a b?c#d", "a%20b%3Fc%23d"),
        ("a%2Fb", "a%252Fb"),
        ("ü", "%C3%BC"),
    ],
)
def test_a_repository_s_name_never_leaves_its_segment(name: str, segment: str) -> None:
    """A slash is sent as `%2F`, and so is whatever else a path could understand."""
    script = in_turn(page(1, total=1))

    async def look(reader: Reader) -> str:
        return (await reader.listing(name)).repository

    assert read(script, look) == name
    assert script.paths == [f"GET /v2/registries/acme/repositories/{segment}/digests?page=1&per_page=200"]


async def repositories(reader: Reader) -> tuple[str, ...]:
    return await reader.repositories()


def test_all_repositories_are_listed_sorted() -> None:
    """All pages of them, in an order of our own."""
    names = [f"r{number:03}" for number in range(450)]
    entries: list[object] = [{"name": name, "manifest_count": 0} for name in reversed(names)]
    script = Script(lambda request: body(request, "repositories", entries))
    assert read(script, repositories) == tuple(names)
    assert len(script.requests) == 3


@pytest.mark.parametrize("total", [3, None, "2"])
def test_an_incomplete_list_of_repositories_is_none(total: object) -> None:
    """It is the registry's trouble, not one repository's: what is freed could not be told, nor what exists."""
    answer = {"repositories": [{"name": "a"}, {"name": "b"}], "meta": {"total": total}}
    with pytest.raises(MalformedAnswer, match="reading the repositories: the list is incomplete"):
        read(Script(lambda _: httpx.Response(200, json=answer)), repositories)


OLDER = r"/v2/registry/acme/"


def older_only(request: httpx.Request) -> httpx.Response:
    """A provider that knows only the older family."""
    if not request.url.path.startswith(OLDER):
        return refusal(404)
    key = "repositories" if "repositoriesV2" in request.url.path else "manifests"
    return body(request, key, [{"name": "api"}] if key == "repositories" else list[object](manifests(2)))


def test_auto_asks_the_newer_family_once_and_falls_back_on_a_404() -> None:
    """Once a run: afterwards every address is of the family that answered."""
    script = Script(older_only)

    async def look(reader: Reader) -> int:
        await reader.repositories()
        await reader.listing("api")
        return len((await reader.listing("api")).manifests)

    assert read(script, look, api(Family.AUTO)) == 2
    assert [re.match(r"GET /v2/(\w+)/", path)[1] for path in script.paths] == ["registries"] + 4 * ["registry"]  # type: ignore[index]


@pytest.mark.parametrize("status", [401, 403, 412, 500])
def test_auto_falls_back_on_nothing_but_a_404(status: int) -> None:
    """Any other refusal is no sign of an older provider."""
    script = Script(lambda _: refusal(status))
    with pytest.raises((Unauthorized, ServerError, PreconditionFailed, Exception), match=f"HTTP {status}"):
        read(script, repositories, api(Family.AUTO))
    assert all("/v2/registries/" in path for path in script.paths)


@pytest.mark.parametrize("family", list(Family))
def test_a_registry_that_nobody_knows_is_named(family: Family) -> None:
    """With the place that was asked, and what to check."""
    with pytest.raises(UnknownRegistry, match=r"https://api\.example knows no registry acme\. Check"):
        read(Script(lambda _: refusal(404)), repositories, api(family))


@pytest.mark.parametrize("family", [Family.REGISTRIES, Family.REGISTRY])
def test_a_fixed_family_is_the_only_one_asked(family: Family) -> None:
    """Without a look for it, and without a way out."""
    script = in_turn(httpx.Response(200, json={"repositories": [], "meta": {"total": 0}}))
    assert read(script, repositories, api(family)) == ()
    assert script.paths == [f"GET /v2/{family.value}/acme/repositoriesV2?page=1&per_page=200"]


@pytest.mark.parametrize(
    ("family", "path"), [(Family.REGISTRIES, "/v2/registries/acme"), (Family.REGISTRY, "/v2/registry")]
)
def test_the_registry_itself(family: Family, path: str) -> None:
    """In the older family it is the account's only one."""
    answer = {"registry": {"name": "acme", "region": "fra1", "storage_usage_bytes": 5}}
    script = in_turn(httpx.Response(200, json=answer))

    async def look(reader: Reader) -> RegistryInfo:
        return await reader.registry()

    assert read(script, look, api(family)) == RegistryInfo("acme", "fra1", 5, None)
    assert script.paths == [f"GET {path}"]


OTHERS: list[httpx.Response] = [
    httpx.Response(200, json={"registry": {"name": "other"}}),
    httpx.Response(200, json={"registry": None}),
    httpx.Response(200, json={}),
    refusal(404),
]


@pytest.mark.parametrize("answer", OTHERS)
def test_another_registry_is_not_taken_for_ours(answer: httpx.Response) -> None:
    """The older family answers with whatever registry the account has, or with none."""

    async def look(reader: Reader) -> RegistryInfo:
        return await reader.registry()

    with pytest.raises(UnknownRegistry):
        read(in_turn(answer), look, api(Family.REGISTRY))


def test_an_account_with_several_registries_is_told_to_use_the_newer_family() -> None:
    """The older one answers 412 then."""

    async def look(reader: Reader) -> RegistryInfo:
        return await reader.registry()

    with pytest.raises(PreconditionFailed, match=r"`api\.family: registries`"):
        read(in_turn(refusal(412)), look, api(Family.REGISTRY))


def test_the_subscription_as_far_as_it_is_stated() -> None:
    """What is missing or garbled is None."""
    tier = {"name": "Basic", "included_storage_bytes": 5, "allow_storage_overage": True, "monthly_price_in_cents": "5"}

    async def look(reader: Reader) -> Subscription:
        return await reader.subscription()

    found = read(in_turn(httpx.Response(200, json={"subscription": {"tier": tier}})), look)
    assert found == Subscription(
        "Basic", 5, None, allow_overage=True, monthly_price_cents=None, overage_price_cents=None
    )


async def storage(reader: Reader) -> Storage:
    return await reader.storage()


PLAN = {"tier": {"included_storage_bytes": 100, "storage_overage_price_in_cents": 2}}


def test_the_newer_family_tells_the_storage_of_the_registry_and_of_its_account() -> None:
    """They share what the subscription includes, so both matter."""
    registries = [{"name": "other", "storage_usage_bytes": 90}, {"name": "acme", "storage_usage_bytes": 30}]
    account = {"registries": registries, "total_storage_usage_bytes": 120}
    script = in_turn(httpx.Response(200, json=account), httpx.Response(200, json={"subscription": PLAN}))
    assert read(script, storage) == Storage(30, 120, 100, 2)
    assert script.paths == ["GET /v2/registries", "GET /v2/registries/subscription"]


def test_in_the_older_family_the_registry_is_all_that_its_account_has() -> None:
    """It answers 412 for an account with several, and is no failure of the newer."""
    ours = {"registry": {"name": "acme", "storage_usage_bytes": 30}}
    script = in_turn(httpx.Response(200, json=ours), httpx.Response(200, json={"subscription": PLAN}))
    assert read(script, storage, api(Family.REGISTRY)) == Storage(30, 30, 100, 2)
    assert script.paths == ["GET /v2/registry", "GET /v2/registry/subscription"]
    with pytest.raises(PreconditionFailed):
        read(in_turn(refusal(412)), storage, api(Family.REGISTRY))


@pytest.mark.parametrize(
    "account",
    [
        {},
        {"registries": None},
        {"registries": [{"name": "other", "storage_usage_bytes": 5}, {}], "total_storage_usage_bytes": "5"},
        {"registries": [{"name": "acme", "storage_usage_bytes": -5}], "total_storage_usage_bytes": 1.5},
    ],
)
@pytest.mark.parametrize("plan", [{}, {"subscription": None}, {"subscription": {"tier": {}}}])
def test_of_the_storage_what_nobody_states_is_unknown(account: object, plan: object) -> None:
    """Missing or garbled, it is None, never a guess."""
    script = in_turn(httpx.Response(200, json=account), httpx.Response(200, json=plan))
    assert read(script, storage) == Storage(None, None, None, None)


async def last_push(reader: Reader) -> datetime | None:
    return await reader.last_push()


def pushed(*times: object) -> Script:
    """Repositories whose newest manifests have these times."""
    entries: list[object] = [{"name": f"r{n}", "latest_manifest": {"updated_at": time}} for n, time in enumerate(times)]
    return Script(lambda request: body(request, "repositories", entries))


def test_the_last_push_is_the_newest_of_all_repositories() -> None:
    """However many pages they fill, and whatever their order."""
    script = pushed(*["2026-07-01T00:00:00Z"] * 250, "2026-07-03T01:02:03.5Z", "2026-07-02T00:00:00Z", "soon", None)
    assert read(script, last_push) == datetime(2026, 7, 3, 1, 2, 3, 500_000, tzinfo=UTC)
    assert len(script.requests) == 2


@pytest.mark.parametrize("latest", [{}, {"latest_manifest": None}, {"latest_manifest": "2026-07-01T00:00:00Z"}])
def test_where_no_repository_says_when_it_was_pushed_there_is_no_last_push(latest: dict[str, object]) -> None:
    """An empty repository has no manifest, and an empty registry no repository."""
    assert read(Script(lambda request: body(request, "repositories", [{"name": "a", **latest}])), last_push) is None
    assert read(pushed(), last_push) is None


def test_a_part_of_the_repositories_tells_no_last_push() -> None:
    """The one that was pushed last may be missing, for a push may shift the pages."""
    answer = {"repositories": [{"name": "a"}], "meta": {"total": 2}}
    with pytest.raises(MalformedAnswer, match="reading the last pushes: the list is incomplete"):
        read(Script(lambda request: httpx.Response(200, json=answer)), last_push)


async def active(reader: Reader) -> Collection | None:
    return await reader.active_collection()


def test_a_404_means_that_no_collection_is_active() -> None:
    """It is the API's way to say so."""
    assert read(in_turn(refusal(404)), active) is None


def test_an_active_collection_keeps_the_provider_s_word_for_its_status() -> None:
    """A status that no page names means that it is still active."""
    answer = {"garbage_collection": {"uuid": "u-1", "status": "waiting for delete requests", "freed_bytes": 7}}
    found = read(in_turn(httpx.Response(200, json=answer)), active)
    assert found == Collection("u-1", "waiting for delete requests", freed_bytes=7)
    assert found.state is CollectionState.ACTIVE


@pytest.mark.parametrize("answer", [{}, {"garbage_collection": None}, {"garbage_collection": {"uuid": "u-1"}}])
def test_an_answer_without_a_collection_is_not_taken_for_none_active(answer: object) -> None:
    """Only a 404 says that (law 7)."""
    with pytest.raises(MalformedAnswer):
        read(Script(lambda _: httpx.Response(200, json=answer)), active)


def test_past_collections_come_newest_first() -> None:
    """Those without a readable time last."""
    entries: list[object] = [
        {"uuid": "u-2", "status": "failed", "created_at": "2026-07-02T00:00:00Z"},
        {"uuid": "u-0", "status": "succeeded"},
        {"uuid": "u-3", "status": "succeeded", "created_at": "2026-07-03T00:00:00Z"},
    ]

    async def look(reader: Reader) -> list[str]:
        return [past.uuid for past in await reader.past_collections()]

    assert read(Script(lambda request: body(request, "garbage_collections", entries)), look) == ["u-3", "u-2", "u-0"]


@pytest.mark.parametrize(("url", "registry_url"), [("http://api.example", None), (None, "http://registry.example")])
def test_a_plane_without_encryption_is_refused_before_anything_is_sent(
    url: str | None, registry_url: str | None
) -> None:
    """Loopback aside, secrets go over https (law 11)."""
    plain = api()
    script = in_turn()
    with pytest.raises(OriginRefused, match="in the open"):
        read(script, repositories, api(url=url or plain.url, registry_url=registry_url or plain.registry_url))
    assert script.requests == []
