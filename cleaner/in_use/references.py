"""Image references as people, clusters and runtimes write them, and which of them are of our registry.

    registry.digitalocean.com/acme/shop/web:1.2@sha256:…
    a host of ours / our registry's name / the repository : tag @ digest

The grammar is that of the distribution project's package `reference`. Where it leaves two readings, both count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from cleaner.docr.answers import shown
from cleaner.model.manifest import Digest, parse_digest
from cleaner.model.use import Use

_LONGEST = 1024  # host, name, tag and digest all at their longest fit in
_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?"
_SEGMENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    r"(?!sha(?:256|512):)"  # a digest that went wrong is no repository of that name
    rf"(?P<name>(?:{_HOST}/)?{_SEGMENT}(?:/{_SEGMENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?"
    r"(?:@(?P<digest>[^@]+))?"
)
_PREFIX = re.compile(r"\A[a-z0-9-]+://")
_PORT = re.compile(r":[0-9]+\Z")


class UnparsableReference(ValueError):
    """A text that names a host of ours, or was written for us, and is no reference; shows the text."""


@dataclass(frozen=True, slots=True)
class Home:
    """Our registry, and the hosts under which images name it; neither case nor port of a host counts."""

    registry: str
    hosts: tuple[str, ...]

    def lives_at(self, segment: str) -> bool:
        """Whether a segment of a path is one of its hosts."""
        return _host(segment) in map(_host, self.hosts)

    def is_named_by(self, text: str) -> bool:
        """Whether one of its hosts occurs anywhere in a text."""
        return any(_host(host) in text.lower() for host in self.hosts)


@dataclass(frozen=True, slots=True)
class Reference:
    """An image of our registry, by tag, by digest, or by both; `repository` None: whichever has the digest."""

    repository: str | None
    tag: str | None
    digest: Digest | None


@dataclass(frozen=True, slots=True)
class _Spelled:
    """A well-formed reference; `name` holds the segments of its path, a host before them where it has one."""

    name: tuple[str, ...]
    tag: str | None
    digest: Digest | None

    @property
    def has_host(self) -> bool:
        """Whether its first segment is a host, by the rule of every container tool."""
        first = self.name[0]
        return len(self.name) > 1 and (first == "localhost" or "." in first or ":" in first)

    def of(self, repository: tuple[str, ...]) -> Reference:
        """The reference to this image as one of that repository."""
        unsaid = self.tag is None and self.digest is None
        return Reference("/".join(repository), "latest" if unsaid else self.tag, self.digest)


def parse(text: str, home: Home) -> Reference | None:
    """The image of our registry that `text` names; None where it names another's, or nothing at all.

    What a runtime sets before it (`docker-pullable://`) does not count, and our host may stand behind a mirror's. A
    bare digest may be ours: its repository is None.

    Raises:
        UnparsableReference: it names a host of ours, and is no reference to a repository.
    """
    bare = _bare_digest(text)
    if bare is not None:
        return bare
    try:
        return _ours(_spelled(text), home)
    except UnparsableReference:
        if home.is_named_by(text):
            raise
        return None


def parse_line(text: str, home: Home) -> tuple[Reference, ...]:
    """The images of our registry that a line written for us names: as `parse`, and without a host it is ours.

    A first segment that is our registry's name may be the registry, or begin the repository's name: both count.

    Raises:
        UnparsableReference: it is no reference at all.
    """
    bare = _bare_digest(text)
    if bare is not None:
        return (bare,)
    spelled = _spelled(text)
    if spelled.has_host or any(home.lives_at(segment) for segment in spelled.name):
        found = _ours(spelled, home)
        return () if found is None else (found,)
    repository = spelled.name
    below = (repository[1:],) if repository[0] == home.registry and len(repository) > 1 else ()
    return tuple(spelled.of(name) for name in (repository, *below))


def assemble(repository: str | None, tag: str | None, digest: str | None, home: Home) -> Reference:
    """The image of our registry that is given in parts, each of them None or empty where it is not given.

    A host of ours and our registry's name may stand before the repository.

    Raises:
        UnparsableReference: together they are no reference, or something else stands behind a host of ours.
    """
    spelled = _spelled(f"{repository or ''}{f':{tag}' if tag else ''}{f'@{digest}' if digest else ''}")
    if not home.lives_at(spelled.name[0]):
        return spelled.of(spelled.name)
    if (found := _ours(spelled, home)) is None:
        raise _no_repository(spelled, home)
    return found


def _bare_digest(text: str) -> Reference | None:
    digest = parse_digest(_plain(text))
    return None if digest is None else Reference(None, None, digest)


def _spelled(text: str) -> _Spelled:
    plain = _plain(text)
    match = _REFERENCE.fullmatch(plain) if len(plain) <= _LONGEST else None
    digest = parse_digest(match["digest"]) if match else None
    if match is None or (match["digest"] is not None and digest is None):
        raise UnparsableReference(
            f"expected an image reference, [host/]repository[:tag][@sha256:…], got {shown(text)!r}"
        )
    return _Spelled(tuple(match["name"].split("/")), match["tag"], digest)


def _plain(text: str) -> str:
    return _PREFIX.sub("", text)


def _ours(spelled: _Spelled, home: Home) -> Reference | None:
    """What stands behind the first host of ours, None where there is none, or another registry's name."""
    place = next((place for place, segment in enumerate(spelled.name) if home.lives_at(segment)), None)
    if place is None:
        return None
    path = spelled.name[place + 1 :]
    if path and path[0] != home.registry:
        return None
    if len(path) < 2:
        raise _no_repository(spelled, home)
    return spelled.of(path[1:])


def _no_repository(spelled: _Spelled, home: Home) -> UnparsableReference:
    return UnparsableReference(f"expected a repository of {home.registry}, got {shown('/'.join(spelled.name))!r}")


def _host(segment: str) -> str:
    return _PORT.sub("", segment.lower()).strip("[]")


def in_order(uses: Iterable[Use]) -> tuple[Use, ...]:
    """The uses, each once, in an order that does not depend on who told of which first."""
    return tuple(sorted(set(uses), key=lambda use: (use.repository or "", use.tag or "", use.digest or "", use.where)))
