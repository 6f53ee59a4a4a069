"""When a loop is blocked, on what, and when that is over: everything that a cell loop knows besides asyncio.

What lives here: the state behind :class:`~caesura.loop.cell_loop.CellLoop`, kept apart from it because more attributes
in a loop's instance make those slower that asyncio reads each turn.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from caesura import clock
from caesura.loop import children, obstacles, threads, waits
from caesura.loop.clock import SessionClock
from caesura.loop.operations import Holds, Operations
from caesura.loop.replay import Replay
from caesura.loop.selector import CellSelector
from caesura.loop.values import Block, LoopState
from caesura.model import Obstacle

if TYPE_CHECKING:
    from caesura.loop.cell_loop import CellLoop

_LONGEST_WAIT_S = 24 * 3600.0
_FIRST_LOOK_S = 0.25
_LONGEST_LOOK_S = 10.0
_UNREPORTED_S = 1.0
"""For so long at most the clock stands at the end of a replay, until the block there is reported."""


class BlockWatch:
    """What the selector asks of its loop (:class:`caesura.loop.selector.Turns`), and what the loop shows of it."""

    def __init__(self, machine: clock.Clock) -> None:
        self.on_blocked: Callable[[Block], None] | None = None
        self.on_unblocked: Callable[[int], None] | None = None
        self.operations = Operations()
        self.holds = Holds()
        self.own_threads = threads.OwnThreads()
        self.own_children: set[int] = set()
        self.more_obstacles: list[Callable[[], Iterable[Obstacle]]] = []
        self.begin: Callable[[], None] | None = None
        self.while_reporting: Callable[[], AbstractContextManager[None] | None] = _nothing
        self.before_code: Callable[[], None] = _nothing
        self.patience_s = 0.0
        self.counts_every_block = False
        self.is_stop_wanted = False
        self.clock = SessionClock(machine)
        self.selector = CellSelector()
        self.replay: Replay | None = None
        self.block: Block | None = None
        self.blocked_at: LoopState | None = None
        self._serial = 0
        self._has_run_posted = False
        self._look_s = _FIRST_LOOK_S
        self._stands_until: float | None = None
        self._put_off: list[Callable[[], None]] = []
        self._quiet_since = 0.0
        self._loop: CellLoop
        self._own_descriptors: set[int] = set()

    def attach(self, loop: CellLoop) -> None:
        """Watch ``loop``, which has been made with :attr:`selector` and watches no descriptor of the user's yet."""
        self._loop = loop
        self._own_descriptors = {key.fd for key in self.selector.user_keys(set())}
        self.selector.attach(self)

    def current(self) -> Block | None:
        """The block that was reported last, as long as nothing can run."""
        return None if self.block is None or self.has_work() else self.block

    def look(self) -> Block:
        """What the loop waits for now; with the serial of :meth:`current` if nothing has changed."""
        current = self.current()
        with self._undisturbed():
            found = self._analyse(self.clock.wall() if current is None else current.since)
        return current if current is not None and _is_same(found, current) else found

    # --- time that stands -------------------------------------------------------------------------------------------

    def stand_still(self, limit_s: float) -> None:
        self._loop.time = self.clock.time  # type: ignore[method-assign]
        self.clock.stand_at(self.clock.time())
        self._stands_until = self.clock.monotonic() + limit_s

    def let_time_pass(self) -> None:
        if self._stands_until is not None:
            self._stands_until = self.clock.standing = None
            put_off, self._put_off = self._put_off, []
            for function in put_off:
                self.selector.post(function)

    def in_time(self, function: Callable[[], None]) -> None:
        """Call ``function()`` now, or as soon as time passes."""
        if self._stands_until is None:
            function()
        else:
            self._put_off.append(function)

    # --- turns ------------------------------------------------------------------------------------------------------

    def has_work(self) -> bool:
        loop = self._loop
        if loop._ready or loop._stopping:
            return True
        timers = loop._scheduled
        return bool(timers) and timers[0].when() < loop.time() + loop._clock_resolution

    def is_replaying(self) -> bool:
        return self.replay is not None

    def replay_step(self) -> None:
        with self._undisturbed():
            self._replay_step()
        if self.begin is not None:
            begin, self.begin = self.begin, None
            begin()

    def _replay_step(self) -> None:
        assert self.replay is not None
        self._quiet_since = self.clock.time()
        action = self.replay.step(self)
        if action is not None:
            self._guarded("a delivery failed", action)
            return
        self.replay = None
        if self.counts_every_block and self._has_waits_in_the_past():
            self.clock.stand_at(self._quiet_since)
            self._stands_until = self.clock.monotonic() + _UNREPORTED_S

    def _has_waits_in_the_past(self) -> bool:
        """Whether code that ran in the replay waits for a timer that is due by now, though it was not then."""
        return self._quiet_since < self.next_timer() <= self.clock.time() and not self.selector.has_posted

    def next_timer(self) -> float:
        timers = self._loop._scheduled
        return timers[0].when() if timers else math.inf

    def last_timer(self, until: float) -> float:
        times = (handle.when() for handle in self._loop._scheduled if not handle.cancelled())
        return max((when for when in times if when <= until), default=-math.inf)

    def seconds_to_wait(self) -> float | None:
        limit_s = self.next_timer() - self._loop.time()
        if self.block is not None and self.block.obstacles:
            limit_s = min(limit_s, self._look_s)  # a thread or a process ends without telling the loop
        if self._stands_until is not None:
            limit_s = min(limit_s, self._stands_until - self.clock.monotonic())
        return None if limit_s == math.inf else min(max(0.0, limit_s), _LONGEST_WAIT_S)

    def patience(self) -> float:
        return self.patience_s

    def run_posted(self, function: Callable[[], None]) -> None:
        self._has_run_posted = True
        self.before_code()
        self._guarded("a posted function failed", function)

    def note_block(self) -> None:
        if self._stands_until is not None and self._stands_until <= self.clock.monotonic():
            self.let_time_pass()
        if self.block is None:
            self.blocked_at = self.clock.state()
            self._look_s = _FIRST_LOOK_S
            if self.counts_every_block and self.on_blocked is not None and self._stands_until is None:
                self.stand_still(_UNREPORTED_S)  # or a short timer is due before the block has been looked at
            with self._undisturbed():
                self._report(self._analyse(self.blocked_at.wall))
        elif self._has_run_posted or self.block.obstacles:
            self._look_s = min(2 * self._look_s, _LONGEST_LOOK_S)
            with self._undisturbed():
                found = self._analyse(self.block.since)
                if not _is_same(found, self.block):
                    self._report(found)

    def note_end_of_block(self) -> None:
        self.before_code()
        self.selector.is_blocked = False
        self.block = self.blocked_at = None
        self.let_time_pass()
        on_unblocked, serial = self.on_unblocked, self._serial
        if on_unblocked is not None:
            self._guarded("a report of the end of a block failed", lambda: on_unblocked(serial))

    def _report(self, block: Block) -> None:
        self.block, self._serial = block, block.serial
        self.selector.is_blocked = True
        on_blocked = self.on_blocked
        if on_blocked is not None:
            self._guarded("a report of a block failed", lambda: on_blocked(block))

    def _guarded(self, what: str, function: Callable[[], None]) -> None:
        try:
            function()
        except Exception as error:  # noqa: BLE001  nothing of ours may end the user's loop
            self._loop.call_exception_handler({"message": f"caesura: {what}", "exception": error})

    def _undisturbed(self) -> AbstractContextManager[None]:
        """What is entered around work of ours; nothing if a thread of the user's would be disturbed by it."""
        context = self.while_reporting()
        return context if context is not None and threads.is_alone(self.own_threads) else _NOTHING

    # --- analysis ---------------------------------------------------------------------------------------------------

    def _analyse(self, since: float) -> Block:
        self._has_run_posted = False
        loop = self._loop
        state = self.clock.state()
        awaited = waits.analyse(
            asyncio.all_tasks(loop),
            loop._scheduled,
            self.operations,
            to_wall=state.wall - state.time,
            since=since,
        )
        found = tuple(self._obstacles(awaited.executor_jobs))
        return Block(self._serial + 1, awaited.waits, found, awaited.wake, since)

    def _obstacles(self, executor_jobs: int) -> Iterable[Obstacle]:
        loop = self._loop
        yield from obstacles.holds(self.holds.reasons())
        keys = self.selector.user_keys(self._own_descriptors)
        transports = list(loop._transports.values())
        if keys or transports:
            yield from obstacles.watched_descriptors(keys, transports)
        yield from obstacles.executor_jobs(executor_jobs)
        yield from threads.busy_threads(self.own_threads)
        yield from children.running_children(self.own_children)
        yield from obstacles.signal_handlers(loop._signal_handlers)
        for more in self.more_obstacles:
            yield from more()
        # Last: a thread that was found idle or gone may have completed something just before.
        if self.has_work():
            yield Obstacle("running code", detail="something is ready to run")


def _nothing() -> None:
    """There is nothing to be entered."""


_NOTHING: Final = nullcontext()


def _is_same(new: Block, old: Block) -> bool:
    return new.obstacles == old.obstacles and [w.op_id for w in new.waits] == [w.op_id for w in old.waits]
