"""The realm: a token of the data plane against the credentials of the control plane (API page, "Data plane")."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from cleaner.simulator.answers import Refusal, answer, refused
from cleaner.simulator.credentials import GRANT_LIFETIME, Credential, basic_secret
from cleaner.simulator.moments import rfc3339
from cleaner.simulator.world import World


def realm_answer(world: World, api_token: str | None, request: Request) -> Response:
    """GET /v2/registry/auth?service=&scope=: a token for the asked scopes that the credentials allow; else 401.

    The API token itself is taken as user and password too, as the provider does.
    """
    secret = basic_secret(request.headers.get("authorization", ""))
    credential = _credential(world, api_token, secret) if secret else None
    if credential is None:
        return refused(Refusal(401, "unauthorized", "Unable to authenticate you."), world.new_id())
    scopes = [scope for given in request.query_params.getlist("scope") for scope in given.split()]
    grant = world.credentials.grant(credential, scopes)
    return answer(
        {
            "token": grant.secret,
            "access_token": grant.secret,
            "expires_in": int(GRANT_LIFETIME.total_seconds()),
            "issued_at": rfc3339(grant.issued_at),
        }
    )


def _credential(world: World, api_token: str | None, secret: str) -> Credential | None:
    if api_token is not None and secret == api_token:
        return Credential(secret, None, world.now(), None, read_write=True)
    return world.credentials.known(secret)
