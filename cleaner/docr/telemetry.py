"""What the onion tells of its requests: how long each took, what came of it, and how the token's rate limit stands.

Nothing that was in a request or an answer is told but its endpoint, its status and these numbers (law 11).
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from cleaner.docr.budget import stated_limit
from cleaner.docr.call import Answer, Call, Send
from cleaner.docr.endpoints import endpoint_of
from cleaner.model.event import Listener, RateLimitSeen, RequestEnded


def observed(registry: str, tell: Listener, send: Send) -> Send:
    """The layer that tells how each request of a registry's client has ended, also one that was cancelled."""

    async def layer(call: Call) -> Answer:
        loop = asyncio.get_running_loop()
        sent, status = loop.time(), None
        try:
            answer = await send(call)
            status = answer.status
        finally:
            took = timedelta(seconds=loop.time() - sent)
            tell(RequestEnded(registry, endpoint_of(call.method, call.url), status, took))
        return answer

    return layer


def metered(registry: str, tell: Listener, send: Send) -> Send:
    """The layer that tells what each answer says of the token's rate limit, where it says it in numbers."""

    async def layer(call: Call) -> Answer:
        answer = await send(call)
        stated = stated_limit(answer.headers)
        if stated is not None:
            tell(RateLimitSeen(registry, *stated))
        return answer

    return layer
