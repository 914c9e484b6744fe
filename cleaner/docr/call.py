"""A request and its answer, as the layers of the onion hand them to one another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

PAGE_BYTES = 32 * 1024 * 1024
"""No answer of the control plane is read beyond this."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request: `what` and `scope` are for messages, the thing that is asked and the token scopes it needs.

    `url` is absolute and quoted. `not_after` is the event loop's time after which it must not be sent any more,
    None for no such moment. No more than `limit` bytes of the answer are read. `idempotent`: what it changes is changed
    no further when it is sent again. Headers may hold a secret.
    """

    method: str
    url: str
    what: str
    scope: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = None
    not_after: float | None = None
    limit: int = PAGE_BYTES
    idempotent: bool = False

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be sent again where nobody knows what became of it."""
        return self.idempotent or self.method in ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; the names of `headers` are in lower case. The body may hold a secret."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


Send: TypeAlias = Callable[[Call], Awaitable[Answer]]
"""Sends a request and gives its answer: each layer of the onion is one, around another."""
