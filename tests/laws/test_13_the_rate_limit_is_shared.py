"""Law 13: we stay inside our budget, obey `retry-after`, and never spin."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleaner.config.settings import RateLimit
from cleaner.docr.budget import Budget
from cleaner.errors import BudgetTooLate
from tests.docr.asking import NO_LIMIT, START, elapsed, now, run

SHARES = (Fraction(0), Fraction(1, 5), Fraction(1, 2), Fraction(1))


@dataclass(frozen=True)
class Request:
    """One request of a client: it comes `after` its last, is counted by the server `underway` seconds later."""

    after: float
    underway: float
    back: float


seconds = st.sampled_from((0.0, 0.1, 1.0, 7.5, 30.0, 59.0, 60.0, 61.0, 700.0, 3600.0)) | st.integers(0, 10**5).map(
    lambda n: n / 1000
)
clients = st.lists(st.lists(st.builds(Request, seconds, seconds, seconds), max_size=12), min_size=1, max_size=5)
limits = st.builds(RateLimit, st.integers(0, 6), st.integers(0, 12), st.sampled_from(SHARES))


async def counted(budget: Budget, stories: Sequence[Sequence[Request]]) -> list[float]:
    """The moments at which the server counts the requests of several clients that share one budget."""
    moments: list[float] = []

    async def client(story: Sequence[Request]) -> None:
        for request in story:
            await asyncio.sleep(request.after)
            async with budget.turn():
                await asyncio.sleep(request.underway)
                moments.append(elapsed())
                await asyncio.sleep(request.back)

    await asyncio.gather(*(client(story) for story in stories))
    return sorted(moments)


def most(moments: Sequence[float], length: float) -> int:
    """The most that fall into any window of this length, its ends included."""
    return max((sum(start <= moment <= start + length for moment in moments) for start in moments), default=0)


@given(limits, clients)
def test_no_sliding_window_ever_holds_more_than_the_budget(limit: RateLimit, stories: list[list[Request]]) -> None:
    """Whenever between sending and answer the server counts, however many clients share the token."""
    moments = run(counted(Budget(limit, now), stories))
    assert len(moments) == sum(len(story) for story in stories)
    for number, length in ((limit.per_minute, 60), (limit.per_hour, 3600)):
        if number:
            assert most(moments, length) <= max(1, int(number * (1 - limit.reserve)))


def test_a_window_is_used_up_to_its_budget() -> None:
    """The limit is no slower than it must be: the whole budget goes at once, the next when the first is forgotten."""
    limit = RateLimit(per_minute=250, per_hour=5000, reserve=Fraction(1, 5))
    moments = run(counted(Budget(limit, now), [[Request(0, 0, 0)] * 400]))
    assert moments == [0.0] * 200 + [61.0] * 200


def test_requests_are_granted_in_the_order_of_asking() -> None:
    """Nobody is overtaken."""
    order: list[int] = []

    async def client(number: int, budget: Budget) -> None:
        async with budget.turn():
            order.append(number)

    async def story() -> None:
        budget = Budget(RateLimit(1, 0, Fraction(0)), now)
        await asyncio.gather(*(client(number, budget) for number in range(5)))

    run(story())
    assert order == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("not_after", "sent"), [(60.9, False), (61.5, True)])
def test_what_would_be_too_late_is_refused_at_once(not_after: float, *, sent: bool) -> None:
    """A deletion that would come after its deadline does not wait for it: nothing is sent."""

    async def story() -> float:
        budget = Budget(RateLimit(1, 0, Fraction(0)), now)
        async with budget.turn():
            pass
        if sent:
            async with budget.turn(not_after):
                return elapsed()
        with pytest.raises(BudgetTooLate):
            async with budget.turn(not_after):
                pass
        return elapsed()

    assert run(story()) == (61.0 if sent else 0.0)


def test_those_who_wait_already_count_for_those_who_come() -> None:
    """The third in the queue is told at once that its turn comes only after two windows."""

    async def story() -> float:
        budget = Budget(RateLimit(2, 0, Fraction(1, 2)), now)
        waiting = asyncio.create_task(counted(budget, [[Request(0, 0, 0)], [Request(0, 0, 0)]]))
        await asyncio.sleep(1)
        with pytest.raises(BudgetTooLate):
            async with budget.turn(100.0):
                pass
        refused_at = elapsed()
        assert await waiting == [0.0, 61.0]
        return refused_at

    assert run(story()) == 1.0


def test_a_deadline_that_passes_while_waiting_is_kept() -> None:
    """What could not be foreseen, such as another's slow answer, ends in a refusal at the deadline."""

    async def story() -> float:
        budget = Budget(RateLimit(1, 0, Fraction(0)), now)
        slow = asyncio.create_task(counted(budget, [[Request(0, 0, 50)]]))
        await asyncio.sleep(1)
        with pytest.raises(BudgetTooLate):
            async with budget.turn(70.0):
                pass
        await slow
        return elapsed()

    assert run(story()) == 70.0


def answered(status: int, headers: dict[str, str], limit: RateLimit = NO_LIMIT) -> float:
    """How long the next request waits after such an answer."""

    async def story() -> float:
        budget = Budget(limit, now)
        async with budget.turn():
            budget.heed(status, headers)
        async with budget.turn():
            return elapsed()

    return run(story())


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (429, {"retry-after": "17"}, 17.0),
        (429, {"retry-after": "999999"}, 3900.0),
        (429, {"retry-after": "soon"}, 1.0),
        (429, {"retry-after": "-5"}, 1.0),
        (429, {}, 1.0),
        (429, {"ratelimit-reset": str(int(START.timestamp()) + 100)}, 101.0),
        (429, {"retry-after": "3", "ratelimit-remaining": "0", "ratelimit-reset": str(2**40)}, 3.0),
        (503, {"retry-after": "17"}, 17.0),
        (503, {}, 0.0),
        (200, {"retry-after": "17"}, 0.0),
        (200, {"ratelimit-limit": "5000", "ratelimit-remaining": "0", "ratelimit-reset": str(2**40)}, 0.0),
    ],
)
def test_a_pause_that_an_answer_asks_for_is_kept(status: int, headers: dict[str, str], wait: float) -> None:
    """By everybody, and never beyond an hour and five minutes."""
    assert answered(status, headers) == wait


@pytest.mark.parametrize(
    ("remaining", "reset", "wait"),
    [
        ("1001", 100, 0.0),
        ("1000", 100, 101.0),
        ("0", 100, 101.0),
        ("0", -100, 1.0),
        ("0", 10**6, 3601.0),
        ("none", 100, 0.0),
        ("", 100, 0.0),
    ],
)
def test_what_other_users_leave_is_not_taken_from_the_reserve(remaining: str, reset: int, wait: float) -> None:
    """Where the token's other users brought `ratelimit-remaining` down to the reserve, we wait for the reset."""
    headers = {"ratelimit-limit": "5000", "ratelimit-remaining": remaining}
    headers["ratelimit-reset"] = str(int(START.timestamp()) + reset)
    assert answered(200, headers, RateLimit(250, 5000, Fraction(1, 5))) == wait


def test_while_the_limit_is_used_up_one_request_goes_at_each_reset() -> None:
    """We never wait for ever, and never all at once."""

    async def client(budget: Budget, sent: list[float]) -> None:
        async with budget.turn():
            sent.append(elapsed())
            await asyncio.sleep(0.5)
            reset = str(int(now().timestamp()) + 10)
            budget.heed(200, {"ratelimit-limit": "100", "ratelimit-remaining": "0", "ratelimit-reset": reset})

    async def story() -> list[float]:
        budget, sent = Budget(RateLimit(0, 100, Fraction(0)), now), list[float]()
        await client(budget, sent)
        await asyncio.gather(*(client(budget, sent) for _ in range(3)))
        return sent

    assert [round(moment) for moment in run(story())] == [0, 11, 22, 33]


def test_waiting_does_not_spin() -> None:
    """An hour's wait is a handful of looks at the clock, not one each moment."""

    async def story() -> int:
        budget, looks = Budget(RateLimit(0, 1, Fraction(0)), now), 0
        loop = asyncio.get_running_loop()
        original = loop.call_at

        def call_at(*args: object, **kwargs: object) -> asyncio.TimerHandle:
            nonlocal looks
            looks += 1
            return original(*args, **kwargs)  # type: ignore[arg-type]

        loop.call_at = call_at  # type: ignore[method-assign]
        for _ in range(2):
            async with budget.turn():
                pass
        return looks

    assert run(story()) < 10
