"""The labels of the metrics, and the values that each can take.

They are closed sets, the configuration's names of registries aside: never a digest, a tag or a repository.
"""

from __future__ import annotations

from dataclasses import dataclass

from cleaner.daemon.sources import SourceKind
from cleaner.docr.endpoints import Endpoint
from cleaner.model.audit import FindingKind
from cleaner.model.collection import CollectionState
from cleaner.model.event import Breaker
from cleaner.model.plan import HoldReason, Mode
from cleaner.model.run import RunKind, RunOutcome

OTHER = "other"
"""The label of a status that no page names."""

NO_ANSWER = "none"
"""The label of a request to which no whole answer came."""

_STATUSES = (200, 201, 204, 301, 302, 307, 400, 401, 403, 404, 405, 408, 409, 412, 413, 422, 429, 500, 502, 503, 504)
_CLASSES = tuple(f"{hundreds}xx" for hundreds in range(1, 10))


@dataclass(frozen=True, slots=True)
class Label:
    """A label and its possible values; none where a value comes from elsewhere: the configuration, the build."""

    name: str
    values: tuple[str, ...] = ()


REGISTRY = Label("registry")
RUN_KIND = Label("kind", tuple(RunKind))
OUTCOME = Label("outcome", tuple(RunOutcome))
MODE = Label("mode", tuple(Mode))
REASON = Label("reason", tuple(HoldReason))
BREAKER = Label("breaker", tuple(Breaker))
SOURCE = Label("source", tuple(SourceKind))
FINDING = Label("kind", tuple(FindingKind))
ENDED = Label("status", (CollectionState.SUCCEEDED, CollectionState.FAILED, CollectionState.CANCELLED))
ACTIVE = Label(  # those that the API page names, "Garbage collection"
    "status",
    (
        "requested",
        "waiting for write JWTs to expire",
        "scanning manifests",
        "deleting unreferenced blobs",
        "cancelling",
        OTHER,
    ),
)
ENDPOINT = Label("endpoint", tuple(Endpoint))
HTTP_STATUS = Label("status", (*map(str, _STATUSES), *_CLASSES, NO_ANSWER))
RELOAD = Label("outcome", ("success", "failure"))


def status_label(status: int | None) -> str:
    """The label of an HTTP status: itself where it is to be expected, else its class; None: no whole answer."""
    if status is None:
        return NO_ANSWER
    return str(status) if status in _STATUSES else f"{str(status)[0]}xx"
