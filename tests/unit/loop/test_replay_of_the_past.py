"""What happened while nobody had the session happens in its order, each at its time."""

from __future__ import annotations

import asyncio
import contextvars
from typing import Any

import pytest
from loop_session import Session

from caesura.loop import Delivery, LoopState
from caesura.loop.replay import Orders

FREEZE = LoopState(time=500.0, wall=999_000.0)
"""1000 s before the moment at which these tests resume (the wall time of their clock)."""


def at(seconds: float) -> float:
    """Wall time, that many seconds after the freeze."""
    return FREEZE.wall + seconds


class Resumed:
    """A session as a load leaves it: tasks that have not taken up their waits, timers of the old clock."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.loop = session.loop
        self.log: list[tuple[str, float]] = []

    def note(self, what: str) -> None:
        self.log.append((what, self.loop.time() - FREEZE.time))

    def answer(self, op_id: str, seconds: float, value: object = None) -> Delivery:
        future, _wait = self.loop.operations[op_id]
        return Delivery(at(seconds), lambda: None if future.done() else future.set_result(value))

    def sleeper(self, seconds: float) -> asyncio.Future[Any]:
        """What ``asyncio.sleep`` waits on, with its timer."""
        future: asyncio.Future[Any] = self.loop.create_future()
        self.loop.call_at(FREEZE.time + seconds, lambda: None if future.done() else future.set_result(None))
        return future

    def run(self, answers: list[Delivery], orders: Orders = ()) -> list[tuple[str, float]]:
        """Resume, and run until nothing can run; what was noted."""
        self.loop.resume_from(FREEZE, answers, orders)
        self.session.until_blocked()
        return self.log


@pytest.fixture
def resumed(session: Session) -> Resumed:
    return Resumed(session)


def test_the_clock_stands_at_each_event_and_then_jumps_to_now(resumed: Resumed) -> None:
    async def cell() -> None:
        await a
        resumed.note("a")
        await sleeper
        resumed.note("slept")

    a, sleeper = resumed.session.operation("a"), resumed.sleeper(30)
    resumed.session.start(cell())
    assert resumed.run([resumed.answer("a", 10)]) == [("a", 10.0), ("slept", 30.0)]
    assert resumed.loop.time() == FREEZE.time + 1000


def test_an_answer_before_a_deadline_beats_it_though_both_are_late(resumed: Resumed) -> None:
    async def cell() -> None:
        try:
            async with asyncio.timeout_at(FREEZE.time + 20):
                await call
            resumed.note("answered")
        except TimeoutError:
            resumed.note("timed out")

    # In a real resume the time-out's timer is restored; here it is made by the first step, before the past begins.
    call = resumed.session.operation("a")
    resumed.session.start(cell())
    assert resumed.run([resumed.answer("a", 19.5)]) == [("answered", 19.5)]


def test_a_deadline_before_an_answer_beats_it(resumed: Resumed) -> None:
    async def cell() -> None:
        try:
            async with asyncio.timeout_at(FREEZE.time + 20):
                await call
        except TimeoutError:
            resumed.note("timed out")

    call = resumed.session.operation("a")
    resumed.session.start(cell())
    assert resumed.run([resumed.answer("a", 20.5)]) == [("timed out", 20.0)]


def test_an_answer_at_the_very_time_of_a_deadline_beats_it(resumed: Resumed) -> None:
    async def cell() -> None:
        async with asyncio.timeout_at(FREEZE.time + 20):
            await call
        resumed.note("answered")

    call = resumed.session.operation("a")
    resumed.session.start(cell())
    assert resumed.run([resumed.answer("a", 20)]) == [("answered", 20.0)]


def test_answers_come_in_the_order_of_their_times_each_with_all_that_follows(resumed: Resumed) -> None:
    async def cell(name: str, call: asyncio.Future[Any]) -> None:
        await call
        resumed.note(name)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        resumed.note(f"{name} later")

    for name in ("a", "b"):
        resumed.session.start(cell(name, resumed.session.operation(name)))
    answers = [resumed.answer("a", 9), resumed.answer("b", 4)]
    assert resumed.run(answers) == [("b", 4.0), ("b later", 4.0), ("a", 9.0), ("a later", 9.0)]


def test_a_timer_that_is_set_in_the_past_is_due_in_the_past(resumed: Resumed) -> None:
    async def poll() -> None:
        await sleeper
        while True:
            resumed.note("poll")
            if call.done():
                return
            await asyncio.sleep(10)

    call, sleeper = resumed.session.operation("a"), resumed.sleeper(5)
    resumed.session.start(poll())
    log = resumed.run([resumed.answer("a", 28)])
    assert [time for what, time in log if what == "poll"][:3] == [5.0, 15.0, 25.0]
    # After the last event of the past the clock is at now.
    assert log[-1] == ("poll", 1000.0)


def test_a_timer_that_is_not_due_waits_for_the_rest_of_its_time(resumed: Resumed) -> None:
    async def cell() -> None:
        await resumed.sleeper(1005)
        resumed.note("slept")

    resumed.session.start(cell())
    resumed.run([])
    (wait,) = resumed.session.blocks[-1].waits
    assert wait.due == at(1005)
    resumed.session.clock.advance(5)
    resumed.session.until_blocked()
    assert resumed.log == [("slept", 1005.0)]


def test_nothing_runs_before_all_tasks_wait_again(resumed: Resumed) -> None:
    async def first() -> None:
        await a
        resumed.note("first")
        b.set_result(None)

    async def second() -> None:
        await b
        resumed.note("second")

    a, b = resumed.session.operation("a"), resumed.loop.create_future()
    resumed.session.start(first())
    resumed.session.start(second())
    assert resumed.run([resumed.answer("a", -50)]) == [("first", 0.0), ("second", 0.0)]


def test_waiters_of_one_future_go_on_in_their_saved_order(resumed: Resumed) -> None:
    async def waiter(name: str) -> None:
        await call
        resumed.note(name)

    def callback(_future: object) -> None:
        resumed.note("callback")

    call = resumed.session.operation("a")
    tasks = {name: resumed.session.start(waiter(name)) for name in ("one", "two", "three")}
    context = contextvars.copy_context()
    call.add_done_callback(callback, context=context)
    orders: Orders = [
        (call, [("task", tasks["three"]), ("callback", callback, context), ("task", tasks["one"])]),
    ]
    log = resumed.run([resumed.answer("a", 1)], orders)
    assert [what for what, _ in log] == ["three", "callback", "one", "two"]


def test_a_callback_keeps_its_context(resumed: Resumed) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")
    context = contextvars.copy_context()
    context.run(variable.set, "saved")
    seen: list[str] = []

    def callback(_future: object) -> None:
        seen.append(variable.get())

    call = resumed.session.operation("a")
    resumed.run([resumed.answer("a", 1)], [(call, [("callback", callback, context)])])
    assert seen == ["saved"]


def test_what_is_posted_meanwhile_comes_after_the_past(resumed: Resumed) -> None:
    async def cell() -> None:
        await a
        resumed.note("a")
        resumed.loop.post(lambda: b.set_result(None))
        await b
        resumed.note("b")

    async def other() -> None:
        await sleeper
        resumed.note("slept")

    a, b, sleeper = resumed.session.operation("a"), resumed.session.operation("b"), resumed.sleeper(600)
    resumed.session.start(cell())
    resumed.session.start(other())
    assert resumed.run([resumed.answer("a", 10)]) == [("a", 10.0), ("slept", 600.0), ("b", 1000.0)]


def test_a_wall_clock_that_went_back_does_not_turn_the_session_back(resumed: Resumed) -> None:
    state = LoopState(time=500.0, wall=resumed.session.clock.wall() + 3600)
    resumed.loop.resume_from(state, [])
    resumed.session.until_blocked()
    assert resumed.loop.time() == 500.0


def test_a_delivery_that_fails_is_reported_and_the_rest_comes(resumed: Resumed) -> None:
    def fail() -> None:
        raise ValueError("damaged")

    async def cell() -> None:
        await call
        resumed.note("answered")

    call = resumed.session.operation("a")
    resumed.session.start(cell())
    assert resumed.run([Delivery(at(1), fail), resumed.answer("a", 2)]) == [("answered", 2.0)]
    assert [str(error["exception"]) for error in resumed.session.errors] == ["damaged"]


def test_a_timer_that_is_set_again_and_again_does_not_hold_up_the_resume(
    resumed: Resumed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caesura.loop.replay._MOST_STEPS", 50)
    ticks: list[float] = []

    async def poll() -> None:
        await sleeper
        while not call.done():
            ticks.append(resumed.loop.time())
            await asyncio.sleep(0.001)

    call, sleeper = resumed.session.operation("a"), resumed.sleeper(0)
    resumed.session.start(poll())
    resumed.run([resumed.answer("a", 900)])
    assert len(ticks) <= 52
    assert call.done()


def test_the_clock_is_kept_for_the_next_freeze(resumed: Resumed) -> None:
    resumed.run([])
    resumed.session.clock.advance(7)
    resumed.session.until_blocked()
    assert resumed.loop.state() == LoopState(FREEZE.time + 1007, resumed.session.clock.wall())


def test_what_happens_while_a_block_is_saved_belongs_to_the_past(session: Session) -> None:
    states: list[LoopState] = []

    def save() -> None:
        session.clock.advance(3)
        states.append(session.loop.state())
        session.loop.stop()

    began = LoopState(session.loop.time(), session.clock.wall())
    session.loop.on_blocked = lambda _block: session.loop.post(save)
    session.loop.run_forever()
    assert states == [began]
