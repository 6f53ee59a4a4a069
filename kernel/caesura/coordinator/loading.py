"""A session is taken up by its worker: loaded, recorded, allowed to go on; or it cannot be loaded.

What lives here: that nothing of the user runs before it is durable that the snapshot has been taken up (I2). What must
not: how a worker comes and dies (``workers.py``).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from caesura import points
from caesura.coordinator.attaching import facts_of
from caesura.coordinator.commands import KillWorker, SendWorker
from caesura.coordinator.state import Kind, Session, Worker
from caesura.store.records import Records
from caesura.store.rows import EventKind
from caesura.wire.life import CellEvent, CellState
from caesura.wire.messages import Go, LoadFailed

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

log = logging.getLogger(__name__)

_ATTEMPTS = 3


_RESUME_WEIGHT: Final = 0.4


class Loading:
    def __init__(self, core: Core) -> None:
        self._core = core

    def loaded(self, session: Session, seconds: float) -> None:
        """The worker has loaded the session and waits: it may go on when that is recorded (I2)."""
        core, worker, saved, now = self._core, session.worker, session.saved, self._core.now
        if worker is None:
            return
        if worker.is_allowed or worker.is_loaded:  # said again, because our answer was lost
            session.is_settling = False
            self._allow(worker)
        if worker.is_taken or worker.is_loaded:
            return
        points.reach("loaded.received")
        worker.is_taken = True
        worker.load_s = seconds
        begun = session.cell if is_unstarted(session) else None
        if saved is None and begun is None:
            self._allow(worker)  # a new notebook has nothing to run
            return
        taken, session.events = session.events, []
        worker.is_interrupted = bool(taken)
        session_id = session.session_id

        def record(records: Records) -> None:
            if saved is not None:
                records.consume_snapshot(session_id, saved.snapshot_id, now)
                records.finish_move(session_id, worker.pid, now, seconds)
            if begun is not None:
                records.update_cell(session_id, begun.cell_id, state=str(CellState.RUNNING), started=now)
            if taken:
                for event in records.open_events(session_id):
                    records.consume_event(event.id)
                records.update_session(session_id, now, worker=facts_of(worker))

        def then(_: object) -> None:
            if session.worker is worker and not session.is_ended:
                self._allow(worker)

        core.persist(record, then, durable=True)

    def _allow(self, worker: Worker) -> None:
        points.reach("go.before_send")
        worker.is_allowed = True
        self._core.put(SendWorker(worker.worker_id, Go(epoch=worker.epoch, interrupt=worker.is_interrupted)))

    def going(self, session: Session) -> None:
        """Code of the user runs from here: the session is in its worker for good. Said again after a lost link."""
        core, worker, saved, now = self._core, session.worker, session.saved, self._core.now
        if worker is None or not (worker.is_allowed or worker.is_loaded):
            return
        points.reach("going.received")
        if not worker.is_loaded:
            worker.is_loaded, worker.stream = True, None
            session.is_settling = False
            session.start_failures = 0
            session.active_since = session.last_used = now
            session.is_due = False
            session.wants_since = None
            if saved is not None:
                session.saved, session.last_saved = None, saved
                session.cost.observe_load(saved.size_bytes, worker.load_s)
                session.resume_s += _RESUME_WEIGHT * (now - worker.since - session.resume_s)
            cell = session.cell
            if cell is not None and saved is not None:
                cell.resumed_at = now
                core.ledger.goes_on(session, worker)
            if cell is not None and cell.state is CellState.LOADING:
                cell.resumes, cell.load_s = cell.resumes + 1, worker.load_s
                core.cell.apply(session, cell, CellEvent.LOADED)
            elif cell is not None and is_unstarted(session):
                cell.started = now
                core.cell.apply(session, cell, CellEvent.START, started=now)
        if session.move is None:
            core.operation.send_answers(session)
            core.interrupt.resend(session)
            core.desk.pump(session)
        core.pool.schedule()

    def take_back(self, session: Session, worker: Worker) -> None:
        """The worker died before it ran anything: undo what was recorded of it."""
        if not worker.is_taken:
            return
        session_id, now, saved = session.session_id, self._core.now, session.saved
        begun = session.cell if is_unstarted(session) else None
        cell_id = "" if session.cell is None else session.cell.cell_id
        interrupts = [str(EventKind.INTERRUPT)] if worker.is_interrupted else []
        session.events = interrupts + session.events

        def record(records: Records) -> None:
            if saved is not None:
                records.reinstate_snapshot(session_id, saved.snapshot_id, now)
                records.reopen_move(session_id)
            if begun is not None:
                records.update_cell(session_id, begun.cell_id, state=str(begun.state))
            for kind in interrupts:
                records.add_event(session_id, kind, now, cell_id)

        self._core.persist(record)

    def failed(self, session: Session, message: LoadFailed) -> None:
        """The snapshot could not be loaded; its worker is of no use."""
        core, worker = self._core, session.worker
        if worker is None or worker.is_loaded:
            return
        core.worker.dismiss(worker, "load failed")
        core.put(KillWorker(worker.worker_id))
        session.worker = None
        self.gave_up(session, message.reason, final=message.final)

    def gave_up(self, session: Session, reason: str, *, final: bool = False) -> None:
        """It did not come about; it is tried again, unless it has been tried often or is ``final``."""
        core, saved = self._core, session.saved
        assert saved is not None
        saved.failures += 1
        snapshot_id = saved.snapshot_id
        core.persist(lambda records: records.count_failure(snapshot_id))
        for operation in session.operations.values():
            if operation.op_id in saved.pending:
                operation.is_sent = False
        cell = session.cell
        if not final and saved.failures < _ATTEMPTS:
            log.warning("session %s: load %d failed: %s", session.session_id, saved.failures, reason)
            if cell is not None and cell.state is CellState.LOADING:
                core.cell.apply(session, cell, CellEvent.LOAD_FAILED)
            session.is_due = True
            core.pool.want(session)
            return
        session.saved, session.last_saved = None, saved
        session.is_due = False
        session_id = session.session_id

        def record(records: Records) -> None:
            records.consume_snapshot(session_id, snapshot_id, core.now)
            records.fail_snapshot(snapshot_id)

        core.persist(record)
        if session.kind is Kind.FUNCTION:
            core.function.fail(session, reason)
            return
        session.notice = "The variables of this notebook could not be restored; this cell starts with none.\n"
        if cell is not None:
            core.cell.fail(session, cell, "SnapshotRefused", reason)
        else:
            core.cell.fail_queued(session, "SnapshotRefused", reason)
            core.operation.session_cleared(session)
        core.desk.pump(session)


def is_unstarted(session: Session) -> bool:
    """Whether the session is a function's that no worker has begun."""
    cell = session.cell
    return session.kind is Kind.FUNCTION and cell is not None and cell.state is CellState.QUEUED
