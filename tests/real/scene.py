"""What stands in the real registry before the run: each kind of image twice, once to stay and once to go.

The policy keeps the tags that begin with `keep-`, in the repositories under `shop/`; whatever else is there is old.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from tests.real.workshop import Workshop

NAME = "acme"
WEB, WORKER, UNMANAGED = "shop/web", "shop/worker", "base/node"
OLD, YOUNG = timedelta(days=30), timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Scene:
    """The manifests that stay and those that go, each as repository and digest; `ages` of those that are not `OLD`."""

    stays: set[tuple[str, str]] = field(default_factory=set)
    goes: set[tuple[str, str]] = field(default_factory=set)
    ages: dict[tuple[str, str], timedelta] = field(default_factory=dict)

    def keep(self, repository: str, digests: Iterable[str]) -> None:
        """These stay."""
        self.stays.update((repository, digest) for digest in digests)

    def condemn(self, repository: str, digests: Iterable[str]) -> None:
        """These go, except those that something keeps."""
        self.goes.update({(repository, digest) for digest in digests} - self.stays)


def set_scene(shop: Workshop) -> Scene:
    """Push everything, what stays first."""
    scene = Scene()
    for kind in (single, multi_platform, nested, attested, signed, referred_to):
        scene.keep(WEB, kind(shop, f"keep-{kind.__name__}"))
        scene.condemn(WEB, kind(shop, f"old-{kind.__name__}"))
    for entanglement in (two_tags, tagged_children, shared_child, shared_layers, twins, without_tags, within_grace):
        entanglement(shop, scene)
    return scene


def single(shop: Workshop, tag: str) -> set[str]:
    """An image under two tags, of a base that every image of this kind shares."""
    base = shop.built("base")
    return _whole(shop, WEB, shop.push(shop.built(tag, base), WEB, tag, f"{tag}-again"))


def multi_platform(shop: Workshop, tag: str) -> set[str]:
    """An index of two platforms, whose images have no tags."""
    images = [shop.built(f"{tag}-{cpu}", platform=f"linux/{cpu}") for cpu in ("amd64", "arm64")]
    return _whole(shop, WEB, shop.push_index(WEB, tag, *images))


def nested(shop: Workshop, tag: str) -> set[str]:
    """An index that lists an index, beside an image."""
    inner = shop.write_index(WEB, [shop.write(WEB, f"{tag} inner {number}") for number in (1, 2)])
    return _whole(shop, WEB, shop.write_index(WEB, [inner, shop.write(WEB, f"{tag} outer")], tag)["digest"])


def attested(shop: Workshop, tag: str) -> set[str]:
    """A single-platform build with provenance, as buildx pushes it: an index of the image and its attestation."""
    image = {**shop.write(WEB, tag), "platform": {"architecture": "amd64", "os": "linux"}}
    about = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image["digest"]}
    unknown = {"architecture": "unknown", "os": "unknown"}
    attestation = {**shop.write(WEB, f"{tag} provenance"), "platform": unknown, "annotations": about}
    return _whole(shop, WEB, shop.write_index(WEB, [image, attestation], tag)["digest"])


def signed(shop: Workshop, tag: str) -> set[str]:
    """An index of two platforms and an attestation of it, both signed as cosign does it, by tags."""
    index = multi_platform(shop, tag)
    subject = shop.registry.digest(shop.name(WEB), tag)
    attestation = shop.write(WEB, f"{tag} attestation", _attachment_tag(subject, ".att"))
    signatures = [
        shop.write(WEB, f"{tag} signature of {digest}", _attachment_tag(digest, ".sig"))["digest"]
        for digest in (subject, attestation["digest"])
    ]
    return index | {attestation["digest"], *signatures}


def referred_to(shop: Workshop, tag: str) -> set[str]:
    """An image with a bill of materials that names it as its subject, listed under the fallback tag of OCI 1.1."""
    image = shop.write(WEB, tag, tag)
    bill = shop.write(WEB, f"{tag} bill of materials", artifactType="application/spdx+json", subject=image)
    referrers = shop.write_index(WEB, [bill], _attachment_tag(image["digest"]))
    return {thing["digest"] for thing in (image, bill, referrers)}


def two_tags(shop: Workshop, scene: Scene) -> None:
    """One image under a tag that is kept and one that is not."""
    scene.keep(WEB, _whole(shop, WEB, shop.push(shop.built("two-tags"), WEB, "old-two-tags", "keep-two-tags")))


def tagged_children(shop: Workshop, scene: Scene) -> None:
    """A kept index lists an image under an old tag; an old index lists one under a kept tag, and another."""
    old, kept, untagged = (shop.write(WEB, name, name) for name in ("old-child", "keep-child", ""))
    scene.keep(WEB, _whole(shop, WEB, shop.write_index(WEB, [old], "keep-parent")["digest"]) | {kept["digest"]})
    scene.condemn(WEB, _whole(shop, WEB, shop.write_index(WEB, [kept, untagged], "old-parent")["digest"]))


def shared_child(shop: Workshop, scene: Scene) -> None:
    """A kept index and an old one list the same image."""
    both, own = shop.write(WEB, "a child of two"), shop.write(WEB, "a child of one")
    scene.keep(WEB, _whole(shop, WEB, shop.write_index(WEB, [both], "keep-sharing")["digest"]))
    scene.condemn(WEB, _whole(shop, WEB, shop.write_index(WEB, [both, own], "old-sharing")["digest"]))


def shared_layers(shop: Workshop, scene: Scene) -> None:
    """A layer of what goes is still used: in the same repository, in another one, in one under no policy."""
    base, unmanaged = shop.built("base"), shop.built("unmanaged")
    scene.keep(WORKER, _whole(shop, WORKER, shop.push(shop.built("w1", base), WORKER, "keep-shared-layers")))
    scene.condemn(WORKER, _whole(shop, WORKER, shop.push(shop.built("w2", base), WORKER, "old-shared-layers")))
    scene.keep(UNMANAGED, _whole(shop, UNMANAGED, shop.push(unmanaged, UNMANAGED, "22")))
    scene.condemn(WEB, _whole(shop, WEB, shop.push(shop.built("w3", unmanaged), WEB, "old-on-unmanaged")))


def twins(shop: Workshop, scene: Scene) -> None:
    """The same image in two repositories: kept in one and not in the other; and another, kept in neither."""
    image = shop.built("twin")
    scene.keep(WORKER, _whole(shop, WORKER, shop.push(image, WORKER, "keep-twin")))
    scene.condemn(WEB, _whole(shop, WEB, shop.push(image, WEB, "old-twin")))
    for repository in (WEB, WORKER):
        scene.condemn(repository, [shop.write(repository, "kept in neither", "old-in-both")["digest"]])


def without_tags(shop: Workshop, scene: Scene) -> None:
    """Two images that nobody tagged or lists: an old one, and one that was pushed an hour ago."""
    old, young = (shop.write(WORKER, f"an orphan, {age}")["digest"] for age in ("old", "young"))
    scene.condemn(WORKER, [old])
    scene.keep(WORKER, [young])
    scene.ages[WORKER, young] = YOUNG


def within_grace(shop: Workshop, scene: Scene) -> None:
    """A tag that no rule keeps, pushed an hour ago."""
    image = shop.write(WEB, "pushed just now", "new")["digest"]
    scene.keep(WEB, [image])
    scene.ages[WEB, image] = YOUNG


def _whole(shop: Workshop, repository: str, digest: str) -> set[str]:
    return {member for member, _ in shop.registry.family(shop.name(repository), digest)}


def _attachment_tag(digest: str, suffix: str = "") -> str:
    return digest.replace(":", "-") + suffix
