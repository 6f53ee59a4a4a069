"""A block names what the user's code waits for, and when it can go on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from loop_session import Session

from caesura.loop.wake import NEVER
from caesura.model import AllOf, AnyOf, AtTime, CallKind, OnOp, is_satisfied

START = 1_000_000.0


async def awaiting(awaitable: Any) -> Any:
    return await awaitable


def test_a_sleep_waits_for_its_time(session: Session) -> None:
    block = session.block_of(awaiting(asyncio.sleep(30)))
    assert block.wake == AtTime(START + 30)
    (wait,) = block.waits
    assert (wait.kind, wait.key, wait.label, wait.due) == (CallKind.TIMER, "timer", "asyncio.sleep", START + 30)
    assert block.obstacles == ()


def test_a_sleep_that_nobody_awaits_wakes_nobody(session: Session) -> None:
    assert session.block_of(asyncio.sleep(30)).wake == NEVER


def test_a_call_waits_for_its_answer(session: Session) -> None:
    call = session.operation("a")
    block = session.block_of(awaiting(call))
    assert block.wake == OnOp("a")
    assert [wait.op_id for wait in block.waits] == ["a"]


def test_a_call_that_nobody_awaits_wakes_nobody(session: Session) -> None:
    session.operation("a")
    call = session.operation("b")
    assert session.block_of(awaiting(call)).wake == OnOp("b")


def test_gather_waits_for_all_and_for_the_first_failure(session: Session) -> None:
    a, b = session.operation("a"), session.operation("b")

    async def cell() -> None:
        await asyncio.gather(a, b)

    assert session.block_of(cell()).wake == AllOf((OnOp("a"), OnOp("b")), fail_fast=True)


def test_gather_that_returns_exceptions_waits_for_all(session: Session) -> None:
    a, b = session.operation("a"), session.operation("b")

    async def cell() -> None:
        await asyncio.gather(a, b, asyncio.sleep(5), return_exceptions=True)

    assert session.block_of(cell()).wake == AllOf((OnOp("a"), OnOp("b"), AtTime(START + 5)))


def test_gather_within_gather(session: Session) -> None:
    a, b, c = session.operation("a"), session.operation("b"), session.operation("c")

    async def cell() -> None:
        await asyncio.gather(a, asyncio.gather(b, c, return_exceptions=True))

    wake = session.block_of(cell()).wake
    assert wake == AllOf((OnOp("a"), AllOf((OnOp("b"), OnOp("c")))), fail_fast=True)
    assert is_satisfied(wake, {"a": False}, START)
    assert not is_satisfied(wake, {"b": False, "c": True}, START)


def test_a_failure_two_gathers_deep_wakes(session: Session) -> None:
    a, b, c = session.operation("a"), session.operation("b"), session.operation("c")

    async def cell() -> None:
        await asyncio.gather(a, asyncio.gather(b, c))

    wake = session.block_of(cell()).wake
    assert is_satisfied(wake, {"b": False}, START)
    assert not is_satisfied(wake, {"b": True, "c": True}, START)


def test_an_answer_that_only_counts_leaves_the_rest(session: Session) -> None:
    a, b = session.operation("a"), session.operation("b")

    async def cell() -> None:
        await asyncio.gather(a, b)

    session.block_of(cell())
    session.loop.operations.pop("a")
    a.set_result(1)
    assert session.until_blocked().wake == OnOp("b")


def test_gather_of_coroutines_of_the_user_wakes_for_each_step(session: Session) -> None:
    a, b = session.operation("a"), session.operation("b")

    async def cell() -> None:
        await asyncio.gather(awaiting(a), awaiting(b))

    wake = session.block_of(cell()).wake
    assert is_satisfied(wake, {"a": True}, START)
    assert is_satisfied(wake, {"b": True}, START)


@pytest.mark.parametrize(
    ("return_when", "expected"),
    [
        (asyncio.FIRST_COMPLETED, AnyOf((OnOp("a"), OnOp("b")))),
        (asyncio.FIRST_EXCEPTION, AllOf((OnOp("a"), OnOp("b")), fail_fast=True)),
        (asyncio.ALL_COMPLETED, AllOf((OnOp("a"), OnOp("b")))),
    ],
)
def test_wait_waits_as_it_was_told(session: Session, return_when: str, expected: object) -> None:
    futures = [session.operation("a"), session.operation("b")]

    async def cell() -> None:
        await asyncio.wait(futures, return_when=return_when)

    wake = session.block_of(cell()).wake
    assert isinstance(wake, AnyOf | AllOf)
    assert type(wake)(tuple(sorted(wake.parts, key=str)), *([wake.fail_fast] if isinstance(wake, AllOf) else [])) == (
        expected
    )


def test_wait_with_a_time_out_also_waits_for_it(session: Session) -> None:
    futures = [session.operation("a"), session.operation("b")]

    async def cell() -> None:
        await asyncio.wait(futures, timeout=9)

    wake = session.block_of(cell()).wake
    assert is_satisfied(wake, {}, START + 9)
    assert not is_satisfied(wake, {"a": True}, START + 8)
    assert is_satisfied(wake, {"a": True, "b": True}, START)


def test_wait_for_a_future_that_nobody_completes_never_wakes(session: Session) -> None:
    bare: asyncio.Future[None] = session.loop.create_future()

    async def cell() -> None:
        await asyncio.wait([bare, session.operation("a")])

    block = session.block_of(cell())
    assert block.wake == NEVER
    assert block.obstacles == ()


def test_wait_for_waits_for_the_answer_or_the_deadline(session: Session) -> None:
    call = session.operation("a")

    async def cell() -> None:
        await asyncio.wait_for(call, 20)

    block = session.block_of(cell())
    assert block.wake == AnyOf((OnOp("a"), AtTime(START + 20)))
    assert {wait.label for wait in block.waits} == {"a", "a time-out"}


def test_timeout_waits_for_the_answer_or_the_deadline(session: Session) -> None:
    call = session.operation("a")

    async def cell() -> None:
        async with asyncio.timeout(20):
            await call

    assert session.block_of(cell()).wake == AnyOf((OnOp("a"), AtTime(START + 20)))


def test_a_task_group_wakes_for_each_task_of_the_user(session: Session) -> None:
    async def cell() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(awaiting(session.operation("a")))
            group.create_task(awaiting(session.operation("b")))

    wake = session.block_of(cell()).wake
    assert is_satisfied(wake, {"b": True}, START)


def test_a_task_group_of_calls_waits_for_all_and_for_the_first_failure(session: Session) -> None:
    a, b = session.operation("a"), session.operation("b")

    async def cell() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(a)  # type: ignore[arg-type]
            group.create_task(b)  # type: ignore[arg-type]

    wake = session.block_of(cell()).wake
    assert not is_satisfied(wake, {"a": True}, START)
    assert is_satisfied(wake, {"a": True, "b": True}, START)
    assert is_satisfied(wake, {"a": False}, START)


def test_a_failing_child_wakes_a_task_group_whose_body_still_runs(session: Session) -> None:
    a, b = session.operation("a"), session.operation("b")

    async def cell() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(a)  # type: ignore[arg-type]
            await b

    wake = session.block_of(cell()).wake
    assert is_satisfied(wake, {"b": True}, START)
    assert is_satisfied(wake, {"a": False}, START)
    assert not is_satisfied(wake, {"a": True}, START)


def test_as_completed_waits_for_the_first(session: Session) -> None:
    futures = [session.operation("a"), session.operation("b")]

    async def cell() -> None:
        for following in asyncio.as_completed(futures):
            await following

    wake = session.block_of(cell()).wake
    assert isinstance(wake, AnyOf)
    assert set(wake.parts) == {OnOp("a"), OnOp("b")}


def test_shield_passes_the_answer_on(session: Session) -> None:
    call = session.operation("a")

    async def cell() -> None:
        await asyncio.shield(call)

    assert session.block_of(cell()).wake == OnOp("a")


def test_consumers_of_a_queue_wait_for_who_fills_it(session: Session) -> None:
    async def cell() -> None:
        queue: asyncio.Queue[int] = asyncio.Queue()
        consumers = [asyncio.create_task(queue.get()) for _ in range(2)]
        await queue.put(await session.operation("a"))
        await asyncio.gather(*consumers)

    assert session.block_of(cell()).wake == OnOp("a")


def test_an_event_that_nobody_sets_never_wakes(session: Session) -> None:
    async def cell() -> None:
        await asyncio.Event().wait()

    block = session.block_of(cell())
    assert (block.wake, block.waits, block.obstacles) == (NEVER, (), ())


def test_a_lock_waits_for_its_holder(session: Session) -> None:
    async def hold(lock: asyncio.Lock) -> None:
        async with lock:
            await session.operation("a")

    async def cell() -> None:
        lock = asyncio.Lock()
        await asyncio.gather(hold(lock), hold(lock))

    assert session.block_of(cell()).wake == OnOp("a")


def test_a_background_task_wakes_for_its_own_timer(session: Session) -> None:
    async def poll() -> None:
        while True:
            await asyncio.sleep(2)

    async def cell() -> None:
        task = asyncio.create_task(poll())
        await session.operation("a")
        task.cancel()

    assert session.block_of(cell()).wake == AnyOf((OnOp("a"), AtTime(START + 2)))


def test_a_callback_of_the_user_wakes(session: Session) -> None:
    call = session.operation("a")
    call.add_done_callback(print)

    async def cell() -> None:
        session.loop.call_later(7, print, "late")
        await asyncio.gather(call, session.operation("b"))

    block = session.block_of(cell())
    assert is_satisfied(block.wake, {"a": True}, START)
    assert is_satisfied(block.wake, {}, START + 7)
    assert "a timer for print" in {wait.label for wait in block.waits}


def test_a_cancelled_timer_wakes_nobody(session: Session) -> None:
    async def cell() -> None:
        session.loop.call_later(7, print, "late").cancel()
        await session.operation("a")

    assert session.block_of(cell()).wake == OnOp("a")


def test_a_task_waits_for_what_the_task_that_it_awaits_waits_for(session: Session) -> None:
    async def cell() -> None:
        await asyncio.create_task(awaiting(asyncio.create_task(awaiting(session.operation("a")))))

    assert session.block_of(cell()).wake == OnOp("a")


def test_between_cells_nothing_wakes(session: Session) -> None:
    block = session.until_blocked()
    assert (block.wake, block.waits, block.obstacles) == (NEVER, (), ())
