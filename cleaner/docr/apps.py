"""The account's apps and their deployments, as App Platform tells them (API page, "App Platform")."""

from __future__ import annotations

from cleaner.docr import wire
from cleaner.docr.call import Call
from cleaner.docr.lists import whole_list
from cleaner.docr.pages import Page, page
from cleaner.docr.paths import segment
from cleaner.docr.retries import Channel

_SCOPE = "the scope app:read"


class Apps:
    """Reads the apps of one account; `url` is the control plane's. Every list is whole, or a `RemoteError`."""

    def __init__(self, url: str, channel: Channel) -> None:
        self._url = url
        self._channel = channel

    async def apps(self) -> tuple[wire.App, ...]:
        """All apps of the account, sorted by id.

        Raises:
            RemoteError: they could not be read, or not as one consistent whole, also the second time.
        """
        call = Call("GET", f"{self._url}/v2/apps", "reading the apps", _SCOPE)
        return await whole_list(self._channel, call, wire.AppsPage, _apps, lambda app: app.id)

    async def deployments(self, app: wire.App) -> tuple[wire.Deployment, ...]:
        """All deployments of an app, sorted by id: no page promises that it holds the newest.

        Raises:
            RemoteError: as `apps`.
        """
        url = f"{self._url}/v2/apps/{segment(app.id)}/deployments"
        call = Call("GET", url, f"reading the deployments of the app {app.id}", _SCOPE)
        return await whole_list(self._channel, call, wire.DeploymentsPage, _deployments, lambda entry: entry.id)


def _apps(answer: wire.AppsPage) -> Page[wire.App]:
    return page(answer.apps, answer.meta, answer.links)


def _deployments(answer: wire.DeploymentsPage) -> Page[wire.Deployment]:
    return page(answer.deployments, answer.meta, answer.links)
