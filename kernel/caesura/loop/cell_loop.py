"""The loop on which the cells of one session run.

It is an ordinary selector loop that holds the user's handles and nothing of ours. Work of ours comes in through
:meth:`CellLoop.post` and runs between turns, outside every task. When nothing can run, :attr:`CellLoop.on_blocked`
says what the session waits for and whether it may be moved.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from caesura import clock
from caesura.loop import children, obstacles, threads, waits
from caesura.loop.callbacks import Future
from caesura.loop.clock import SessionClock
from caesura.loop.operations import Holds, Operations
from caesura.loop.replay import Orders, Replay
from caesura.loop.selector import CellSelector
from caesura.loop.values import Block, Delivery, LoopState
from caesura.model import Obstacle

_LONGEST_WAIT_S = 24 * 3600.0
_FIRST_LOOK_S = 0.25
_LONGEST_LOOK_S = 10.0


class CellLoop(asyncio.SelectorEventLoop):
    """To be used by the main thread only, but for :meth:`post`.

    ``patience_s`` is how long a block may last before it is analysed and reported: 0 reports every block.
    ``own_children`` are pids of child processes that are not the user's, ``own_threads`` threads that are not;
    ``more_obstacles`` are asked for further obstacles at each analysis.
    """

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool
    _clock_resolution: float

    def __init__(self, machine: clock.Clock | None = None) -> None:
        self.on_blocked: Callable[[Block], None] | None = None
        self.on_unblocked: Callable[[int], None] | None = None
        self.operations = Operations()
        self.holds = Holds()
        self.own_threads = threads.OwnThreads()
        self.own_children: set[int] = set()
        self.more_obstacles: list[Callable[[], Iterable[Obstacle]]] = []
        self.patience_s = 0.0
        self._clock = SessionClock(machine or clock.SystemClock())
        self._monotonic = self._clock.monotonic
        self._replay: Replay | None = None
        self._block: Block | None = None
        self._blocked_at: LoopState | None = None
        self._serial = 0
        self._posted_since_look = False
        self._look_s = _FIRST_LOOK_S
        self._is_stop_wanted = False
        self._cell_selector = CellSelector()
        super().__init__(self._cell_selector)
        self._own_descriptors = {key.fd for key in self._cell_selector.user_keys(set())}
        self._cell_selector.attach(_Turns(self))

    # --- what the worker uses ----------------------------------------------------------------------------------------

    @property
    def in_select(self) -> bool:
        """Whether nothing is ready: the loop waits, or runs something that was posted."""
        return self._cell_selector.in_select

    @property
    def wake_descriptor(self) -> int:
        """A byte written to it ends a wait; for :func:`signal.set_wakeup_fd`."""
        return self._cell_selector.wake_descriptor

    @property
    def current_block(self) -> Block | None:
        """The block that was reported last, as long as nothing can run; None when something can."""
        return None if self._block is None or self.has_work() else self._block

    def post(self, function: Callable[[], None]) -> None:
        """Have ``function()`` called on the main thread between two turns, outside every task.

        Safe from any thread and from a signal handler. What it raises goes to the loop's exception handler, except
        KeyboardInterrupt and SystemExit, which leave :meth:`run_forever`. What is posted while the past is replayed
        runs after it.
        """
        self._cell_selector.post(function)

    def run_until_stopped(self, on_escape: Callable[[BaseException], None]) -> None:
        """Run until :meth:`stop`. A KeyboardInterrupt or SystemExit that leaves a task or callback of the user is
        given to ``on_escape``, and the loop goes on with what is ready."""
        self._is_stop_wanted = False
        while not self._is_stop_wanted:
            try:
                self.run_forever()
            except (KeyboardInterrupt, SystemExit) as escaped:
                on_escape(escaped)
        self._stopping = False  # asyncio leaves it set when the loop is told to stop while it does not run

    def stop(self) -> None:
        self._is_stop_wanted = True
        super().stop()

    def block(self) -> Block:
        """What the loop waits for now, analysed anew.

        It has the serial of :attr:`current_block` if nothing has changed. When something is ready to run, that is an
        obstacle.
        """
        current = self.current_block
        since = self.wall() if current is None else current.since
        found = self._analyse(since)
        return current if current is not None and _is_same(found, current) else found

    def state(self) -> LoopState:
        """The session's clock, for a snapshot: when the block began, because nothing has run since. What happens
        while the session is saved is part of the past of whoever takes it up."""
        return self._clock.state() if self._blocked_at is None else self._blocked_at

    def resume_from(self, state: LoopState, answers: Sequence[Delivery], orders: Orders = ()) -> None:
        """Let the session go on from ``state``, which another process left.

        To be called once all is loaded and before a turn of the loop: from here on the loop's clock stands. The next
        turns let the restored tasks take up their waits again; ``orders`` (each future's callbacks as they were) are
        put back; ``answers`` and due timers happen in the order of their times, the clock standing at each; then the
        clock jumps to now. An interrupt is a delivery like any other.
        """
        self._replay = Replay(self._clock, state, answers, orders)

    @property
    def is_replaying(self) -> bool:
        """Whether the past is being replayed (:meth:`resume_from`)."""
        return self._replay is not None

    # --- asyncio -----------------------------------------------------------------------------------------------------

    def time(self) -> float:
        """Seconds on the session's clock."""
        clock = self._clock
        return self._monotonic() + clock.offset if clock.standing is None else clock.standing

    def wall(self) -> float:
        """Seconds since the epoch."""
        return self._clock.wall()

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """See :meth:`asyncio.loop.create_task`; a future is taken too, so that a call can join a task group."""
        return super().create_task(_awaited(coro) if isinstance(coro, asyncio.Future) else coro, **options)

    # --- blocks ------------------------------------------------------------------------------------------------------

    def has_work(self) -> bool:
        """Whether something is ready, a timer is due, or the loop has been told to stop."""
        if self._ready or self._stopping:
            return True
        timers = self._scheduled
        return bool(timers) and timers[0].when() < self.time() + self._clock_resolution

    def _analyse(self, since: float) -> Block:
        awaited = waits.analyse(
            asyncio.all_tasks(self),
            self._scheduled,
            self.operations,
            to_wall=self.wall() - self.time(),
            since=since,
        )
        found = tuple(self._obstacles(awaited.executor_jobs))
        return Block(self._serial + 1, awaited.waits, found, awaited.wake, since)

    def _obstacles(self, executor_jobs: int) -> Iterable[Obstacle]:
        if self.has_work():
            yield Obstacle("running code", detail="something is ready to run")
        yield from obstacles.holds(self.holds.reasons())
        keys = self._cell_selector.user_keys(self._own_descriptors)
        transports = list(vars(self)["_transports"].values())
        if keys or transports:
            yield from obstacles.watched_descriptors(keys, transports)
        yield from obstacles.executor_jobs(executor_jobs)
        yield from threads.busy_threads(self.own_threads)
        yield from children.running_children(self.own_children)
        yield from obstacles.signal_handlers(vars(self).get("_signal_handlers", ()))
        for more in self.more_obstacles:
            yield from more()

    def _note_block(self) -> None:
        if self._block is not None:
            if not self._posted_since_look and not self._block.obstacles:
                return
            self._look_s = min(2 * self._look_s, _LONGEST_LOOK_S)
            found = self._analyse(self._block.since)
            self._posted_since_look = False
            if _is_same(found, self._block):
                return
        else:
            self._posted_since_look = False
            self._look_s = _FIRST_LOOK_S
            self._blocked_at = self._clock.state()
            found = self._analyse(self._blocked_at.wall)
        self._block = found
        self._serial = found.serial
        self._cell_selector.is_blocked = True
        if self.on_blocked is not None:
            on_blocked = self.on_blocked
            self._guarded("a report of a block failed", lambda: on_blocked(found))

    def _note_end_of_block(self) -> None:
        self._cell_selector.is_blocked = False
        self._block = self._blocked_at = None
        serial = self._serial
        if self.on_unblocked is not None:
            on_unblocked = self.on_unblocked
            self._guarded("a report of the end of a block failed", lambda: on_unblocked(serial))

    def _seconds_to_wait(self) -> float | None:
        limit_s = self._scheduled[0].when() - self.time() if self._scheduled else math.inf
        if self._block is not None and self._block.obstacles:
            limit_s = min(limit_s, self._look_s)  # a thread or a process ends without telling the loop
        return None if limit_s == math.inf else min(max(0.0, limit_s), _LONGEST_WAIT_S)

    def _run_posted(self, function: Callable[[], None]) -> None:
        self._posted_since_look = True
        self._guarded("a posted function failed", function)

    def _guarded(self, what: str, function: Callable[[], None]) -> None:
        try:
            function()
        except Exception as error:  # noqa: BLE001  nothing of ours may end the user's loop
            self.call_exception_handler({"message": f"caesura: {what}", "exception": error})

    # --- the past ----------------------------------------------------------------------------------------------------

    def _replay_step(self) -> None:
        assert self._replay is not None
        action = self._replay.step(self)
        if action is None:
            self._replay = None
        else:
            self._guarded("a delivery failed", action)

    def next_timer(self) -> float:
        """The loop time of the next timer; infinity if there is none."""
        return self._scheduled[0].when() if self._scheduled else math.inf

    def due_timers(self, until: float) -> float:
        """The loop time of the last timer that is due at ``until``; minus infinity if none is."""
        due = (handle.when() for handle in self._scheduled if not handle.cancelled() and handle.when() <= until)
        return max(due, default=-math.inf)


class _Turns:
    """What the selector is allowed to ask of the loop."""

    def __init__(self, loop: CellLoop) -> None:
        self._loop = loop
        self.has_work = loop.has_work
        self.replay_step = loop._replay_step
        self.seconds_to_wait = loop._seconds_to_wait
        self.note_block = loop._note_block
        self.note_end_of_block = loop._note_end_of_block
        self.run_posted = loop._run_posted

    def is_replaying(self) -> bool:
        return self._loop.is_replaying

    def patience(self) -> float:
        return self._loop.patience_s


def _is_same(new: Block, old: Block) -> bool:
    return new.obstacles == old.obstacles and [w.op_id for w in new.waits] == [w.op_id for w in old.waits]


async def _awaited(future: Future) -> Any:
    return await future
