"""App Platform: which images its apps run, will run, and can go back to; and that half an answer is none (law 6)."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleaner.errors import SourceUnreadable
from cleaner.model.use import Use
from tests.docr.asking import digest, refusal
from tests.in_use.account import AppsAccount, Document, app, deployment, images, pushed, service, uses

PUSHED = digest(7)


def tags(found: tuple[Use, ...]) -> set[str | None]:
    return {use.tag for use in found}


def test_every_kind_of_component_counts() -> None:
    """Services, workers, jobs and static sites; one that is built from source has no image."""
    kinds = ("services", "workers", "jobs", "static_sites")
    spec: Document = {kind: [service(kind.replace("_", "-"), "v1"), {"name": "built"}] for kind in kinds}
    found = uses(AppsAccount([{"id": "a-1", "spec": {"name": "shop", "databases": [{}], **spec}}]))
    assert images(found) == {
        ("shop/services", "v1", None): "shop/services/spec",
        ("shop/workers", "v1", None): "shop/workers/spec",
        ("shop/jobs", "v1", None): "shop/jobs/spec",
        ("shop/static-sites", "v1", None): "shop/static-sites/spec",
    }
    assert {use.source for use in found} == {"app_platform"}


def test_an_image_is_named_by_tag_by_digest_or_by_neither() -> None:
    """Neither means the tag `latest`."""
    services = [service("a", "v1"), service("b", digest=PUSHED), service("c"), service("d", "", digest="")]
    found = uses(AppsAccount([app("shop", services=services)]))
    assert list(images(found)) == [
        ("shop/a", "v1", None),
        ("shop/b", None, PUSHED),
        ("shop/c", "latest", None),
        ("shop/d", "latest", None),
    ]


@pytest.mark.parametrize("registry", ["", None, "acme", "registry.digitalocean.com/acme"])
def test_a_registry_that_is_not_named_is_ours(registry: str | None) -> None:
    """Which one is meant where the account has several is stated nowhere: it may be this one."""
    account = AppsAccount([app("shop", deployment(1), services=[service("web", "v1", registry=registry)])])
    assert ("shop/web", "v1", None) in images(uses(account))


def test_other_registries_images_are_not_ours() -> None:
    """Neither those of another provider, nor those of another registry of the account."""
    services = [
        service("a", "v1", registry_type="DOCKER_HUB"),
        service("b", "v1", registry_type="GHCR", registry="acme"),
        service("c", "v1", registry="other"),
    ]
    account = AppsAccount([app("shop", deployment(1, **pushed(PUSHED, registry="other")), services=services)])
    assert uses(account) == ()


def test_a_repository_with_our_host_before_it_is_read_as_what_it_means() -> None:
    """In a component and in what a push deployed; with anything but our registry behind the host, nothing is known."""
    named = "registry.digitalocean.com/acme/shop/web"
    active = deployment(3, phase="ACTIVE", **pushed(PUSHED, repository=named))
    account = AppsAccount([app("shop", services=[service("a", "v1", repository=named)], active_deployment=active)])
    assert list(images(uses(account, deployments=0))) == [("shop/web", "main", PUSHED), ("shop/web", "v1", None)]
    other = service("a", "v1", repository="registry.digitalocean.com/acme")
    with pytest.raises(SourceUnreadable, match="app_platform, shop/a/spec: expected a repository of acme"):
        uses(AppsAccount([app("shop", services=[other])]))


@pytest.mark.parametrize("kind", [None, "", "SOMETHING_NEW"])
def test_an_image_of_an_unknown_kind_of_registry_may_be_ours(kind: str | None) -> None:
    """A kind that no page names keeps."""
    assert len(uses(AppsAccount([app("shop", services=[service("a", "v1", registry_type=kind)])]))) == 1


def test_what_a_push_deployed_is_in_use_by_tag_and_digest() -> None:
    """The specification's tag moves on; the digest that runs is told by the deployment's cause alone."""
    active = deployment(3, service("web", "main"), phase="ACTIVE", **pushed(PUSHED))
    found = uses(AppsAccount([app("shop", active_deployment=active)]), deployments=0)
    assert images(found) == {
        ("shop/web", "main", None): "shop/web/active deployment 000003",
        ("shop/web", "main", PUSHED): "shop/pushed image/active deployment 000003",
    }


def test_the_deployments_that_an_app_names_itself_count() -> None:
    """What runs, what is coming, and what a rollback pinned."""
    named = ("active_deployment", "in_progress_deployment", "pending_deployment", "pinned_deployment")
    deployments = {which: deployment(n, service("web", f"v{n}")) for n, which in enumerate(named, 1)}
    account = AppsAccount([app("shop", services=[service("web", "v0")], **deployments)])
    assert images(uses(account, deployments=0)) == {
        ("shop/web", "v0", None): "shop/web/spec",
        ("shop/web", "v1", None): "shop/web/active deployment 000001",
        ("shop/web", "v2", None): "shop/web/in-progress deployment 000002",
        ("shop/web", "v3", None): "shop/web/pending deployment 000003",
        ("shop/web", "v4", None): "shop/web/pinned deployment 000004",
    }
    assert account.paths == ["/v2/apps?page=1&per_page=200"]


def test_the_newest_that_ran_before_count_besides_those_that_the_app_names() -> None:
    """By the time they were made, whatever the order of the list; those named take no place."""
    history = [deployment(n, service("web", f"v{n}")) for n in (3, 9, 1, 7, 8, 2)]
    active = deployment(9, service("web", "v9"), phase="ACTIVE")
    account = AppsAccount([app("shop", *history, active_deployment=active)])
    assert tags(uses(account, deployments=2)) == {"v9", "v8", "v7"}
    assert tags(uses(account, deployments=5)) == {"v9", "v8", "v7", "v3", "v2", "v1"}
    assert tags(uses(account, deployments=0)) == {"v9"}


@pytest.mark.parametrize("phase", ["ERROR", "CANCELED", "BUILDING", None, "SOMETHING_NEW"])
def test_a_deployment_that_did_not_run_takes_no_place(phase: str | None) -> None:
    """Nobody can go back to it; its own images count all the same, where it is no older than the others."""
    history = [deployment(n, service("web", f"v{n}"), phase=phase) for n in (1, 5, 9)]
    history += [deployment(n, service("web", f"v{n}")) for n in (2, 4, 8)]
    assert tags(uses(AppsAccount([app("shop", *history)]), deployments=2)) == {"v9", "v8", "v5", "v4"}


@pytest.mark.parametrize("made", [None, "yesterday", 17])
def test_a_deployment_that_does_not_say_when_it_was_made_counts_and_takes_no_place(made: object) -> None:
    """It may be the newest, and it may be the oldest."""
    history = [deployment(n, service("web", f"v{n}")) for n in (1, 2, 3)]
    history.append(deployment(4, service("web", "v4")) | {"created_at": made})
    assert tags(uses(AppsAccount([app("shop", *history)]), deployments=2)) == {"v4", "v3", "v2"}


def test_deployments_as_new_as_the_last_one_counted_count_too() -> None:
    """Ties keep."""
    history = [deployment(n, service("web", f"v{n}")) | {"created_at": "2026-07-01T00:00:00Z"} for n in (1, 2, 3)]
    assert tags(uses(AppsAccount([app("shop", *history)]), deployments=1)) == {"v1", "v2", "v3"}


def test_hundreds_of_apps_and_deployments_are_read_to_the_last_page() -> None:
    """Two hundred at a time, every list to its end."""
    apps = [app(f"app{n}", services=[service(f"s{n}", "v1")]) for n in range(250)]
    apps[0] = app("app0", *(deployment(n, service("old", f"v{n}")) | {"created_at": None} for n in range(450)))
    account = AppsAccount(apps)
    assert len(uses(account)) == 249 + 450
    assert account.paths[:2] == ["/v2/apps?page=1&per_page=200", "/v2/apps?page=2&per_page=200"]
    assert "/v2/apps/app0-0000-1111/deployments?page=3&per_page=200" in account.paths


def test_an_account_without_apps_uses_nothing() -> None:
    """It says so, with a list."""
    assert uses(AppsAccount([])) == ()


def shop() -> list[Document]:
    """An app with an active deployment and two before it."""
    history = [deployment(n, service("web", f"v{n}")) for n in (1, 2)]
    return [app("shop", *history, active_deployment=deployment(3, service("web", "v3")))]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, r"HTTP 401.*Check that `api\.token`"),
        (403, "HTTP 403.*Give the token the scope app:read"),
        (404, "HTTP 404"),
        (429, "HTTP 429"),
        (500, "HTTP 500"),
        (503, "HTTP 503"),
        (302, "HTTP 302"),
    ],
)
@pytest.mark.parametrize("path", ["/v2/apps", "/v2/apps/shop-0000-1111/deployments"])
def test_a_refusal_is_no_answer(status: int, expected: str, path: str) -> None:
    """The source is named, and what to do; the part that was read before counts for nothing."""
    account = AppsAccount(shop(), lambda request: refusal(status) if request.url.path == path else None)
    with pytest.raises(SourceUnreadable, match=f"^app_platform cannot be read: reading the .*{expected}"):
        uses(account)


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadError("cut"), httpx.ReadTimeout("late")])
def test_no_connection_is_no_answer(error: httpx.TransportError) -> None:
    """After the tries that every request has."""

    def respond(_: httpx.Request) -> httpx.Response:
        raise error

    account = AppsAccount(shop(), respond)
    with pytest.raises(SourceUnreadable, match="app_platform cannot be read: reading the apps"):
        uses(account)
    assert len(account.paths) > 1


def served(**replaced: object) -> Document:
    """An app whose specification is fine, with something else in it."""
    return {"id": "a-1", "spec": {"name": "shop", "services": [service("web", "v1")]}, **replaced}


HALF_APPS: list[Document] = [
    {"id": None},
    {"id": ""},
    {"id": "../x"},
    {"id": "a\n"},
    {"spec": None},
    {"spec": "yaml"},
    {"spec": {"services": {}}},
    {"spec": {"services": [None]}},
    {"spec": {"workers": [{"image": "shop/web:v1"}]}},
    {"spec": {"jobs": [service("web", repository=None)]}},
    {"spec": {"jobs": [service("web", repository=["shop/web"])]}},
    {"spec": {"jobs": [service("web", repository="Shop/Web")]}},
    {"spec": {"jobs": [service("web", "a b")]}},
    {"spec": {"jobs": [service("web", 1.5)]}},
    {"spec": {"static_sites": [service("web", digest="sha256:12")]}},
    {"spec": {"static_sites": [service("web", registry_type=1)]}},
    {"active_deployment": "a-deployment"},
    {"active_deployment": {}},
    {"active_deployment": {"id": "d-1"}},
    {"pinned_deployment": {"id": "d-1", "spec": {}, "cause_details": {"docr_push": "web"}}},
    {"pinned_deployment": {"id": "d-1", "spec": {}, **pushed("sha256:12")}},
    {"pending_deployment": {"id": "d-1", "spec": {}, **pushed(PUSHED, repository="")}},
]
HALF: list[object] = [
    {},
    [],
    {"meta": {"total": 0}},
    {"apps": None, "meta": {"total": 0}},
    {"apps": {}, "meta": {"total": 0}},
    {"apps": []},
    {"apps": [], "meta": {"total": 1}},
    {"apps": [served()], "meta": {"total": 2}},
    {"apps": [served()], "meta": {"total": "1"}},
    {"apps": [None], "meta": {"total": 1}},
    *({"apps": [served(**half)], "meta": {"total": 1}} for half in HALF_APPS),
]


@pytest.mark.parametrize("document", HALF)
def test_half_an_answer_never_means_that_nothing_is_in_use(document: object) -> None:
    """A list, an app or an image that is not there as described makes the source unreadable, not shorter."""
    account = AppsAccount([], lambda _: httpx.Response(200, json=document))
    with pytest.raises(SourceUnreadable, match="app_platform") as caught:
        uses(account, deployments=0)
    assert caught.value.next_step


@pytest.mark.parametrize(
    "document",
    [{}, {"deployments": None, "meta": {"total": 0}}, {"deployments": [{"id": "d-1"}], "meta": {"total": 1}}],
)
def test_half_a_list_of_deployments_is_none(document: object) -> None:
    """An app's past is as needed as its present."""

    def respond(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(200, json=document) if request.url.path.endswith("/deployments") else None

    with pytest.raises(SourceUnreadable, match="reading the deployments of the app shop-0000-1111"):
        uses(AppsAccount(shop(), respond))


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"apps": [', b'{"apps": [], "meta": {"total": 0}} extra'])
def test_an_answer_that_is_no_whole_json_is_none(body: bytes) -> None:
    """A proxy's page or a cut-off body among them."""
    with pytest.raises(SourceUnreadable, match="expected JSON"):
        uses(AppsAccount([], lambda _: httpx.Response(200, content=body)))


def many() -> list[Document]:
    """Apps on three pages, each of an image of its own."""
    return [app(f"app{n:03}", services=[service(f"s{n}", "v1")]) for n in range(450)]


def at_each_second_page(account: AppsAccount, change: Callable[[], object], times: int) -> None:
    """Change the account, so many times, before a second page of its apps is served."""
    left = [change] * times

    def before(request: httpx.Request) -> None:
        if left and request.url.path == "/v2/apps" and request.url.params["page"] == "2":
            left.pop()()

    account.before = before


def test_pages_that_shift_are_read_again() -> None:
    """An app that is deleted between two pages hides another one from them; the second reading is whole."""
    account = AppsAccount(many())
    at_each_second_page(account, lambda: account.world.apps.pop(0), times=1)
    assert len(uses(account, deployments=0)) == 449
    assert len(account.paths) == 3 + 2


def test_pages_that_swap_two_apps_are_read_again() -> None:
    """The total stays, one app is seen twice, another never."""
    account = AppsAccount(many())

    def swap() -> None:
        apps = account.world.apps
        apps[0], apps[250] = apps[250], apps[0]

    at_each_second_page(account, swap, times=1)
    assert len(uses(account, deployments=0)) == 450


def test_pages_that_keep_shifting_are_no_answer() -> None:
    """Never fewer uses than there are: then the source is unreadable."""
    account = AppsAccount(many())
    at_each_second_page(account, lambda: account.world.apps.pop(0), times=2)
    with pytest.raises(SourceUnreadable, match="the list is incomplete"):
        uses(account, deployments=0)


def two_apps() -> AppsAccount:
    """Two apps, of four images together, which take three requests."""
    return AppsAccount([*shop(), app("blog", deployment(1, service("blog", "v1")))])


@given(st.integers(0, 2), st.sampled_from([200, 204, 302, 401, 403, 404, 429, 500]), st.integers(0, 200))
@settings(max_examples=60, deadline=None)
def test_whatever_goes_wrong_there_is_never_one_use_fewer(place: int, status: int, size: int) -> None:
    """Any of the requests may be refused, any answer be cut off anywhere: all uses come, or none and an error."""
    whole = two_apps()
    assert len(uses(whole)) == 4
    path = whole.paths[place]
    cut = b'{"apps": [], "deployments": [], "meta": {"total": 0}'[:size]
    broken = two_apps()
    broken.before = lambda request: (
        httpx.Response(status, content=cut) if request.url.raw_path.decode() == path else None
    )
    with pytest.raises(SourceUnreadable):
        uses(broken)
