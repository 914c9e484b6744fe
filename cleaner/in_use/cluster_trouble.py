"""Why a cluster could not be read, in words of ours: those of its server and its credential plugin may hold secrets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import httpx2
import msgspec
from lightkube import ConfigError, SingleConfig

from cleaner.config.settings import Kubernetes
from cleaner.errors import SourceUnreadable, say_unexpected

_NEXT_STEPS = {
    401: "Its credentials are refused: renew the token or certificate",
    403: "Give its account the ClusterRole of deploy/kubernetes/components/in-use",
    404: "The cluster does not serve this API: expected Kubernetes 1.21 or later",
    410: "The list expires faster than it can be read: try again when the API server is less busy",
}
_LOOK = "Check the API server and the way there; nothing that it could veto is deleted meanwhile"


@contextmanager
def said(doing: str, place: Kubernetes, config: SingleConfig) -> Iterator[None]:
    """Whatever goes wrong inside is an in-use source that cannot be read (law 6)."""
    try:
        yield
    except Exception as error:
        why, next_step = _why(error, config)
        raise SourceUnreadable(f"{place.name} cannot be read: {doing}: {why}", next_step) from None


def _why(error: Exception, config: SingleConfig) -> tuple[str, str]:
    """What happened, and what to do about it."""
    match error:
        case httpx2.HTTPStatusError() as refused:
            status = refused.response.status_code
            return f"HTTP {status}", _NEXT_STEPS.get(status, _LOOK)
        case SourceUnreadable() as told:
            return told.message, told.next_step
        case msgspec.DecodeError():
            return f"the answer is no whole list of them ({error})", _LOOK
        case TimeoutError() | httpx2.TransportError() | httpx.TransportError():
            return _why_no_answer(error), _LOOK
        case _:
            return _why_no_token(error, config)


def _why_no_answer(error: Exception) -> str:
    if isinstance(error, TimeoutError | httpx2.TimeoutException | httpx.TimeoutException):
        return "no whole answer in time"
    if isinstance(error, httpx2.ConnectError):
        return f"no connection ({error})"
    return f"the connection broke ({type(error).__name__})"  # the text of some holds a header


def _why_no_token(error: Exception, config: SingleConfig) -> tuple[str, str]:
    """The credentials are read anew before a request; what is left can only have happened there."""
    if config.user is not None and config.user.exec is not None:
        return (
            f"the credential plugin {config.user.exec.command} gave no token ({type(error).__name__})",
            "Try it by hand with kubectl: it must be installed here, and speak client.authentication.k8s.io/v1beta1",
        )
    if isinstance(error, ConfigError):
        return str(error), "Put the token there, or name another in the kubeconfig"
    return say_unexpected(error), _LOOK
