"""`cleaner explain`: every reason for one manifest or for a whole repository, and the family around it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated

import typer

from cleaner.cleaning.by_hand import Explained
from cleaner.cli.console import messages, results, say_notes, write_json
from cleaner.cli.explanation import Explanation, explanation_document, show_explanation
from cleaner.cli.lineage import all_families, family_of
from cleaner.cli.options import ConfigOption, Format, FormatOption, RegistryOption, answering, load_settings, the_one
from cleaner.cli.progress import progress
from cleaner.cli.suggestions import did_you_mean
from cleaner.config.settings import RegistrySettings, Settings
from cleaner.docr.credentials import hosts_of
from cleaner.errors import CleanerError, ListingIncomplete, ManifestUnreadable, NotThere, SourceUnreadable, UsageError
from cleaner.figures import some
from cleaner.model.listing import Listing
from cleaner.model.manifest import Digest, Manifest
from cleaner.model.plan import HoldReason
from cleaner.planning.survey import Judged, LeftAlone
from cleaner.retention.words import safe
from cleaner.wiring import Application, production

_LEAST_HEX = 12

ImageArgument = Annotated[
    str, typer.Argument(metavar="REPOSITORY[:TAG|@DIGEST]", help="A repository, or one manifest in it.")
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked about: a repository, or the manifest under a tag or digest in it (a digest may be shortened)."""

    repository: str
    tag: str | None = None
    digest: str | None = None


def explain(
    image: ImageArgument,
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Say why a manifest stays or goes: every reason, and the whole family around it."""
    settings = load_settings(config)
    with answering(output):
        one = the_one(settings, registry)
        wanted = parse_image(without_home(image, one))
        found, notes = asyncio.run(_look_up(settings, one, wanted))
        match found.place:
            case Judged() as place:
                _answer(_explanation(one, place, found, wanted), notes, output)
                if found.vetoes:
                    raise typer.Exit(SourceUnreadable.exit_code)
            case LeftAlone() as place:
                raise _left_alone(place)
            case Listing() as listing:
                _say_unmanaged(one, listing, notes, output)


def without_home(text: str, registry: RegistrySettings) -> str:
    """An image as it is named inside the registry; pods and people name the registry's host and name before it."""
    homes = (f"{host}/{registry.name}/" for host in hosts_of(registry.api))
    return next((text.removeprefix(home) for home in homes if text.startswith(home)), text)


def parse_image(text: str) -> Wanted:
    """`REPOSITORY`, `REPOSITORY:TAG` or `REPOSITORY@DIGEST`; where a tag and a digest stand there, the digest counts.

    Raises:
        UsageError: the repository or the tag is empty, or the digest none (its first 12 hexadecimal digits are enough).
    """
    name, at, digest = text.partition("@")
    repository, colon, tag = name.partition(":")
    if at:
        value = digest.removeprefix("sha256:").removeprefix("sha512:")
        if len(value) < _LEAST_HEX or not set(value) <= set("0123456789abcdef"):
            raise UsageError(
                f"'{safe(text)}' names no digest", f"Write sha256:… with at least {_LEAST_HEX} hexadecimal digits"
            )
        wanted = Wanted(repository, digest=digest if ":" in digest else f"sha256:{value}")
    else:
        wanted = Wanted(repository, tag=tag if colon else None)
    if not repository or wanted.tag == "":
        missing = "tag" if repository else "repository"
        raise UsageError(f"'{safe(text)}' names no {missing}", "Write REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST")
    return wanted


async def _look_up(settings: Settings, registry: RegistrySettings, wanted: Wanted) -> tuple[Explained, tuple[str, ...]]:
    """The repository, and what a person should know of how it was looked up, which is said too."""
    with closing(Application.for_planning(settings, production())) as application, progress(messages()) as tell:
        say_notes(application.notes)
        return await application.explain(registry, wanted.repository, tell), application.notes


def _explanation(registry: RegistrySettings, place: Judged, found: Explained, wanted: Wanted) -> Explanation:
    families = place.judgement.families
    asked = _find(place.listing, wanted)
    outline = family_of(asked.digest, families) if asked else all_families(_newest_first(place.listing), families)
    return Explanation(registry, place, found, asked, outline)


def _find(listing: Listing, wanted: Wanted) -> Manifest | None:
    if wanted.tag is None and wanted.digest is None:
        return None
    if wanted.tag is not None:
        found = [manifest for manifest in listing.manifests if wanted.tag in manifest.tags]
        names = [tag for manifest in listing.manifests for tag in manifest.tags]
    else:
        found = [m for m in listing.manifests if m.digest.startswith(wanted.digest or "")]
        names = [manifest.digest for manifest in listing.manifests]
    asked = wanted.tag if wanted.tag is not None else wanted.digest or ""
    if len(found) == 1:
        return found[0]
    raise _not_found(listing.repository, asked, names) if not found else _ambiguous(asked, found)


def _not_found(repository: str, asked: str, names: list[str]) -> NotThere:
    step = did_you_mean(asked, names, f"See them all: cleaner explain {safe(repository)}.")
    return NotThere(f"{safe(repository)} has no {safe(asked)}", f"{step} What was deleted: cleaner history deletions")


def _ambiguous(asked: str, found: list[Manifest]) -> UsageError:
    return UsageError(f"{len(found)} digests begin with {safe(asked)}", "Write more of its digits")


def _newest_first(listing: Listing) -> list[Digest]:
    """Its digests, versions first, the newest first, those without a time at the end."""
    timed = [(m.is_version, m.updated_at.timestamp() if m.updated_at else 0.0, m.digest) for m in listing.manifests]
    return [digest for _, _, digest in sorted(timed, key=lambda entry: (not entry[0], -entry[1], entry[2]))]


def _left_alone(place: LeftAlone) -> CleanerError:
    kind = ListingIncomplete if place.reason is HoldReason.LISTING else ManifestUnreadable
    return kind(f"{safe(place.repository)} is left alone: {place.detail}")


def _answer(explanation: Explanation, notes: Sequence[str], output: Format) -> None:
    if output is Format.JSON:
        write_json({**explanation_document(explanation), "notes": notes})
    else:
        show_explanation(results(), explanation)


def _say_unmanaged(registry: RegistrySettings, listing: Listing, notes: Sequence[str], output: Format) -> None:
    if output is Format.JSON:
        where = {"registry": registry.name, "repository": listing.repository}
        write_json({**where, "policy": None, "mode": None, "notes": notes})
        return
    name, count = safe(listing.repository), some(len(listing.manifests), "manifest")
    results().print(f"{name} is under no policy: nothing in it is touched ({count}).", soft_wrap=True)
