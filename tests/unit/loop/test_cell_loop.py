"""The loop runs what is posted outside every task, and reports each block once."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from loop_session import Session

from caesura.loop import CellLoop


def test_a_posted_function_runs_outside_every_task_on_the_loop(session: Session) -> None:
    seen: list[tuple[object, object, bool]] = []

    async def cell() -> None:
        done = asyncio.Event()

        def posted() -> None:
            loop = asyncio.get_running_loop()
            seen.append((asyncio.current_task(), loop, session.loop.in_select))
            done.set()

        threading.Thread(target=session.loop.post, args=(posted,)).start()
        await done.wait()

    session.loop.run_until_complete(cell())
    assert seen == [(None, session.loop, True)]


def test_a_posted_function_is_called_while_code_is_ready_too(session: Session) -> None:
    calls: list[int] = []

    async def cell() -> int:
        turns = 0
        session.loop.post(lambda: calls.append(1))
        while not calls:
            await asyncio.sleep(0)
            turns += 1
        return turns

    assert session.loop.run_until_complete(cell()) <= 2


def test_a_posted_function_may_start_a_task_and_set_a_timer(session: Session) -> None:
    ran: list[str] = []

    def posted() -> None:
        session.loop.create_task(asyncio.sleep(0)).add_done_callback(lambda _: ran.append("task"))
        session.loop.call_later(0, lambda: ran.append("timer"))
        session.loop.call_soon(session.loop.stop) if ran else session.loop.post(posted)
        ran.append("posted")

    session.loop.post(posted)
    session.loop.run_until_stopped(lambda _escaped: None)
    assert ran.count("posted") == 2
    assert "timer" in ran


def test_an_error_of_a_posted_function_is_reported_and_kills_nothing(session: Session) -> None:
    async def cell() -> str:
        session.loop.post(lambda: 1 / 0)  # type: ignore[arg-type]
        after = session.loop.create_future()
        session.loop.post(lambda: after.set_result("after"))
        return str(await after)

    assert session.loop.run_until_complete(cell()) == "after"
    assert [type(error["exception"]) for error in session.errors] == [ZeroDivisionError]


def test_a_block_is_reported_once_and_its_end_before_code_runs_again(session: Session) -> None:
    story: list[Any] = []

    async def cell() -> None:
        for name in ("a", "b"):
            await session.operation(name)
            story.append(f"after {name}")

    def blocked(block: object) -> None:
        serial = getattr(block, "serial", 0)
        story.append(("blocked", serial))
        for _ in range(3):
            session.loop.post(lambda: None)
        session.loop.post(lambda: session.loop.post(answer))

    def answer() -> None:
        _, (future, _wait) = session.loop.operations.popitem()
        future.set_result(None)

    session.loop.on_blocked = blocked
    session.loop.on_unblocked = lambda serial: story.append(("unblocked", serial))
    session.loop.run_until_complete(cell())
    assert story == [
        ("blocked", 1),
        ("unblocked", 1),
        "after a",
        ("blocked", 2),
        ("unblocked", 2),
        "after b",
    ]


def test_the_current_block_is_over_as_soon_as_an_answer_has_come(session: Session) -> None:
    call = session.operation("a")

    async def cell() -> None:
        await call

    block = session.block_of(cell())

    def look() -> None:
        seen.append(session.loop.current_block)
        seen.append(session.loop.block())
        call.set_result(None)
        seen.append(session.loop.current_block)
        session.loop.stop()

    seen: list[object] = []
    session.loop.post(look)
    session.loop.on_blocked = lambda again: seen.append(again.serial)
    # Another block of the same kind after the loop was stopped: its serial is a new one.
    session.loop.run_forever()
    assert block.serial == 1
    assert seen[-1] is None


def test_a_hold_that_is_entered_from_outside_makes_a_new_block(session: Session) -> None:
    serials: list[int] = []
    tokens: list[object] = []
    call = session.operation("a")

    async def cell() -> None:
        await call

    def blocked(block: object) -> None:
        serials.append(getattr(block, "serial", 0))
        if len(serials) == 1:
            session.loop.post(lambda: tokens.append(session.loop.holds.add("now")))
        else:
            call.set_result(None)

    session.loop.on_blocked = blocked
    session.loop.run_until_complete(cell())
    assert serials == [1, 2]


def test_a_thread_that_ends_makes_a_held_block_movable_without_an_event(session: Session) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    reports: list[int] = []
    call = session.operation("a")

    async def cell() -> None:
        await call

    def blocked(block: Any) -> None:
        reports.append(len(block.obstacles))
        if block.obstacles:
            stop.set()
            thread.join()
        else:
            call.set_result(None)

    session.loop.on_blocked = blocked
    session.loop.run_until_complete(cell())
    assert reports == [1, 0]


def test_a_block_shorter_than_the_patience_is_not_reported() -> None:
    loop = CellLoop()
    loop.patience_s = 5.0
    reports: list[object] = []
    loop.on_blocked = reports.append
    loop.run_until_complete(asyncio.sleep(0.01))
    loop.close()
    assert reports == []


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_exception_that_leaves_a_background_task_leaves_the_loop_able_to_run(
    session: Session, kind: type[BaseException]
) -> None:
    escaped: list[BaseException] = []
    ran: list[str] = []

    async def background() -> None:
        raise kind

    async def cell() -> None:
        task = asyncio.create_task(background())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        ran.append(type(task.exception()).__name__)
        session.loop.stop()

    session.start(cell())
    session.loop.run_until_stopped(escaped.append)
    assert [type(error) for error in escaped] == [kind]
    assert ran == [kind.__name__]


def test_a_stop_is_not_forgotten_when_something_escapes_in_the_same_turn(session: Session) -> None:
    def stop_and_fail() -> None:
        session.loop.stop()
        raise KeyboardInterrupt

    session.loop.call_soon(stop_and_fail)
    session.loop.run_until_stopped(lambda _escaped: None)
    assert not session.loop.is_running()


def test_what_is_posted_to_a_closed_loop_is_dropped() -> None:
    loop = CellLoop()
    loop.close()
    loop.post(lambda: None)
