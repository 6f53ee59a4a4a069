"""A block can be kept until somebody has decided about it, though a timer were due meanwhile."""

from __future__ import annotations

import asyncio

from loop_session import Session

from caesura.loop import Block
from caesura.model import Obstacle


async def sleeps() -> str:
    await asyncio.sleep(1)
    return "slept"


def test_no_timer_ends_a_block_while_time_stands(session: Session) -> None:
    seen: list[tuple[int | None, float]] = []

    def report(block: Block) -> None:
        began = session.loop.time()
        session.loop.stand_still(60)
        session.clock.advance(5)

        def decided() -> None:
            current = session.loop.current_block
            seen.append((None if current is None else current.serial - block.serial, session.loop.time() - began))
            session.loop.let_time_pass()
            seen.append((None, session.loop.time() - began))

        session.loop.post(decided)

    session.loop.on_blocked = report
    assert session.loop.run_until_complete(sleeps()) == "slept"
    assert seen == [(0, 0.0), (None, 5.0)]


def test_time_stands_no_longer_than_its_limit(session: Session) -> None:
    def report(block: Block) -> None:
        session.loop.stand_still(2)
        session.clock.advance(5)

    session.loop.on_blocked = report
    assert session.loop.run_until_complete(sleeps()) == "slept"


def test_an_answer_ends_the_block_and_the_clock_goes_on(session: Session) -> None:
    answer = session.operation("op")
    times: list[float] = []

    async def cell() -> None:
        times.append(session.loop.time())
        await answer
        times.append(session.loop.time())

    def report(block: Block) -> None:
        session.loop.stand_still(60)
        session.clock.advance(5)
        session.loop.post(lambda: answer.set_result(None))

    session.loop.on_blocked = report
    session.loop.run_until_complete(cell())
    assert times[1] - times[0] == 5


def blocks_after_a_resume(session: Session, *, counts_every_block: bool) -> list[tuple[float, float]]:
    """Two seconds of sleep, one by one, resumed when both are over: since when and until when each block waits."""
    blocks: list[tuple[float, float]] = []

    def report(block: Block) -> None:
        due = block.waits[0].due
        assert due is not None
        blocks.append((block.since - began, due - began))
        assert session.loop.state().wall == block.since
        session.loop.post(session.loop.let_time_pass)

    async def sleeps_twice() -> float:
        await asyncio.sleep(1)
        await asyncio.sleep(1)
        return session.loop.time() - state.time

    task = session.start(sleeps_twice())
    session.until_blocked()
    state, began = session.loop.state(), session.clock.wall()
    session.clock.advance(5)
    session.loop.resume_from(state, [])
    session.loop.counts_every_block = counts_every_block
    session.loop.on_blocked = report
    assert session.loop.run_until_complete(task) == 5.0
    return blocks


def test_a_wait_that_was_over_when_the_session_came_back_counts_as_a_block_if_wanted(session: Session) -> None:
    assert blocks_after_a_resume(session, counts_every_block=True) == [(1.0, 2.0)]


def test_a_wait_that_was_over_when_the_session_came_back_is_no_block_otherwise(session: Session) -> None:
    assert blocks_after_a_resume(session, counts_every_block=False) == []


def test_what_is_posted_in_time_waits_until_time_passes(session: Session) -> None:
    answer = session.operation("op")
    seen: list[bool] = []

    def decided() -> None:
        seen.append(answer.done())
        session.loop.let_time_pass()

    def report(block: Block) -> None:
        session.loop.stand_still(60)
        session.loop.post_in_time(lambda: answer.set_result("came"))
        session.loop.post(decided)

    async def cell() -> str:
        return str(await answer)

    session.loop.on_blocked = report
    assert session.loop.run_until_complete(cell()) == "came"
    assert seen == [False]


def test_what_is_posted_in_time_comes_at_once_while_time_passes(session: Session) -> None:
    answer = session.operation("op")

    async def cell() -> str:
        session.loop.post_in_time(lambda: answer.set_result("came"))
        return str(await answer)

    assert session.loop.run_until_complete(cell()) == "came"


def test_a_timer_that_is_due_while_the_block_is_looked_at_does_not_end_it_if_every_block_counts(
    session: Session,
) -> None:
    blocks: list[Block] = []

    def slow_look() -> list[Obstacle]:
        session.clock.advance(5)
        return []

    def report(block: Block) -> None:
        blocks.append(block)
        session.loop.let_time_pass()

    session.loop.more_obstacles.append(slow_look)
    session.loop.counts_every_block = True
    session.loop.on_blocked = report
    assert session.loop.run_until_complete(sleeps()) == "slept"
    assert [block.obstacles for block in blocks] == [()]
