"""What becomes of a cell between its worker's first word and its end.

What lives here: start, end, failure; recording each. What must not: the way out of a worker and back (``moves.py``).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from caesura.coordinator.commands import FrontPublish, FrontReply
from caesura.coordinator.state import Cell, Kind, Session
from caesura.wire.life import FINAL, CellEvent, CellState
from caesura.wire.messages import CellDone, Json, wait_to_json

if TYPE_CHECKING:
    from caesura.coordinator.core import Core
    from caesura.store.records import Records

_REMEMBERED = 50
"""Ended cells of a session that stay listed; the records keep all."""


class Cells:
    def __init__(self, core: Core) -> None:
        self._core = core

    def apply(self, session: Session, cell: Cell, event: CellEvent, **columns: Any) -> None:
        """Apply ``event`` to a cell, record it (not synced: whoever needs that says so) and tell who listens."""
        cell.apply(event, self._core.now)
        self.record(session, cell, **columns)

    def record(self, session: Session, cell: Cell, **columns: Any) -> None:
        self._record(session, cell, columns, is_over=False)

    def _record(self, session: Session, cell: Cell, columns: Json, *, is_over: bool) -> None:
        cell.is_written = True
        session_id, cell_id = session.session_id, cell.cell_id
        values = {
            "state": str(cell.state),
            "reason": cell.reason,
            "waits": [wait_to_json(wait) for wait in cell.waits],
            **columns,
        }

        def write(records: Records) -> None:
            records.update_cell(session_id, cell_id, **values)
            if is_over:
                _consume_events(records, session_id)

        self._core.persist(write)
        self._core.rpc.changed(session, cell)

    def started(self, session: Session, cell_id: str) -> None:
        """The worker begins the cell."""
        if session.cell is None and session.queue and session.queue[0].msg_id == cell_id:
            # Handed out before our restart: its worker came back with it.
            session.current = session.queue.popleft()
            session.cell = session.cells[cell_id]
        session.is_settling = False
        cell = session.cell
        if cell is None or cell.cell_id != cell_id or cell.state is not CellState.QUEUED:
            return
        session.active_since = self._core.now
        cell.started = self._core.now
        cell.apply(CellEvent.START, cell.started)  # recorded with the message that says it
        self._core.rpc.changed(session, cell)
        self._core.pool.worker_changes()

    def done(self, session: Session, message: CellDone) -> None:
        """Reply and idle of the cell were sent."""
        cell = session.cell
        session.is_settling = False
        if cell is None or cell.cell_id != message.cell_id:
            return
        cell.execution_count = message.execution_count
        if cell.state is CellState.QUEUED:
            cell.apply(CellEvent.START, self._core.now)
        event = CellEvent.FINISH if message.status == "ok" else CellEvent.FAIL
        if cell.is_cancelled and message.status != "ok":
            event = CellEvent.CANCEL
        self.end(session, cell, event, message.status, message.error)
        self._core.desk.request_done(session)

    def end(self, session: Session, cell: Cell, event: CellEvent, status: str, error: str) -> None:
        """The cell is over; nothing is said to the clients."""
        now = self._core.now
        if cell.state is CellState.FROZEN and event in (CellEvent.FINISH, CellEvent.FAIL):
            cell.apply(CellEvent.REFUSE, now)
        cell.status, cell.error, cell.waits, cell.reason = status, error, (), error
        session.cell = None
        session.block = None
        cell.apply(event, now)
        says_all = session.kind is Kind.NOTEBOOK and event is CellEvent.FINISH and not session.events
        if says_all and not cell.is_written:
            self._core.rpc.changed(session, cell)  # recorded with the message that says it
        else:
            session.events.clear()
            self._record(session, cell, {"ended": now, "status": status, "error": error}, is_over=True)
        session_id = session.session_id
        self._core.cancel_timer("decide", session_id)
        self._core.cancel_timer("wake", session_id)
        self._core.operation.cell_ended(session, cell)
        self._forget_old(session)

    def leave_queue(self, session: Session, cell_id: str, state: CellState, status: str) -> None:
        """A cell ends that no worker had."""
        cell = session.cells[cell_id]
        cell.status = status
        event = CellEvent.CANCEL if state is CellState.CANCELLED else CellEvent.FAIL
        self.apply(session, cell, event, ended=self._core.now, status=status)
        self._forget_old(session)

    def fail(self, session: Session, cell: Cell, name: str, text: str, traceback: Sequence[str] = ()) -> None:
        """The cell ends with an error of ours: shown under its header, and recorded.

        For a function the error goes to who called it; that is for ``functions.py``.
        """
        if cell.state in FINAL:
            return
        event = CellEvent.CANCEL if cell.is_cancelled else CellEvent.FAIL
        request = cell.request
        self.end(session, cell, event, "error", text)
        session.current = None
        if session.kind is Kind.NOTEBOOK and request is not None:
            self._say_error(session, cell, name, text, traceback)
            if request.stops_on_error:
                self._core.desk.abort_queue(session)

    def fail_queued(self, session: Session, name: str, text: str) -> None:
        """The first queued cell cannot be run at all; those behind it are aborted if it says so."""
        for request in list(session.queue):
            session.queue.remove(request)
            if not request.is_execute:
                self._core.desk.give_up(session, request)
                continue
            cell = session.cells[request.msg_id]
            self.leave_queue(session, cell.cell_id, CellState.FAILED, "error")
            cell.error = cell.reason = text
            busy = FrontPublish(session.session_id, "status", {"execution_state": "busy"}, request.header)
            self._core.say(session, busy)
            self._say_error(session, cell, name, text, ())
            if request.stops_on_error:
                self._core.desk.abort_queue(session)
            return

    def _say_error(self, session: Session, cell: Cell, name: str, text: str, traceback: Sequence[str]) -> None:
        request = cell.request
        assert request is not None
        content: Json = {
            "ename": name,
            "evalue": text,
            "traceback": list(traceback) or [f"\x1b[0;31m{name}\x1b[0m: {text}"],
        }
        session_id = session.session_id
        say = self._core.say
        if not request.is_silent:
            self._core.recorded.say(session, "error", content, request.header)
        reply = {
            "status": "error",
            **content,
            "execution_count": cell.execution_count,
            "user_expressions": {},
            "payload": [],
        }
        answer = FrontReply(session_id, request.channel, request.idents, "execute_reply", reply, request.header)
        say(session, answer)
        say(session, FrontPublish(session_id, "status", {"execution_state": "idle"}, request.header))

    def _forget_old(self, session: Session) -> None:
        ended = [cell for cell in session.cells.values() if cell.state in FINAL]
        for cell in ended[:-_REMEMBERED]:
            del session.cells[cell.cell_id]


def _consume_events(records: Records, session_id: str) -> None:
    for event in records.open_events(session_id):
        records.consume_event(event.id)


def clock_text(wall: float) -> str:
    """A wall time for a sentence, in the machine's time zone."""
    return time.strftime("%H:%M:%S", time.localtime(wall))
