"""The loop on which the cells of one session run.

It is an ordinary selector loop that holds the user's handles and nothing of ours. Work of ours comes in through
:meth:`CellLoop.post` and runs between turns, outside every task. When nothing can run, :attr:`CellLoop.on_blocked`
says what the session waits for and whether it may be moved.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from caesura import clock
from caesura.loop.blocks import BlockWatch
from caesura.loop.callbacks import Future
from caesura.loop.operations import Holds, Operations
from caesura.loop.replay import Orders, Replay
from caesura.loop.threads import OwnThreads
from caesura.loop.values import Block, Delivery, LoopState
from caesura.model import Obstacle


class CellLoop(asyncio.SelectorEventLoop):
    """To be used by the main thread only, but for :meth:`post`. ``machine`` is where it reads the time."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool
    _clock_resolution: float
    _transports: Mapping[int, object]
    _signal_handlers: Mapping[int, object]

    def __init__(self, machine: clock.Clock | None = None) -> None:
        self._watch = BlockWatch(machine or clock.SystemClock())
        # The method is shadowed, because asyncio calls it once a turn: a session that was never moved has the
        # machine's own clock.
        self.time = self._watch.clock.monotonic  # type: ignore[method-assign]
        super().__init__(self._watch.selector)
        self._watch.attach(self)

    # --- blocks -----------------------------------------------------------------------------------------------------

    @property
    def on_blocked(self) -> Callable[[Block], None] | None:
        """Called between two turns when nothing can run: once for each block, and again when its obstacles change."""
        return self._watch.on_blocked

    @on_blocked.setter
    def on_blocked(self, report: Callable[[Block], None] | None) -> None:
        self._watch.on_blocked = report

    @property
    def on_unblocked(self) -> Callable[[int], None] | None:
        """Called with the serial of the block before code runs again."""
        return self._watch.on_unblocked

    @on_unblocked.setter
    def on_unblocked(self, report: Callable[[int], None] | None) -> None:
        self._watch.on_unblocked = report

    @property
    def before_code(self) -> Callable[[], None]:
        """Called at the end of each block and before each posted function, so before code of the user runs."""
        return self._watch.before_code

    @before_code.setter
    def before_code(self, call: Callable[[], None]) -> None:
        self._watch.before_code = call

    @property
    def patience_s(self) -> float:
        """How long a block may last before it is analysed and reported; 0 reports every block."""
        return self._watch.patience_s

    @patience_s.setter
    def patience_s(self, seconds: float) -> None:
        self._watch.patience_s = seconds

    @property
    def counts_every_block(self) -> bool:
        """Whether a wait is reported as a block though it was over before a replay ended. No time passes meanwhile:
        :attr:`on_blocked` has to call :meth:`stand_still` or :meth:`let_time_pass`."""
        return self._watch.counts_every_block

    @counts_every_block.setter
    def counts_every_block(self, counts: bool) -> None:
        self._watch.counts_every_block = counts

    @property
    def operations(self) -> Operations:
        """What others carry out for this session."""
        return self._watch.operations

    @property
    def holds(self) -> Holds:
        """Reasons of the user's not to be moved."""
        return self._watch.holds

    @property
    def own_threads(self) -> OwnThreads:
        """Threads that are not the user's."""
        return self._watch.own_threads

    @property
    def own_children(self) -> set[int]:
        """Pids of child processes that are not the user's."""
        return self._watch.own_children

    @property
    def more_obstacles(self) -> list[Callable[[], Iterable[Obstacle]]]:
        """Asked for further obstacles at each analysis."""
        return self._watch.more_obstacles

    @property
    def while_reporting(self) -> Callable[[], AbstractContextManager[None] | None]:
        """Gives what is entered around each look at a block and its report, and around each step of a replay, unless
        a thread of the user's is busy; or None."""
        return self._watch.while_reporting

    @while_reporting.setter
    def while_reporting(self, make: Callable[[], AbstractContextManager[None] | None]) -> None:
        self._watch.while_reporting = make

    @property
    def in_select(self) -> bool:
        """Whether nothing is ready: the loop waits, or runs something that was posted."""
        return self._watch.selector.in_select

    @property
    def current_block(self) -> Block | None:
        """The block that was reported last, as long as nothing can run; None when something can."""
        return self._watch.current()

    def block(self) -> Block:
        """What the loop waits for now, analysed anew.

        It has the serial of :attr:`current_block` if nothing has changed. When something is ready to run, that is an
        obstacle.
        """
        return self._watch.look()

    # --- running ----------------------------------------------------------------------------------------------------

    @property
    def wake_descriptor(self) -> int:
        """A byte written to it ends a wait; for :func:`signal.set_wakeup_fd`."""
        return self._watch.selector.wake_descriptor

    def post(self, function: Callable[[], None]) -> None:
        """Have ``function()`` called on the main thread between two turns, outside every task.

        Safe from any thread and from a signal handler. What it raises goes to the loop's exception handler, except
        KeyboardInterrupt and SystemExit, which leave :meth:`run_forever`. What is posted while the past is replayed
        runs after it; what is posted to a closed loop is dropped.
        """
        self._watch.selector.post(function)

    def post_in_time(self, function: Callable[[], None]) -> None:
        """As :meth:`post`, but while the session's time stands (:meth:`stand_still`) ``function()`` waits until it
        passes."""
        self.post(lambda: self._watch.in_time(function))

    def run_until_stopped(self, on_escape: Callable[[BaseException], None]) -> None:
        """Run until :meth:`stop`. A KeyboardInterrupt or SystemExit that leaves a task or callback of the user is
        given to ``on_escape``, and so is what asyncio itself raises; the loop goes on with what is ready."""
        self._watch.is_stop_wanted = False
        while not self._watch.is_stop_wanted:
            try:
                self.run_forever()
            except BaseException as escaped:  # noqa: BLE001  what cannot be survived is raised again there
                on_escape(escaped)
        self._stopping = False  # asyncio leaves it set when the loop is told to stop while it does not run

    def stop(self) -> None:
        self._watch.is_stop_wanted = True
        super().stop()

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """See :meth:`asyncio.loop.create_task`; a future is taken too, so that a call can join a task group."""
        return super().create_task(_awaited(coro) if isinstance(coro, asyncio.Future) else coro, **options)

    # --- time -------------------------------------------------------------------------------------------------------

    def wall(self) -> float:
        """Seconds since the epoch."""
        return self._watch.clock.wall()

    def state(self) -> LoopState:
        """The session's clock, for a snapshot: when the block began, because nothing has run since. What happens
        while the session is saved is part of the past of whoever takes it up."""
        return self._watch.clock.state() if self._watch.blocked_at is None else self._watch.blocked_at

    def stand_still(self, limit_s: float) -> None:
        """Called from :attr:`on_blocked`: no time passes for the session, so that no timer of it ends the block, until
        :meth:`let_time_pass`, the end of the block, or ``limit_s`` seconds. Then the clock jumps to now."""
        self._watch.stand_still(limit_s)

    def let_time_pass(self) -> None:
        """End :meth:`stand_still`, if it is in force."""
        self._watch.let_time_pass()

    @property
    def is_replaying(self) -> bool:
        """Whether the past is being replayed (:meth:`resume_from`)."""
        return self._watch.is_replaying()

    def resume_from(
        self,
        state: LoopState,
        answers: Sequence[Delivery],
        orders: Orders = (),
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        """Let the session go on from ``state``, which another process left.

        To be called once all is loaded and before a turn of the loop: from here on the loop's clock stands. The next
        turns let the restored tasks take up their waits again; ``orders`` (each future's callbacks as they were) are
        put back; ``begin()`` is called, after which code of the user may run; ``answers`` and due timers happen in the
        order of their times, the clock standing at each; then the clock jumps to now. An interrupt is a
        delivery like any other.
        """
        self._watch.replay = Replay(self._watch.clock, state, answers, orders)
        self._watch.begin = begin
        self.time = self._watch.clock.time  # type: ignore[method-assign]


async def _awaited(future: Future) -> Any:
    return await future
