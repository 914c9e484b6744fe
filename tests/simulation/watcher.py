"""The checker: it stands at the registry's door, sees every request that changes something, and knows what was promised.

It decides nothing as the cleaner does: it looks at the world itself, at what the cleaner was shown (`record`), and at
the promise. What lies between a look and the request that relied on it is nobody's promise; the last look before a
collection is where that ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

import httpx

from cleaner.model.event import Event, Planned
from cleaner.model.plan import HoldReason, Plan
from cleaner.model.safeguard import CollectionWithheld, ManifestRestored, SourceFailed, SourceRead
from cleaner.simulator.contents import digest_of
from tests.house import path_of
from tests.simulation.fleets import Fleet
from tests.simulation.listed import Entry, Listed, listed
from tests.simulation.promise import Promise
from tests.simulation.pushes import Pushes
from tests.simulation.record import Announcements, Sources, Tags

RECHECK = timedelta(minutes=10)
SLACK = timedelta(hours=1)
"""A judgement relies on looks that are a little older than the deletion."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken, and how."""

    at: datetime
    promise: str
    detail: str

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.promise}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Lost:
    """A manifest that was deleted, as it was listed before, and when."""

    at: datetime
    entry: Entry


@dataclass(slots=True)
class Doing:
    """What the process is at: its kind, when it began, and what it has seen and done so far."""

    kind: str
    began: datetime
    planned: datetime | None = None
    withheld: bool = False
    collected: bool = False
    listings: dict[str, Listed] = field(default_factory=dict)
    most: Counter[str] = field(default_factory=Counter)
    deleted: Counter[str] = field(default_factory=Counter)
    asked: dict[str, datetime] = field(default_factory=dict)


@dataclass(slots=True)
class Watcher:
    """Watches one registry; `violations` is what it objects to, `tally` what it saw happen, by name."""

    promise: Promise
    pushes: Pushes
    fleets: dict[str, Fleet]
    sources: Sources
    tags: Tags = field(default_factory=Tags)
    announcements: Announcements = field(default_factory=Announcements)
    lost: dict[tuple[str, str], Lost] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    doing: Doing | None = None

    @property
    def now(self) -> datetime:
        return self.pushes.now()

    def begin(self, kind: str) -> None:
        """A process starts to do something."""
        self.doing = Doing(kind, self.now)
        self.tally[kind] += 1

    def end(self) -> None:
        """It came to its end."""
        doing = self._doing()
        self.sources.written()
        if doing.collected:
            self._at_rest()
        if doing.kind == "look":
            for repository, listing in doing.listings.items():
                self.tags.observed(repository, listing, doing.began)
        self.doing = None

    def died(self) -> None:
        """The process died."""
        self.sources.died()
        self.tally["died"] += 1
        self.doing = None

    def edited(self, promise: Promise) -> None:
        """The configuration is another now."""
        for repository, rules in promise.policies.items():
            if rules.text != self.promise.policies[repository].text:
                self.announcements.edited(repository)
        self.promise = promise

    def before(self, request: httpx.Request) -> None:
        """A request is on its way, and whatever others did meanwhile is done."""
        self.sources.moved()
        asked = [kind for kind, fleet in self.fleets.items() if fleet.asked(request)]
        for kind in asked:
            self.sources.asked(kind, self.now)
        if not asked:
            self.sources.written()

    def after(self, request: httpx.Request, answer: httpx.Response) -> None:
        """The registry has answered, and done what was asked."""
        if request.method != "GET" and answer.is_success and self._doing().kind in {"look", "plan", "forecast"}:
            self._object("mode", f"{request.method} {path_of(request)} while it only looks")
        parts = path_of(request).partition("?")[0].split("/")
        match request.method, parts[-1], answer.status_code:
            case "GET", "digests", 200:
                self._listed(parts[-2].replace("%2F", "/"), answer)
            case "DELETE", digest, 204:
                self._deleted(parts[-3].replace("%2F", "/"), digest)
            case "POST", "garbage-collection", 201:
                self._collection_begins()
            case _:
                pass

    def hear(self, event: Event) -> None:
        """What the cleaner tells of its steps."""
        match event:
            case SourceRead(source=source):
                self.sources.read(source.split()[0], self.now)
                self._doing().asked[source.split()[0]] = self.now
            case SourceFailed(source=source):
                self.sources.failed(source.split()[0])
                self._doing().asked[source.split()[0]] = self.now
                self.tally["source failed"] += 1
            case Planned(plan=plan) if self._doing().kind != "forecast":
                self._planned(plan)
            case ManifestRestored():
                self.tally["undone" if self._doing().kind == "undo" else "restored"] += 1
            case CollectionWithheld():
                self._doing().withheld = True
                self.tally["withheld"] += 1
            case _:
                pass

    def _doing(self) -> Doing:
        assert self.doing is not None
        return self.doing

    def _object(self, promise: str, detail: str) -> None:
        self.violations.append(Violation(self.now, promise, detail))

    def _listed(self, repository: str, answer: httpx.Response) -> None:
        doing, found = self._doing(), listed(answer, self.pushes.bodies, self.now)
        doing.listings[repository] = found
        doing.most[repository] = max(doing.most[repository], len(found.entries))
        for digest in found.entries:
            self.lost.pop((repository, digest), None)

    def _planned(self, plan: Plan) -> None:
        """A look: it has compared the tags of each repository that it judged, and announced what it condemned there."""
        doing = self._doing()
        doing.planned = self.now
        self.sources.written()
        unread = {h.repository for h in plan.held_back if h.reason in {HoldReason.LISTING, HoldReason.MANIFEST}}
        condemned = (*plan.deletions, *(waiting.deletion for waiting in plan.waiting))
        for repository in self.promise.policies.keys() & doing.listings.keys() - unread:
            theirs = [each.manifest.digest for each in condemned if each.manifest.repository == repository]
            self.announcements.condemned(repository, theirs, doing.began)
            self.tags.observed(repository, doing.listings[repository], doing.began)

    def _deleted(self, repository: str, digest: str) -> None:
        doing = self._doing()
        doing.deleted[repository] += 1
        self.tally["deleted"] += 1
        listing = doing.listings.get(repository)
        if listing is None or digest not in listing.entries:
            self._object("stale", f"{repository}@{digest} was deleted, and not listed before")
            return
        for promise, why in self._objections(repository, digest, listing):
            self._object(
                promise, f"{repository}@{digest[:19]} ({', '.join(sorted(listing.entries[digest].tags))}): {why}"
            )
        self.tags.observed(repository, listing, doing.began)
        self.lost[repository, digest] = Lost(self.now, listing.entries[digest])

    def _objections(self, repository: str, digest: str, listing: Listed) -> Iterator[tuple[str, str]]:
        doing = self._doing()
        if self.now - listing.at > RECHECK:
            yield "stale", "the look before it is too old"
        for kind in self.promise.sources:
            if self.sources.current.get(kind) is None and self.promise.covers(kind, repository):
                yield "source", f"{kind} could not be read"
            elif doing.planned is None or doing.asked.get(kind, doing.began) < doing.planned:
                yield "stale", f"{kind} was not asked again after the plan was made"
        for promise, why, roots in self._kept(repository, listing):
            if digest in listing.whole(roots):
                yield promise, why
        there = {digest_of(entry) for entry in self.pushes.entries(repository)}
        for above in listing.above(digest):
            if (
                above in there
                and listing.entries[above].updated_at <= listing.at
                and not self._came_again(repository, above, listing)
            ):
                yield "family", f"it belongs to {above[:19]}, which stays"
        yield from self._announced(repository, digest)
        if doing.deleted[repository] > doing.most[repository] * self.promise.share / 100:
            yield "share", f"{doing.deleted[repository]} of {doing.most[repository]} are gone in this run"

    def _came_again(self, repository: str, digest: str, listing: Listed) -> bool:
        """Whether somebody pushed it once more since it was listed."""
        entry = next(entry for entry in self.pushes.entries(repository) if digest_of(entry) == digest)
        return datetime.fromisoformat(str(entry["updated_at"])) > listing.at

    def _kept(self, repository: str, listing: Listed) -> Iterator[tuple[str, str, Iterable[str]]]:
        """What must stay as things stood at that look, by promise: each with all that it needs."""
        since = self._remembered()
        for name, why in self.sources.names(since):
            promise = "in use" if why.startswith("in use, ") else "remembered"
            if name.tag is not None and name.repository == repository:
                yield promise, f"{name.tag} is {why}", listing.carriers(name.tag)
                if since is not None:
                    pointed = self.tags.pointed(repository, name.tag, since)
                    yield "remembered", f"{name.tag} is {why}, and pointed to it", pointed
            elif name.digest is not None and name.repository in {repository, None}:
                yield promise, f"its digest is {why}", (name.digest,)
        moment = self._doing().began - self.promise.grace + timedelta(minutes=1)
        for digest, entry in listing.entries.items():
            if any(fnmatchcase(tag, pattern) for tag in entry.tags for pattern in self.promise.protected):
                yield "protected", "a tag is protected", (digest,)
            if entry.updated_at > moment or self.tags.came_after(repository, entry.tags, digest, moment):
                yield "young", "it is younger than grace", (digest,)

    def _remembered(self) -> datetime | None:
        remember = self.promise.remember
        return self.now - remember + SLACK if remember else None

    def _announced(self, repository: str, digest: str) -> Iterator[tuple[str, str]]:
        notice = self.promise.notice(repository)
        if notice is None:
            yield "policy", "the repository is under no policy"
        elif notice:
            since = self.announcements.since.get(repository, {}).get(digest)
            if since is None or self.now - since < notice:
                yield "notice", f"it was announced {'never' if since is None else f'at {since:%d %H:%M}'}"
            else:
                self.tally["ripened"] += 1

    def _collection_begins(self) -> None:
        doing = self._doing()
        doing.collected = True
        self.tally["collected"] += 1
        self.sources.written()
        if doing.withheld:
            self._object("collection", "it began after it had been withheld")
        for (repository, digest), lost in sorted(self.lost.items()):
            if all(digest_of(entry) != digest for entry in self.pushes.entries(repository)):
                for why in self._needed(repository, digest, lost):
                    self._object("collection", f"{repository}@{digest[:19]} is lost for good: {why}")
        self.lost.clear()

    def _needed(self, repository: str, digest: str, lost: Lost) -> Iterator[str]:
        """Why the registry needs what was deleted, as things stood at the last look."""
        listing = self._doing().listings.get(repository)
        if listing is None or listing.at <= lost.at:
            yield "nobody looked again before the collection"
            return
        for kind in self.promise.sources:
            if self.sources.current.get(kind) is None and self.promise.covers(kind, repository):
                yield f"{kind} could not be read"
        for name, why in self.sources.names(self._remembered()):
            if name.digest == digest and name.repository in {repository, None}:
                yield f"its digest is {why}"
            if (
                name.repository == repository
                and name.tag in lost.entry.tags
                and self._was_last(repository, name.tag, lost)
            ):
                yield f"its tag {name.tag} is {why}"
        for other, entry in listing.entries.items():
            if digest in entry.children or other in lost.entry.subjects:
                yield f"it belongs to {other[:19]}"
            if digest in entry.subjects and lost.at + timedelta(seconds=1) < entry.updated_at <= listing.at:
                yield f"{other[:19]} was attached to it"

    def _at_rest(self) -> None:
        """After a collection: what is in use is there with all that it needs, and all that is there pulls."""
        for repository, listing in sorted(self._doing().listings.items()):
            there = {digest_of(entry) for entry in self.pushes.entries(repository)}
            for promise, why, roots in self._kept(repository, listing):
                for digest in sorted(listing.whole(roots) - there):
                    self._object(promise, f"{repository}@{digest[:19]} is gone: {why}")
            for digest in sorted(there):
                for blob in self.pushes.blobs_of(digest):
                    if self.pushes.storage.blob(blob) is None:
                        self._object("whole", f"{repository}@{digest[:19]} lacks its blob {blob[:19]}")

    def _was_last(self, repository: str, tag: str | None, lost: Lost) -> bool:
        """Whether nothing has carried the tag since."""
        return tag is not None and self.pushes.tagged.get((repository, tag), lost.at) <= lost.at
