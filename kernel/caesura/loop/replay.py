"""What happened while nobody had the session, in the order in which it happened.

Each event (an answer that was recorded, a timer that was due) is delivered with the loop's clock standing at its time,
and the loop runs until nothing is ready before the next one. So an answer that came before a deadline beats it, though
both are late. Then the clock jumps to now.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, cast

from caesura.loop.callbacks import Future
from caesura.loop.clock import SessionClock
from caesura.loop.values import Delivery, LoopState

TaskEntry = tuple[Literal["task"], "asyncio.Task[Any]"]
CallbackEntry = tuple[Literal["callback"], Callable[[Any], object], contextvars.Context]
Orders = Sequence[tuple[Future, Sequence[TaskEntry | CallbackEntry]]]

_FUTURE: Any = asyncio.Future  # a subclass may have methods of its own, which have done their work already

_MOST_STEPS = 100_000
"""After so many events the rest happens as of now: a timer that is set again and again must not hold up a resume."""


class Timers(Protocol):
    """The part of a loop that a replay needs."""

    def next_timer(self) -> float:
        """The loop time of the next timer; infinity if there is none."""
        ...

    def last_timer(self, until: float) -> float:
        """The loop time of the last timer that is due at ``until``; minus infinity if none is."""
        ...


class Replay:
    """The events of one resume. :meth:`step` is called whenever the loop has nothing that is ready."""

    def __init__(self, clock: SessionClock, state: LoopState, answers: Sequence[Delivery], orders: Orders) -> None:
        self._clock = clock
        self._orders = orders
        self._state = state
        self._now = state.time + max(0.0, clock.wall() - state.wall)
        timed = [(min(self._loop_time(answer.at), self._now), answer) for answer in answers]
        self._deliveries = sorted(timed, key=lambda entry: entry[0])
        self._deliveries.reverse()
        self._horizon: float | None = None
        self._steps = 0
        clock.stand_at(state.time)

    def _loop_time(self, wall: float) -> float:
        return self._state.time + max(0.0, wall - self._state.wall)

    def step(self, timers: Timers) -> Callable[[], None] | None:
        """The next thing to call before the loop goes on, or None if the past is over and the clock runs again.

        The first call is made when all restored tasks wait again for what they waited for.
        """
        if self._horizon is None:
            put_in_order(self._orders)
            last = self._deliveries[0][0] if self._deliveries else -math.inf
            self._horizon = max(last, timers.last_timer(self._now))
        self._steps += 1
        if self._steps > _MOST_STEPS:
            delivery_time, timer_time = self._now if self._deliveries else math.inf, math.inf
        else:
            delivery_time = self._deliveries[-1][0] if self._deliveries else math.inf
            timer_time = timers.next_timer()
        event_time = min(delivery_time, timer_time)
        if not self._deliveries and event_time > self._horizon:
            self._clock.go_on_from(self._state.time + max(0.0, self._clock.wall() - self._state.wall))
            return None
        self._clock.stand_at(max(self._clock.time(), event_time))
        return self._deliveries.pop()[1].deliver if delivery_time <= timer_time else _let_the_timer_run


def _let_the_timer_run() -> None:
    """The clock stands at a timer's time now: the loop takes it by itself."""


def put_in_order(orders: Orders) -> None:
    """Put the callbacks of restored futures into the order in which they were before.

    Tasks subscribe anew when they take up their wait again, in whatever order they were loaded. A callback that is not
    in the saved order (it was added since) comes last.
    """
    for future, entries in orders:
        if future.done():
            continue
        present = list(cast("Any", future)._callbacks or ())
        for callback, _context in present:
            _FUTURE.remove_done_callback(future, callback)
        for entry in entries:
            if entry[0] == "callback":
                _FUTURE.add_done_callback(future, entry[1], context=entry[2])
                present = [pair for pair in present if pair[0] != entry[1]]
                continue
            for pair in present:
                if getattr(pair[0], "__self__", None) is entry[1]:
                    _FUTURE.add_done_callback(future, pair[0], context=pair[1])
                    present.remove(pair)
                    break
        for callback, context in present:
            _FUTURE.add_done_callback(future, callback, context=context)
