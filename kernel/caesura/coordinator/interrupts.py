"""Interrupts and cancels: acknowledged at once, in effect within a second, consumed once (I10).

What lives here: what an interrupt means in each state. What must not: signals; the worker sends them to itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from caesura.coordinator.commands import SendWorker
from caesura.coordinator.state import Cell, Session
from caesura.errors import UsageError
from caesura.store.records import Records
from caesura.store.rows import EventKind
from caesura.wire.life import FINAL, CellState
from caesura.wire.messages import Interrupt

if TYPE_CHECKING:
    from caesura.coordinator.core import Core


class Interrupts:
    def __init__(self, core: Core) -> None:
        self._core = core

    def asked(self, session: Session) -> None:
        """The user interrupts whatever the notebook does; harmless when it does nothing. A server that stops interrupts
        its kernels as well, which is not meant."""
        if session.is_leaving:
            return
        self._interrupt(session, EventKind.INTERRUPT)

    def cancel(self, session: Session, cell: Cell) -> None:
        """The user gives a cell up. UsageError if it has ended.

        A queued one is answered ``aborted``. One that runs or is suspended is interrupted, so that its cleanup runs
        and the notebook keeps its variables, and counts as cancelled.
        """
        if cell.state in FINAL:
            raise UsageError(f"The cell {cell.cell_id} is {cell.state} already.")
        request = cell.request
        if cell is not session.cell:
            if request is not None and request in session.queue:
                session.queue.remove(request)
                self._core.desk.abort(session, request, CellState.CANCELLED)
                self._core.desk.pump(session)
            return
        cell.is_cancelled = True
        self._interrupt(session, EventKind.CANCEL)

    def _interrupt(self, session: Session, kind: EventKind) -> None:
        core, worker = self._core, session.worker
        session.kept = None  # the user ends what it does: it does not go on from there if the worker dies meanwhile
        if session.saved is None and session.move is None:
            if worker is not None and (session.current is not None or session.cell is not None):
                if session.is_settling or not worker.is_connected:
                    # It is on its way back to us, perhaps with a snapshot that waits for a verdict.
                    self._keep(session, kind)
                if worker.is_connected:
                    core.put(SendWorker(worker.worker_id, Interrupt()))
            elif session.queue and session.queue[0].is_execute and not session.is_live:
                text = "interrupted while it waited for a worker"
                core.cell.fail_queued(session, "KeyboardInterrupt", text)
                core.desk.pump(session)
            return
        if session.cell is None:
            return  # parked, or being parked: nothing runs that could be interrupted
        self._keep(session, kind)
        if session.move is not None:
            # The save is given up for it; if it is too late for that, the event stands against the commit or waits
            # for whoever takes the snapshot up.
            if worker is not None:
                core.put(SendWorker(worker.worker_id, Interrupt()))
        elif worker is None:
            core.move.look_whether_due(session)
            core.pool.want(session)  # it does not wait for a place

    def _keep(self, session: Session, kind: EventKind) -> None:
        session.events.append(str(kind))
        session_id, now = session.session_id, self._core.now
        cell_id = "" if session.cell is None else session.cell.cell_id
        self._core.persist(lambda records: records.add_event(session_id, str(kind), now, cell_id))

    def send_open(self, session: Session) -> None:
        """An interrupt that came too late for the message that brought the session back takes effect now."""
        worker = session.worker
        if session.events and worker is not None and session.is_live:
            self._core.put(SendWorker(worker.worker_id, Interrupt()))
            self.consume(session)

    def resend(self, session: Session) -> None:
        """The worker came back, and may not have got what it was sent. While nobody knows what it does the events stay
        open, and stand against a snapshot that waits for its verdict."""
        worker = session.worker
        if not session.is_settling:
            self.send_open(session)
        elif session.events and worker is not None:
            self._core.put(SendWorker(worker.worker_id, Interrupt()))

    def consume(self, session: Session) -> None:
        """The events so far have taken effect."""
        if not session.events:
            return
        session.events.clear()
        session_id = session.session_id

        def record(records: Records) -> None:
            for event in records.open_events(session_id):
                records.consume_event(event.id)

        self._core.persist(record)
