"""The exception family.

CleanerError                     every error that we raise on purpose
├── UsageError            exit 2 a flag, an argument, a mode that cannot be acted upon
├── ConfigError           exit 2 the configuration file, with all its problems at once
├── StateError            exit 2 the state cannot be opened or written
├── NotThere              exit 1 what a person named is not there, says the registry or the ledger
├── RunInProgress         exit 1 another run holds this registry
├── RemoteError           exit 1 the other side, or the way there
│   ├── Unreachable              no connection: nothing was sent
│   ├── AnswerLost               sent, and no whole answer came back: it may have been carried out
│   ├── MalformedAnswer          an answer that is not what the API page promises
│   ├── UnknownRegistry          neither family of paths knows the registry
│   ├── OriginRefused            the request would leave the origin it belongs to (law 11)
│   ├── MutationRefused          a mutating request from a client that may only read (law 9)
│   ├── BudgetTooLate            the rate limit's budget would grant this request only after its deadline
│   └── Refused                  an HTTP status that is no success
│       ├── BadRequest 400 · Unauthorized 401 · Forbidden 403 · NotFound 404 · Conflict 409
│       ├── PreconditionFailed 412 · Unprocessable 422 · RateLimited 429
│       ├── ServerError 5xx
│       └── UnexpectedStatus     any other
├── CollectionError       exit 1 a garbage collection failed, hung, or was refused
│   ├── CollectionAutomated exit 0 the provider collects by itself here (412)
│   ├── CollectionWithheld       it would take what is needed, so none is started
│   ├── CollectionUnsure   exit 3 nobody can tell whether it would, so none is started
│   └── CollectionOutlasted      still active after `timeout`
├── ListingIncomplete     exit 3 a repository's listing is incomplete or inconsistent (law 3)
├── ManifestUnreadable    exit 3 the data plane did not give a manifest that hashes to its digest (law 2)
│   └── ManifestLost             it does not know it: nobody can pull it
└── SourceUnreadable      exit 3 an in-use source cannot be read (law 6)

Each message names the thing and what was expected; `next_step` says what a person can do about it.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path


class CleanerError(Exception):
    """Any error that the cleaner raises on purpose.

    `exit_code` is the process's exit status where nothing handles the error (contracts, "Exit codes").
    """

    exit_code = 1

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}. {self.next_step}" if self.next_step else self.message


class UsageError(CleanerError):
    """A flag, an argument or a mode that cannot be acted upon; no request was sent."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong (or doubtful) in the configuration file: where, what was expected, and a hint."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}"
        return f"{where}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class ConfigError(CleanerError):
    """The configuration file cannot be used; carries every problem found in it."""

    exit_code = 2

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class StateError(CleanerError):
    """The state (the ledger's database) cannot be opened or written; names its path or URL."""

    exit_code = 2


class NotThere(CleanerError):
    """What a person named, a repository, a tag, a collection, is not there: the registry or the ledger says so."""


class RunInProgress(CleanerError):
    """Another run holds this registry (law 8)."""


class RemoteError(CleanerError):
    """The other side answered badly, or could not be asked."""


class Unreachable(RemoteError):
    """No connection could be made: nothing was sent."""


class AnswerLost(RemoteError):
    """The request was sent and no whole answer came back: it may have been carried out."""


class MalformedAnswer(RemoteError):
    """An answer that is not what the API page promises (HTML, half a JSON, a missing field)."""


class UnknownRegistry(RemoteError):
    """Neither family of paths knows the registry."""


class OriginRefused(RemoteError):
    """The request, or a realm, leaves the origin that its secret belongs to (law 11); nothing was sent."""


class MutationRefused(RemoteError):
    """A request that mutates, from a client that may only read, or of a kind no client knows (law 9)."""


class BudgetTooLate(RemoteError):
    """The rate limit's budget would grant this request only after its deadline; nothing was sent."""


class Refused(RemoteError):
    """An HTTP status that is no success.

    `status` is the HTTP status, `error_id` and `request_id` the provider's, empty where it gave none.
    """

    def __init__(
        self,
        message: str,
        next_step: str = "",
        *,
        status: int,
        error_id: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message, next_step)
        self.status = status
        self.error_id = error_id
        self.request_id = request_id


class BadRequest(Refused):
    """400: the provider did not understand the request."""


class Unauthorized(Refused):
    """401: the token is wrong, expired or revoked."""


class Forbidden(Refused):
    """403: the token lacks a scope."""


class NotFound(Refused):
    """404: the thing is not there."""


class Conflict(Refused):
    """409: the registry is busy, for instance with a garbage collection."""


class PreconditionFailed(Refused):
    """412: the account or registry is in a state in which this call is not available."""


class Unprocessable(Refused):
    """422: the provider understood the request and will not carry it out."""


class RateLimited(Refused):
    """429: past a rate limit, with the pause that the provider asked for, where it named one."""

    retry_after: timedelta | None = None


class ServerError(Refused):
    """5xx: the provider's trouble, or a proxy's."""


class UnexpectedStatus(Refused):
    """A status that the API page does not name."""


class CollectionError(CleanerError):
    """A garbage collection failed, was cancelled, or was refused."""


class CollectionAutomated(CollectionError):
    """412 on a start: the provider collects by itself here. The deletions stand; not a failure."""

    exit_code = 0


class CollectionWithheld(CollectionError):
    """No collection is started: it would take what is needed, and that cannot be brought back."""


class CollectionUnsure(CollectionError):
    """No collection is started: nobody could look whether it would take what is needed."""

    exit_code = 3


class CollectionOutlasted(CollectionError):
    """A garbage collection is still active after `garbage_collection.timeout`."""


class ListingIncomplete(CleanerError):
    """A listing is incomplete or inconsistent: its repository is left alone (law 3)."""

    exit_code = 3


class ManifestUnreadable(CleanerError):
    """A manifest could not be read from the data plane: its repository is left alone (law 2)."""

    exit_code = 3


class ManifestLost(ManifestUnreadable):
    """A manifest is listed and the data plane does not know it: nobody can pull it."""


class SourceUnreadable(CleanerError):
    """An in-use source could not be read: it vetoes every deletion (law 6)."""

    exit_code = 3


def say_unexpected(error: BaseException) -> str:
    """An error that nobody expected, by kind and place alone: its text may hold anything, a secret too."""
    where = traceback.extract_tb(error.__traceback__)[-1:]
    place = "".join(f" in {Path(frame.filename).name}, line {frame.lineno}" for frame in where)
    return f"unexpected {type(error).__name__}{place}"
