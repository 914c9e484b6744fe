"""`cleaner explain`: every reason for one manifest or for a whole repository, and the family around it."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from cleaner.cli.console import messages, results, write_json
from cleaner.cli.documents import Document
from cleaner.cli.lineage import Entry, all_families, family_of
from cleaner.cli.options import ConfigOption, Format, FormatOption, RegistryOption, answering, load_settings, the_one
from cleaner.cli.progress import progress
from cleaner.cli.tables import shown_tag
from cleaner.cli.units import clock_time, rfc3339, some
from cleaner.config.settings import RegistrySettings, Settings
from cleaner.errors import CleanerError, ListingIncomplete, ManifestUnreadable, UsageError
from cleaner.model.listing import Listing
from cleaner.model.manifest import Digest, Manifest
from cleaner.model.plan import HoldReason
from cleaner.model.verdict import Condemned, Kept, Verdict
from cleaner.planning.survey import Judged, LeftAlone
from cleaner.retention.words import safe, say, say_verdict, short
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


@dataclass(frozen=True, slots=True)
class Explanation:
    """A judged repository, the manifest in it that is asked about (None: all of them), and the outline to show."""

    registry: RegistrySettings
    place: Judged
    asked: Manifest | None
    outline: tuple[Entry, ...]

    @property
    def policy_number(self) -> int:
        """The policy's place in the file, from 1."""
        return next(n for n, policy in enumerate(self.registry.policies, 1) if policy is self.place.policy)


def explain(
    image: ImageArgument,
    config: ConfigOption = None,
    registry: RegistryOption = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Say why a manifest stays or goes: every reason, and the whole family around it."""
    settings = load_settings(config)
    with answering(output):
        one, wanted = the_one(settings, registry), parse_image(image)
        place = asyncio.run(_look_up(settings, one, wanted))
        match place:
            case Judged():
                _answer(_explanation(one, place, wanted), output)
            case LeftAlone():
                raise _left_alone(place)
            case Listing():
                _say_unmanaged(one, place, output)


def parse_image(text: str) -> Wanted:
    """`REPOSITORY`, `REPOSITORY:TAG` or `REPOSITORY@DIGEST`.

    Raises:
        UsageError: the repository is empty, or the digest none (its first 12 hexadecimal digits are enough).
    """
    repository, at, digest = text.partition("@")
    if at:
        value = digest.removeprefix("sha256:").removeprefix("sha512:")
        if len(value) < _LEAST_HEX or not set(value) <= set("0123456789abcdef"):
            raise UsageError(
                f"{safe(digest)} is no digest", f"Write sha256:… with at least {_LEAST_HEX} hexadecimal digits"
            )
        wanted = Wanted(repository, digest=digest if ":" in digest else f"sha256:{value}")
    else:
        repository, colon, tag = text.partition(":")
        wanted = Wanted(repository, tag=tag if colon else None)
    if not repository:
        raise UsageError(f"{safe(text)} names no repository", "Write REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST")
    return wanted


async def _look_up(settings: Settings, registry: RegistrySettings, wanted: Wanted) -> Judged | LeftAlone | Listing:
    with closing(Application.for_planning(settings, production())) as application, progress(messages()) as tell:
        return await application.explain(registry, wanted.repository, tell)


def _explanation(registry: RegistrySettings, place: Judged, wanted: Wanted) -> Explanation:
    families = place.judgement.families
    asked = _find(place.listing, wanted)
    outline = family_of(asked.digest, families) if asked else all_families(_newest_first(place.listing), families)
    return Explanation(registry, place, asked, outline)


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


def _not_found(repository: str, asked: str, names: list[str]) -> UsageError:
    near = ", ".join(safe(name) for name in get_close_matches(asked, names, n=3, cutoff=0.5))
    step = f"Did you mean: {near}?" if near else f"See them all: cleaner explain {safe(repository)}"
    return UsageError(f"{safe(repository)} has no {safe(asked)}", step)


def _ambiguous(asked: str, found: list[Manifest]) -> UsageError:
    return UsageError(f"{safe(asked)} begins {len(found)} digests", "Write more of its digits")


def _newest_first(listing: Listing) -> list[Digest]:
    """Its digests, versions first, the newest first, those without a time at the end."""
    timed = [(m.is_version, m.updated_at.timestamp() if m.updated_at else 0.0, m.digest) for m in listing.manifests]
    return [digest for _, _, digest in sorted(timed, key=lambda entry: (not entry[0], -entry[1], entry[2]))]


def _left_alone(place: LeftAlone) -> CleanerError:
    kind = ListingIncomplete if place.reason is HoldReason.LISTING else ManifestUnreadable
    return kind(f"{safe(place.repository)} is left alone: {place.detail}")


def _answer(explanation: Explanation, output: Format) -> None:
    if output is Format.JSON:
        write_json(_document(explanation))
    else:
        _show(results(), explanation)


def _say_unmanaged(registry: RegistrySettings, listing: Listing, output: Format) -> None:
    if output is Format.JSON:
        write_json({"registry": registry.name, "repository": listing.repository, "policy": None, "mode": None})
        return
    name, count = safe(listing.repository), some(len(listing.manifests), "manifest")
    results().print(f"{name} is under no policy: nothing in it is touched ({count}).", soft_wrap=True)


def _show(console: Console, explanation: Explanation) -> None:
    place = explanation.place
    patterns = ", ".join(safe(pattern.text) for pattern in place.policy.repositories)
    heading = (
        f"{safe(place.listing.repository)}: policy {explanation.policy_number} ({patterns}), mode {place.policy.mode}"
    )
    console.print(Text(heading, style="bold"), soft_wrap=True)
    manifests = place.listing.by_digest()
    for entry in explanation.outline:
        _show_entry(console, explanation, entry, manifests[entry.digest])
    verdicts = place.judgement.verdicts
    if any(isinstance(verdicts[entry.digest], Condemned) for entry in explanation.outline):
        console.print("Limits and in-use sources may still hold back what goes: see `cleaner plan`.", soft_wrap=True)


def _show_entry(console: Console, explanation: Explanation, entry: Entry, manifest: Manifest) -> None:
    verdict = explanation.place.judgement.verdicts[entry.digest]
    indent = "    " * entry.depth
    line = Text(f"{indent}{entry.relation} " if entry.relation else indent)
    mark = " ◀ asked about" if manifest == explanation.asked else ""
    names = ", ".join(shown_tag(tag) for tag in manifest.tags) or "untagged"
    line.append(short(entry.digest), style="green" if isinstance(verdict, Kept) else "red")
    line.append(f"  {names}  {clock_time(manifest.updated_at, explanation.registry.timezone)}")
    line.append(" (see above)" if entry.again else mark, style="bold")
    console.print(line, soft_wrap=True)
    for reason in () if entry.again else _said(explanation, verdict):
        console.print(Text(f"{indent}  {reason}"), soft_wrap=True)


def _said(explanation: Explanation, verdict: Verdict) -> list[str]:
    absent = explanation.place.judgement.families.absent.get(verdict.manifest.digest, ())
    return [
        *say_verdict(verdict),
        *(f"names {short(digest)}, which this repository does not have" for digest in absent),
    ]


def _document(explanation: Explanation) -> Document:
    place = explanation.place
    digests = list(dict.fromkeys(entry.digest for entry in explanation.outline))
    where: Document = {
        "registry": explanation.registry.name,
        "repository": place.listing.repository,
        "policy": explanation.policy_number,
        "mode": str(place.policy.mode),
    }
    if explanation.asked is None:
        return {**where, "manifests": [_entry_document(place, digest) for digest in digests]}
    asked = explanation.asked.digest
    family = [_entry_document(place, digest) for digest in digests if digest != asked]
    return {**where, **_entry_document(place, asked), "family": family}


def _entry_document(place: Judged, digest: Digest) -> Document:
    verdict, families = place.judgement.verdicts[digest], place.judgement.families
    return {
        "digest": digest,
        "tags": list(verdict.manifest.tags),
        "updated_at": rfc3339(verdict.manifest.updated_at),
        "verdict": "keep" if isinstance(verdict, Kept) else "delete",
        "reasons": [say(reason) for reason in verdict.reasons],
        "indexes": list(families.indexes.get(digest, ())),
        "subjects": list(families.subjects.get(digest, ())),
        "children": list(families.children.get(digest, ())),
        "attachments": list(families.attachments.get(digest, ())),
        "absent": list(families.absent.get(digest, ())),
    }
