"""A stop waits for what is in hand, comes back right after it, and lets nothing more begin."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from cleaner.docr.call import Answer, Call
from cleaner.docr.unbroken import last_of_all, stop_if_asked, to_the_end, unbroken
from tests.docr.asking import run

CALL = Call("DELETE", "https://api.example/v2", "a deletion", "registry:delete")
ANSWER = Answer(204, httpx.Headers(), b"")


class Story:
    """A task that finishes something that takes five seconds, and notes how far it comes."""

    def __init__(self, hand: Callable[[], Awaitable[str]]) -> None:
        self.hand = hand
        self.notes: list[str] = []

    async def tell(self) -> None:
        """Finish what is in hand, and go on."""
        try:
            self.notes.append(await to_the_end(self.hand()))
        except ValueError as error:
            self.notes.append(str(error))
        await asyncio.sleep(1)
        self.notes.append("went on")


async def five_seconds() -> str:
    """Something that takes its time."""
    await asyncio.sleep(5)
    return "finished"


async def five_bad_seconds() -> str:
    """Something that takes its time and fails."""
    await asyncio.sleep(5)
    raise ValueError("failed")


async def at_once() -> str:
    """Something that does not wait."""
    return "finished"


@asynccontextmanager
async def under_way(story: Story) -> AsyncIterator[asyncio.Task[None]]:
    """The story as a task of its own, ended with the block."""
    task = asyncio.create_task(story.tell())
    yield task
    await asyncio.wait([task])


@pytest.mark.parametrize("hand", [five_seconds, five_bad_seconds], ids=["it succeeds", "it fails"])
@pytest.mark.parametrize("after", [0.5, 4.999, 5.0])
def test_a_stop_waits_for_what_is_in_hand_and_then_comes_back(after: float, hand: Callable[[], Awaitable[str]]) -> None:
    """What it comes to is known to whoever did it, and the next wait is not waited."""
    story = Story(hand)

    async def stopped() -> float:
        async with under_way(story) as task:
            await asyncio.sleep(after)
            task.cancel()
        assert task.cancelled()
        return asyncio.get_running_loop().time()

    assert run(stopped()) == 5.0
    assert story.notes == ["finished" if hand is five_seconds else "failed"]


@pytest.mark.parametrize("steps", range(6))
def test_whichever_moment_the_stop_meets_the_result_is_not_lost(steps: int) -> None:
    """Also between the end of what is in hand and the moment when whoever waits for it is told."""
    story = Story(at_once)

    async def stopped() -> None:
        async with under_way(story) as task:
            await asyncio.sleep(0)  # now it has begun
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()

    run(stopped())
    assert story.notes == ["finished"]


def test_a_second_stop_breaks_it_off() -> None:
    """Whoever stops twice does not want to wait."""
    story = Story(five_seconds)

    async def stopped() -> float:
        async with under_way(story) as task:
            for _ in range(2):
                await asyncio.sleep(1)
                task.cancel()
        assert task.cancelled()
        return asyncio.get_running_loop().time()

    assert run(stopped()) == 2.0
    assert story.notes == []


def test_one_stop_breaks_off_nothing_of_what_comes_after_it() -> None:
    """Two things that must not be left half done, one after the other: the record follows the answer."""
    notes: list[str] = []

    async def both() -> None:
        notes.append(await to_the_end(five_seconds()))
        notes.append(await to_the_end(five_seconds()))

    async def stopped() -> None:
        task = asyncio.create_task(both())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])

    run(stopped())
    assert notes == ["finished", "finished"]


@pytest.mark.parametrize(("stop_after", "sent", "answered"), [(None, 2, 2), (0.5, 1, 1), (0.0, 0, 0)])
def test_a_request_that_was_sent_is_answered_and_none_is_sent_after_a_stop(
    stop_after: float | None, sent: int, answered: int
) -> None:
    """Two requests, one after the other; a stop before the first, in it, or never."""
    seen: list[str] = []

    async def send(_: Call) -> Answer:
        seen.append("sent")
        await asyncio.sleep(1)
        seen.append("answered")
        return ANSWER

    async def two() -> None:
        for _ in range(2):
            await unbroken(send)(CALL)

    async def story() -> None:
        task = asyncio.create_task(two())
        if stop_after:
            await asyncio.sleep(stop_after)
        if stop_after is not None:
            task.cancel()
        await asyncio.wait([task])

    run(story())
    assert (seen.count("sent"), seen.count("answered")) == (sent, answered)


def test_a_task_that_keeps_a_stop_back_sends_nothing_before_it_comes_back() -> None:
    """Where no wait lies between what was in hand and the next request, the request asks."""
    seen: list[Call] = []

    async def send(call: Call) -> Answer:
        seen.append(call)
        return ANSWER

    async def recorded_then_sent() -> None:
        await to_the_end(five_seconds())
        await unbroken(send)(CALL)

    async def story() -> None:
        task = asyncio.create_task(recorded_then_sent())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    run(story())
    assert seen == []


def test_without_a_stop_nothing_stops() -> None:
    """A look whether there was one changes nothing."""

    async def story() -> str:
        stop_if_asked()
        return await to_the_end(five_seconds())

    assert run(story()) == "finished"


@pytest.mark.parametrize("after", [0.5, 4.999, 5.0])
def test_a_stop_that_meets_the_last_thing_of_all_changes_nothing(after: float) -> None:
    """Its result is the task's: who reports last has nothing left to stop, and must not lose the report."""

    async def story() -> str:
        task = asyncio.create_task(last_of_all(five_seconds()))
        await asyncio.sleep(after)
        task.cancel()
        return await task

    assert run(story()) == "finished"
