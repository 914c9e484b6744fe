"""Which of our images a Kubernetes cluster uses: those that its pods run, and those that its workloads may start."""

from __future__ import annotations

import httpx

from cleaner.config.settings import Kubernetes
from cleaner.errors import SourceUnreadable
from cleaner.in_use.pod_images import uses
from cleaner.in_use.references import Home, in_order
from cleaner.model.use import Use


async def read(place: Kubernetes, home: Home, http: httpx.AsyncBaseTransport | None) -> tuple[Use, ...]:
    """The uses of our images in a cluster, each once, in order; `http` in place of the network.

    Raises:
        SourceUnreadable: lightkube is not installed, the cluster cannot be asked, it did not answer each list
            wholly, or an image names our registry and cannot be parsed.
    """
    try:
        from cleaner.in_use import cluster  # noqa: PLC0415 (it imports the extra's library)
    except ModuleNotFoundError as error:
        raise SourceUnreadable(
            f"{place.name} cannot be read: the Python package {error.name} is not installed",
            'Install it: pip install "registry-cleaner[kubernetes]"',
        ) from None
    wanted = await cluster.images(place, http)
    return in_order(use for each in wanted for use in uses(each, place, home))
