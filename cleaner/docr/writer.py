"""The few calls that change something: one registry, and only for what a `Reader` cannot do (law 9)."""

from __future__ import annotations

import msgspec

from cleaner.docr import values, wire
from cleaner.docr.call import Call
from cleaner.docr.paths import Paths, segment
from cleaner.docr.retries import Channel
from cleaner.errors import CollectionAutomated, MalformedAnswer, NotFound, PreconditionFailed
from cleaner.model.collection import Collection
from cleaner.model.deletion import AlreadyGone, Deleted, Intent

_DELETE_SCOPE = "the scope registry:delete"
_UPDATE_SCOPE = "the scope registry:update"
_JSON = {"content-type": "application/json"}
# The other types remove manifests behind the policy's back.
_UNREFERENCED_BLOBS = msgspec.json.encode({"type": "unreferenced blobs only"})
_CANCEL = msgspec.json.encode({"cancel": True})


class Writer:
    """Deletes manifests by their intents, and starts and cancels garbage collections.

    A request is sent again only where it was certainly not carried out. So an `AnswerLost`, a `ServerError` or a
    `MalformedAnswer` leaves open whether it was: the caller looks.
    """

    def __init__(self, paths: Paths, channel: Channel) -> None:
        self._paths = paths
        self._channel = channel

    async def delete_manifest(self, intent: Intent, not_after: float) -> Deleted | AlreadyGone:
        """Deletes the manifest of an intent; `not_after` is the loop's time after which it is not sent any more.

        Raises:
            BudgetTooLate: its turn would come only after that; nothing was sent.
            RateLimited: the provider asked for a pause beyond that; it was not carried out.
            RemoteError: any other kind.
        """
        what = f"deleting {intent.repository}@{intent.digest}"
        tail = f"repositories/{segment(intent.repository)}/digests/{intent.digest}"
        call = Call("DELETE", await self._paths.below(tail), what, _DELETE_SCOPE, not_after=not_after)
        try:
            answer = await self._channel.send(call)
        except NotFound:
            return AlreadyGone()
        if answer.status != 204:
            raise MalformedAnswer(
                f"{what}: expected the status 204, got {answer.status}",
                "Check whether a proxy stands between here and `api.url`",
            )
        return Deleted()

    async def start_collection(self) -> Collection:
        """Starts a garbage collection, of unreferenced blobs only.

        Raises:
            CollectionAutomated: the provider collects by itself here (412).
            RemoteError: any other kind; a 4xx may mean that one is active already.
        """
        url = await self._paths.below("garbage-collection")
        call = Call("POST", url, "starting a garbage collection", _UPDATE_SCOPE, _JSON, _UNREFERENCED_BLOBS)
        try:
            return await self._channel.ask(call, wire.CollectionAnswer, values.only_collection)
        except PreconditionFailed as error:
            raise CollectionAutomated(
                f"{self._paths.registry} is collected by the provider itself: {error.message}",
                "Nothing to do: the provider frees the space of what was deleted",
            ) from error

    async def cancel_collection(self, uuid: str) -> Collection:
        """Asks to cancel the active garbage collection of this uuid, and gives what became of it."""
        url = await self._paths.below(f"garbage-collection/{segment(uuid)}")
        call = Call("PUT", url, "cancelling the garbage collection", _UPDATE_SCOPE, _JSON, _CANCEL)
        return await self._channel.ask(call, wire.CollectionAnswer, values.only_collection)
