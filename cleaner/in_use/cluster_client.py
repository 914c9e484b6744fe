"""The way to a cluster's API server, as lightkube knows it: by a kubeconfig or by the account of our own pod.

Both are full of secrets: of what stands in them, errors name files, contexts and programs, and nothing else.
"""

from __future__ import annotations

import httpx
import httpx2
import yaml
from lightkube import ConfigError, KubeConfig, SingleConfig
from lightkube.config.client_adapter import user_auth, verify_cluster
from lightkube.config.kubeconfig import SERVICE_ACCOUNT

from cleaner.config.settings import Kubernetes
from cleaner.errors import SourceUnreadable

_PATIENCE = httpx2.Timeout(30, connect=5)


def connected(
    place: Kubernetes, http: httpx.AsyncBaseTransport | None, account: str = SERVICE_ACCOUNT
) -> tuple[httpx2.AsyncClient, SingleConfig]:
    """A client of the cluster, to be closed by whoever asked for it, and by what it is let in; no request is sent yet.

    `http` stands in for the network. `account` is the folder in which a pod finds its service account.

    Raises:
        SourceUnreadable: the kubeconfig, or the pod's account, is missing or cannot be used.
    """
    try:
        config = KubeConfig.from_file(place.kubeconfig) if place.kubeconfig else _from_within(account)
        return _client(config.get(place.context), None if http is None else _Carried(http))
    except ConfigError as error:
        raise _unusable(place, str(error)) from None
    except OSError as error:
        raise _unusable(
            place, f"{error.strerror or type(error).__name__}: {error.filename or 'a certificate'}"
        ) from None
    except yaml.YAMLError:  # its text quotes the file
        raise _unusable(place, "it is no YAML") from None
    except Exception as error:  # what a file lacks, the library trips over in as many ways
        raise _unusable(place, f"it is incomplete or garbled ({type(error).__name__})") from None


def _client(
    config: SingleConfig | None, transport: httpx2.AsyncBaseTransport | None
) -> tuple[httpx2.AsyncClient, SingleConfig]:
    if config is None or config.user is None:
        raise ConfigError("its context names no user")
    client = httpx2.AsyncClient(
        base_url=config.cluster.server,
        verify=verify_cluster(config.cluster, config.user, config.abs_file, trust_env=False),
        auth=user_auth(config.user),
        timeout=_PATIENCE,
        trust_env=False,
        transport=transport,
    )
    return client, config


def _from_within(account: str) -> KubeConfig:
    try:
        return KubeConfig.from_service_account(account)
    except KeyError as error:
        raise ConfigError(f"the environment variable {error.args[0]} is not set") from None


def _unusable(place: Kubernetes, why: str) -> SourceUnreadable:
    if place.kubeconfig is None:
        return SourceUnreadable(
            f"{place.name} cannot be read: this process has no service account in a cluster ({why})",
            "Let it run in a pod with `automountServiceAccountToken: true`, or name a `kubeconfig`",
        )
    return SourceUnreadable(
        f"{place.name} cannot be read with the kubeconfig {place.kubeconfig}: {why}",
        f"Try it by hand: kubectl --kubeconfig {place.kubeconfig} config get-contexts",
    )


class _Carried(httpx2.AsyncBaseTransport):
    """httpx's transport under a client of httpx2, as lightkube wants it: the same messages under other names."""

    def __init__(self, http: httpx.AsyncBaseTransport) -> None:
        self._http = http

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._http.handle_async_request(
            httpx.Request(request.method, str(request.url), headers=request.headers.raw)
        )
        content_type = answer.headers.get("Content-Type", "")
        return httpx2.Response(answer.status_code, headers={"Content-Type": content_type}, content=await answer.aread())
