"""An audit over the whole registry: what is broken, what dangles, what runs and is not there; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx

from cleaner.cleaning.audit import Audit
from cleaner.model.audit import FindingKind
from cleaner.model.safeguard import Audited
from tests.changes import delete
from tests.house import REGISTRY, House, path_of
from tests.shelves import Shelf, house, policy, registry

IN_USE = "[{file: images.txt}]"


def stocked() -> tuple[Shelf, dict[str, str]]:
    """A signed index of two platforms, and an image; their digests by name."""
    shelf = Shelf()
    made = {"amd": shelf.image(), "arm": shelf.image()}
    made["index"] = shelf.index([made["amd"], made["arm"]], "v1", "stable")
    made["signature"] = shelf.signature(made["index"])
    made["plain"] = shelf.image("v2")
    return shelf, made


def audited(of: House) -> Audit:
    """`cleaner audit`."""
    with of.application() as application:
        return of.run(application.audit(of.registry, of.events.append))


def scene(state: Path, *shelves: Shelf, images: str = "shop:v1", in_use: str = IN_USE) -> House:
    """A registry with these, of which the file names images in use, line by line."""
    (state / "images.txt").write_text(images + "\n", encoding="utf-8")
    return house(registry(*shelves), policy('[{tags: ["v*"]}]', in_use=in_use), state)


def kinds(found: Audit) -> dict[str, FindingKind]:
    """What was found, by the name of the image."""
    return {finding.name: finding.kind for finding in found.findings}


def answering(containing: str, status: int) -> Callable[[httpx.Request], httpx.Response | None]:
    """A registry that answers so to every request whose path contains this."""

    def before(request: httpx.Request) -> httpx.Response | None:
        refused = containing in path_of(request) and (request.url.host == REGISTRY or "/digests" in path_of(request))
        return httpx.Response(status, json={"errors": []}) if refused else None

    return before


def test_a_sound_registry_is_0(tmp_path: Path) -> None:
    """Every manifest is read, every blob looked for once, and not one request changes anything."""
    shelf, _ = stocked()
    with scene(tmp_path, shelf) as world:
        found = audited(world)
        assert found == Audit("acme", (), ())
        assert found.exit_code == 0
        assert {request.method for request in world.network.seen} == {"GET", "HEAD"}
        assert len(world.network.sent("HEAD", "/blobs/")) == 4
        assert [event.findings for event in world.events if isinstance(event, Audited)] == [()]


def test_a_lost_child_a_lost_blob_and_a_lost_subject_are_found(tmp_path: Path) -> None:
    """Each tag, each attachment; the event tells the same as the answer."""
    shelf, made = stocked()
    bill = shelf.image(subject=made["arm"])
    with scene(tmp_path, shelf) as world:
        delete(world, made["arm"])
        delete(world, made["plain"])
        found = audited(world)
        assert kinds(found) == {
            "shop:v1": FindingKind.BROKEN_TAG,
            "shop:stable": FindingKind.BROKEN_TAG,
            f"shop@{bill}": FindingKind.DANGLING_ATTACHMENT,
        }
        assert found.exit_code == 1
        assert [event.findings for event in world.events if isinstance(event, Audited)] == [found.findings]


def test_a_blob_that_is_gone_is_found(tmp_path: Path) -> None:
    """The manifest is there and reads well: only a look for its blobs tells."""
    shelf, made = stocked()
    with scene(tmp_path, shelf) as world:
        gone = str(shelf.manifests[-1]["blobs"][0]["digest"])  # type: ignore[index]  # what the shelf put there
        world.network.before = answering(f"/blobs/{gone}", 404)
        (finding,) = audited(world).findings
        assert (finding.name, finding.detail) == ("shop:v2", f"the blob {gone} is gone")
        assert made["plain"] in {entry for _, entry in world.digests()}


def test_a_listed_manifest_that_the_registry_does_not_give_is_found(tmp_path: Path) -> None:
    """404 on the data plane: nobody can pull it."""
    shelf, made = stocked()
    with scene(tmp_path, shelf) as world:
        world.network.before = answering(f"/manifests/{made['amd']}", 404)
        found = audited(world)
        assert kinds(found) == {"shop:v1": FindingKind.BROKEN_TAG, "shop:stable": FindingKind.BROKEN_TAG}
        assert found.unseen == ()


def test_a_manifest_that_is_not_given_once_is_asked_for_again(tmp_path: Path) -> None:
    """A data plane that loses sight of what it has for a moment breaks no tag."""
    shelf, made = stocked()
    with scene(tmp_path, shelf) as world:
        missing = answering(f"/manifests/{made['amd']}", 404)
        asked: list[httpx.Response] = []

        def before(request: httpx.Request) -> httpx.Response | None:
            answer = missing(request) if not asked and "authorization" in request.headers else None
            asked.extend([answer] if answer else [])
            return answer

        world.network.before = before
        assert audited(world) == Audit("acme", (), ())
        assert len(asked) == 1


def test_repositories_under_no_policy_are_audited_too(tmp_path: Path) -> None:
    """Whoever asks whether everything pulls means everything."""
    shelf, made = stocked()
    with scene(tmp_path, shelf) as world:
        text = (tmp_path / "config.yaml").read_text(encoding="utf-8").replace('["*"]', '["other"]')
        world.settings = world.configured(text.partition("\n")[2])
        delete(world, made["arm"])
        assert set(kinds(audited(world))) == {"shop:v1", "shop:stable"}


def test_every_place_that_uses_a_missing_image_is_told(tmp_path: Path) -> None:
    """Workload by workload: the same image in two places is two findings; what was in use earlier is none."""
    shelf, _ = stocked()
    with scene(tmp_path, shelf, images="shop:v1\nshop:v9\nshop:v9") as world:
        (tmp_path / "images.txt").write_text("shop:remembered\n", encoding="utf-8")
        world.plan()
        (tmp_path / "images.txt").write_text("shop:v1\nshop:v9\nshop:v9\n", encoding="utf-8")
        found = audited(world)
        assert [(finding.name, finding.where) for finding in found.findings] == [
            ("shop:v9", f"file {tmp_path}/images.txt: images.txt:2"),
            ("shop:v9", f"file {tmp_path}/images.txt: images.txt:3"),
        ]


def test_a_line_that_begins_with_the_registry_s_name_is_missing_in_neither_way_or_not_at_all(tmp_path: Path) -> None:
    """The file may name our images with it or without."""
    shelf, made = stocked()
    with scene(tmp_path, shelf, images=f"acme/shop:v1\nacme/shop@{made['plain']}\nacme/shop:v9") as world:
        (finding,) = audited(world).findings
        assert (finding.name, finding.where.rpartition(":")[2]) == ("shop:v9", "3")


def test_what_cannot_be_looked_at_is_3_and_gives_no_finding(tmp_path: Path) -> None:
    """A source, a repository, the data plane: of what nobody could see nothing is said but that."""
    shelf, _ = stocked()
    with scene(tmp_path, shelf, images="shop:v9") as world:
        (tmp_path / "images.txt").unlink()
        world.network.before = answering("/blobs/", 403)
        found = audited(world)
        assert (found.findings, found.exit_code) == ((), 3)
        assert [text.partition(",")[0] for text in found.unseen[1:]] == ["4 blobs of shop could not be looked up"]
        assert "images.txt" in found.unseen[0]


def test_a_use_in_a_repository_that_cannot_be_listed_is_no_finding(tmp_path: Path) -> None:
    """Whether the image is there nobody can tell."""
    shelf, _ = stocked()
    with scene(tmp_path, shelf, images="shop:v9\nnope:v1") as world:
        world.network.before = answering("/repositories/shop/digests", 403)
        found = audited(world)
        assert [finding.name for finding in found.findings] == ["nope:v1"]
        assert len(found.unseen) == 1


def test_a_manifest_that_could_not_be_read_is_no_broken_tag(tmp_path: Path) -> None:
    """A failing data plane is told as such."""
    shelf, made = stocked()
    with scene(tmp_path, shelf) as world:
        world.network.before = answering(f"/manifests/{made['plain']}", 403)
        found = audited(world)
        assert found.findings == ()
        assert found.unseen[0].startswith("1 manifest of shop could not be read, the first: ")
        assert made["plain"] in found.unseen[0]
