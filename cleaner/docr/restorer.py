"""The one call that brings back what was deleted: a manifest's very bytes, put where they were (law 9)."""

from __future__ import annotations

from cleaner.docr import oci
from cleaner.docr.access import Access
from cleaner.docr.answers import shown
from cleaner.docr.call import Answer, Call
from cleaner.errors import MalformedAnswer
from cleaner.model.deletion import Body
from cleaner.model.manifest import parse_digest

_SCOPE = "the scope registry:update"


class Restorer:
    """Puts manifests back over the data plane. The credentials that it takes are asked for when it is first used."""

    def __init__(self, access: Access) -> None:
        self._access = access

    async def put(self, repository: str, reference: str, body: Body) -> None:
        """Puts a manifest under its digest, or under a tag, which then stands on it.

        A digest names these bytes and no others, so that a request whose answer was lost is sent again; a tag may have
        been moved on by somebody else meanwhile, so that it is not.

        Raises:
            RemoteError: of its kind, in the registry's own words. A `BadRequest` or `NotFound` whose `error_id` is
                MANIFEST_BLOB_UNKNOWN: what it refers to is gone. An `AnswerLost`, a `ServerError` or a
                `MalformedAnswer` leaves open whether it was put.
        """
        call = Call(
            "PUT",
            self._access.addresses.manifest(repository, reference),
            f"putting back {_named(repository, reference)}",
            _SCOPE,
            {"content-type": body.media_type},
            body.content,
            idempotent=parse_digest(reference) is not None,
        )
        _check_taken(await self._access.send(repository, call), call)


def _named(repository: str, reference: str) -> str:
    return f"{repository}{'@' if parse_digest(reference) else ':'}{reference}"


def _check_taken(answer: Answer, call: Call) -> None:
    """Nothing, where the registry surely has the bytes: what only looks like a success may be a proxy's page.

    Raises:
        MalformedAnswer: it names another digest, or it is no 201 and names none.
    """
    given = answer.headers.get("docker-content-digest")
    if given is None and answer.status == 201:
        return
    named = parse_digest(given)
    if named is None or named != oci.digest_of(call.content or b"", named):
        raise MalformedAnswer(
            f"{call.what}: expected the status 201 and the digest of what was sent, got {answer.status} and "
            f"{shown(given or 'no digest')}",
            "Look at the repository in the provider's panel, and whether a proxy stands before `api.registry_url`",
        )
