"""SIGINT ends what runs, and never hits the machinery."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from loop_session import Session

from caesura.loop import SignalHandling


class Cell:
    """A session with one main task and SIGINT installed."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.main: asyncio.Task[Any] | None = None
        self.escaped: list[BaseException] = []
        self.signals = SignalHandling.install(session.loop, lambda: self.main)

    def run(self, code: Any) -> asyncio.Task[Any]:
        main = self.main = self.session.start(code)
        main.add_done_callback(self.stop)
        self.session.loop.run_until_stopped(self.escaped.append)
        main.remove_done_callback(self.stop)
        return main

    def stop(self, _main: object) -> None:
        self.session.loop.stop()


@pytest.fixture
def cell(session: Session) -> Iterator[Cell]:
    cell = Cell(session)
    yield cell
    cell.signals.uninstall()


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def test_a_blocked_cell_is_cancelled(cell: Cell) -> None:
    main_thread = threading.get_ident()
    cell.session.loop.on_blocked = lambda _block: threading.Thread(
        target=signal.pthread_kill, args=(main_thread, signal.SIGINT)
    ).start()
    main = cell.run(asyncio.Event().wait())
    assert main.cancelled()
    assert cell.signals.has_interrupted(main)
    assert cell.escaped == []


def test_a_step_of_the_cell_gets_the_interrupt_where_it_stands(cell: Cell) -> None:
    places: list[str] = []

    async def code() -> None:
        await asyncio.sleep(0)
        try:
            interrupt()
            places.append("after")
        except KeyboardInterrupt:
            places.append("caught")

    cell.run(code())
    assert places == ["caught"]
    assert cell.escaped == []


def test_a_step_of_a_child_gets_it_and_the_cell_ends(cell: Cell) -> None:
    async def child() -> None:
        interrupt()

    async def code() -> None:
        await asyncio.gather(child(), asyncio.Event().wait())

    main = cell.run(code())
    assert main.cancelled() or isinstance(main.exception(), KeyboardInterrupt)
    assert cell.signals.has_interrupted(main)
    assert all(isinstance(error, KeyboardInterrupt) for error in cell.escaped)


def test_an_interrupt_inside_a_callback_waits_for_the_end_of_the_turn(cell: Cell) -> None:
    reached: list[str] = []

    def callback() -> None:
        interrupt()
        reached.append("the end of the callback")

    async def code() -> None:
        asyncio.get_running_loop().call_soon(callback)
        await asyncio.Event().wait()

    assert cell.run(code()).cancelled()
    assert reached == ["the end of the callback"]
    assert cell.session.errors == []


def test_a_second_interrupt_raises_in_a_callback_that_does_not_end(cell: Cell) -> None:
    def endless() -> None:
        interrupt()
        interrupt()

    async def code() -> None:
        asyncio.get_running_loop().call_soon(endless)
        await asyncio.Event().wait()

    assert cell.run(code()).cancelled()
    assert [type(error) for error in cell.escaped] == [KeyboardInterrupt]


@pytest.mark.parametrize("waits_in", ["itself", "a child"])
def test_a_second_interrupt_is_raised_where_a_cell_waits_that_has_caught_the_first(cell: Cell, waits_in: str) -> None:
    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                caught.append("cancelled")

    async def code() -> None:
        try:
            await (stubborn() if waits_in == "itself" else asyncio.create_task(stubborn()))
        finally:
            caught.append("cleaned up")

    caught: list[str] = []
    cell.session.loop.on_blocked = lambda _block: interrupt()
    main = cell.run(code())
    assert isinstance(main.exception(), KeyboardInterrupt)
    assert caught == ["cancelled", "cleaned up"]
    assert {type(error) for error in cell.escaped} == {KeyboardInterrupt}
    assert cell.session.errors == []


def test_an_interrupt_by_other_means_counts_as_the_first(cell: Cell) -> None:
    async def code() -> None:
        task = asyncio.current_task()
        assert task is not None
        cell.signals.mark(task)
        assert cell.signals.has_interrupted(task)

    cell.run(code())


def test_the_next_cell_starts_with_a_first_interrupt(cell: Cell) -> None:
    cell.session.loop.on_blocked = lambda _block: interrupt()
    assert cell.run(asyncio.Event().wait()).cancelled()
    assert cell.run(asyncio.Event().wait()).cancelled()
    assert cell.escaped == []


def test_between_cells_an_interrupt_does_nothing(cell: Cell) -> None:
    cell.session.loop.on_blocked = lambda _block: (interrupt(), cell.session.loop.stop())  # type: ignore[func-returns-value, assignment]
    cell.session.loop.run_until_stopped(cell.escaped.append)
    assert cell.escaped == []


def test_code_of_ours_that_the_cell_calls_is_finished_before_the_interrupt(cell: Cell) -> None:
    reached: list[str] = []

    async def code() -> None:
        with cell.signals.deferred():
            interrupt()
            reached.append("written")
        reached.append("after")

    main = cell.run(code())
    assert reached == ["written"]
    assert isinstance(main.exception(), KeyboardInterrupt)


def test_an_interrupt_is_on_its_way_until_it_has_taken_effect(cell: Cell) -> None:
    seen: list[bool] = []

    async def wait() -> None:
        await asyncio.sleep(1000)

    def interrupt() -> None:
        signal.raise_signal(signal.SIGINT)
        seen.append(cell.signals.is_on_its_way)

    cell.session.loop.on_blocked = lambda _block: cell.session.loop.post(interrupt)
    main = cell.run(wait())
    assert seen == [True]
    assert not cell.signals.is_on_its_way
    assert main.cancelled()


def test_an_interrupt_without_a_cell_is_counted_until_somebody_makes_up_for_it(cell: Cell) -> None:
    signal.raise_signal(signal.SIGINT)
    assert cell.signals.early == 1
    assert cell.signals.take_early()
    assert not cell.signals.take_early()


def test_a_task_that_has_not_begun_is_only_marked(cell: Cell) -> None:
    ran: list[str] = []

    async def look() -> None:
        ran.append("interrupted" if cell.main and cell.signals.has_interrupted(cell.main) else "not interrupted")

    cell.session.loop.post(lambda: signal.raise_signal(signal.SIGINT))
    cell.run(look())
    assert ran == ["interrupted"]
