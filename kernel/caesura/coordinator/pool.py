"""Who gets a worker.

What lives here: the rule by which the pool's size bounds warm workers but not progress. What must not: how a worker is
started or freed.

A live worker counts against the size unless its session cannot use being counted: it is held or blocked and not yet
decided, has run for longer than ``burst_after_s``, or is idle and cannot be parked. Who has waited longest comes first,
where a resumed cell counts as having waited two seconds more than a new one, so that neither kind starves the other; an
interrupted suspended cell does not wait at all. Beyond the size a worker needs memory.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from caesura.coordinator.state import Session, Worker
from caesura.policy import Demand
from caesura.wire.life import CellState

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

_WAITING: Final = frozenset({CellState.BLOCKED, CellState.HELD})
_MEMORY_LOOK_S: Final = 1.0
_START_COUNTS_S: Final = 30.0
_RESUMED_FIRST_S: Final = 2.0
"""By so much a resumed cell goes before new ones."""


_DEMAND_LOOK_S: Final = 0.1
"""So soon after a queue has grown, or something was learned, the held cells are judged again: once for many changes."""
_QUEUE_WEIGHT: Final = 0.2
_QUEUE_HALF_LIFE_S: Final = 60.0


class Pool:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._short = 0  # who could not be given a worker when it was last looked at
        self._seen = 0  # the demand when held cells were last judged, or less
        self._is_look_set = False
        self._queue_s, self._queue_at = 0.0, 0.0

    def want(self, session: Session) -> None:
        """The session needs a worker; it keeps its place if it has asked before."""
        if session.wants_since is None:
            session.wants_since = self._core.now
        if self._is_hopeless(session):
            self._short += 1
            self._say(session, "waits for a worker")
        else:
            self.schedule()

    def _is_hopeless(self, session: Session) -> bool:
        """Whether looking at all who wait would give it nothing: as many wait as there are workers, so that every one
        that can make room was asked to. Thousands may become due at once."""
        core = self._core
        environment = core.environments.get(session.key)
        return (
            self._short >= max(1, len(core.workers))
            and not _is_urgent(session)
            and environment is not None
            and not environment.error
            and self.counted() >= core.limits.workers
        )

    def worker_changes(self) -> None:
        """A worker began something: whether it counts may change with time alone."""
        if any(session.wants_since is not None for session in self._core.live_sessions()):
            self.schedule()

    def schedule(self) -> None:
        """Give workers to who waits, as far as there are any; make room; say when to look again."""
        core = self._core
        waiting = [s for s in core.live_sessions() if s.wants_since is not None and s.worker is None]
        short = self._short = 0
        if not waiting:
            self._notice_demand()
            return
        counted = self.counted()
        if counted < core.limits.workers or any(map(_is_urgent, waiting)):  # else the order changes nothing
            waiting.sort(key=lambda s: (not _is_urgent(s), (s.wants_since or 0.0) - s.is_due * _RESUMED_FIRST_S))
        acted_for = {worker.session_id for worker in core.workers.values()}
        for session in waiting:
            if session.session_id in acted_for:
                continue  # a new epoch only when the old process is known to be dead
            environment = core.environments.get(session.key)
            if environment is None or environment.error:
                core.session.prepare_environment(session)
            if _is_urgent(session):
                self._give(session, urgent=True)
            elif counted >= core.limits.workers:
                short += 1
                self._say(session, "waits for a worker")
            elif len(core.workers) >= core.limits.workers and not self._has_memory():
                core.set_timer(core.now + _MEMORY_LOOK_S, "pool")
                self._say(session, "waits for memory: less than the reserve is free, so no further worker is started")
            else:
                self._give(session, urgent=False)
                counted += 1
        self._short = short
        if short:
            self._make_room(short)
        self._notice_demand()

    # --- who else wants a worker ------------------------------------------------------------------------------------

    def demand(self) -> Demand:
        """Who waits for a worker, and whose worker is one too many: a held cell's does not count against the size, but
        somebody else's was started for it."""
        core = self._core
        used = sum(_is_used(worker, core.sessions.get(worker.session_id)) for worker in core.workers.values())
        return Demand(self._short + max(0, used - core.limits.workers), core.limits.workers)

    def queue_s(self) -> float:
        """How long cells that are due have lately waited for a worker, in seconds."""
        return self._queue_s * math.exp2(-(self._core.now - self._queue_at) / _QUEUE_HALF_LIFE_S)

    def look_at_held_soon(self) -> None:
        """Held cells are to be judged again."""
        if not self._is_look_set:
            self._is_look_set = True
            self._core.set_timer(self._core.now + _DEMAND_LOOK_S, "demand")

    def looks_at_held(self) -> None:
        """They are judged now."""
        self._is_look_set = False
        self._seen = self.demand().queued

    def _notice_demand(self) -> None:
        queued = self.demand().queued
        if queued > self._seen:
            self.look_at_held_soon()
        self._seen = min(self._seen, queued)

    def counted(self) -> int:
        """How many workers count against the pool's size now."""
        return sum(self._counts(worker) for worker in self._core.workers.values())

    # --- the rule ---------------------------------------------------------------------------------------------------

    def _counts(self, worker: Worker) -> bool:
        until = self._counts_until(worker)
        return until is None or until > self._core.now

    def _counts_until(self, worker: Worker) -> float | None:
        """The wall time from which on ``worker`` does not count; None if time alone changes nothing."""
        core = self._core
        patience_s = core.limits.burst_after_s
        if worker.is_urgent:
            return 0.0
        if worker.leaving:
            return worker.leaving_since + patience_s
        session = core.sessions.get(worker.session_id)
        if session is None or session.worker is not worker:
            return worker.since + patience_s
        if not worker.is_loaded:
            return worker.since + _START_COUNTS_S
        if session.move is not None:
            return session.move.since + patience_s
        cell = session.cell
        if cell is not None and cell.state in _WAITING:
            return 0.0
        if cell is not None or session.current is not None:
            return session.active_since + patience_s
        block = session.block
        if block is not None and (block.obstacles or (session.epoch, block.serial) == session.parks_refused):
            return 0.0
        if block is None:
            return session.active_since + patience_s  # a background task runs between cells
        return None

    def _has_memory(self) -> bool:
        return self._core.memory_fraction() >= self._core.limits.memory_reserve_fraction

    def _give(self, session: Session, *, urgent: bool) -> None:
        now, since = self._core.now, session.wants_since
        if session.is_due and not urgent and since is not None:
            before_s = self.queue_s()
            self._queue_s, self._queue_at = before_s + _QUEUE_WEIGHT * (max(0.0, now - since) - before_s), now
        session.wants_since = None
        for request in session.queue:
            if request.is_execute and request.msg_id in session.cells:
                session.cells[request.msg_id].reason = ""
        if session.cell is not None:
            session.cell.reason = ""
        self._core.worker.start(session, urgent=urgent)

    def _say(self, session: Session, reason: str) -> None:
        cell = session.cell
        if cell is None and session.queue and session.queue[0].is_execute:
            cell = session.cells.get(session.queue[0].msg_id)
        if cell is not None and cell.reason != reason:
            cell.reason = reason
            self._core.cell.record(session, cell)

    def _make_room(self, wanted: int) -> None:
        """Park the idle sessions that were used least recently; look again when the next worker stops counting."""
        core = self._core
        coming = sum(
            bool(worker.leaving) or ((s := core.sessions.get(worker.session_id)) is not None and s.move is not None)
            for worker in core.workers.values()
            if self._counts(worker)
        )
        held = map(core.sessions.get, dict.fromkeys(worker.session_id for worker in core.workers.values()))
        parkable = [session for session in held if session is not None and core.parking.may(session)]
        parkable.sort(key=lambda session: session.last_used)
        for session in parkable[: max(0, wanted - coming)]:
            core.parking.park(session)
        times = [until for worker in core.workers.values() if (until := self._counts_until(worker)) is not None]
        later = [time for time in times if time > core.now]
        if later:
            core.set_timer(min(later) + 0.001, "pool")


def _is_urgent(session: Session) -> bool:
    return session.saved is not None and bool(session.events)


def _is_used(worker: Worker, session: Session | None) -> bool:
    """Whether somebody needs it: it is not on its way out, and its notebook is not idle."""
    if worker.leaving or session is None or session.move is not None:
        return False
    return session.cell is not None or session.current is not None or not worker.is_loaded
