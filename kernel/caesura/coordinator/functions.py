"""Remote functions: each runs as the one cell of a session of its own, on the same pool.

What lives here: the session of a function, its result, its worker's death. What must not: how a session moves; a
function that waits leaves its worker as a notebook's cell does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from caesura.coordinator.commands import SendWorker
from caesura.coordinator.sessions import row_of
from caesura.coordinator.state import Cell, Kind, Operation, Session
from caesura.runner import function
from caesura.runner.answer import Answer
from caesura.store.records import Records
from caesura.store.rows import CellRow
from caesura.wire.life import CellEvent, CellState
from caesura.wire.messages import FunctionDone, Interrupt

if TYPE_CHECKING:
    from caesura.coordinator.core import Core


class Functions:
    def __init__(self, core: Core) -> None:
        self._core = core

    def start(self, operation: Operation) -> None:
        """Queue the function; UsageError if its options are wrong."""
        function.parse_options(operation.options)
        core, now = self._core, self._core.now
        caller = core.sessions[operation.session_id]
        operation.attempts += 1
        session = Session(
            f"f-{core.new_id()}",
            Kind.FUNCTION,
            caller.environment,
            caller.key,
            caller.policy,
            now,
            name=operation.label,
            parent_op=operation.op_id,
            last_used=now,
        )
        cell = Cell(operation.op_id, session.session_id, operation.label, now, since=now)
        session.cells[cell.cell_id] = session.cell = cell
        core.sessions[session.session_id] = session
        cell_row = CellRow(
            id=cell.cell_id,
            session_id=session.session_id,
            state=cell.state,
            request=b"",
            created=now,
            code_preview=cell.code,
        )

        def record(records: Records) -> None:
            records.add_session(row_of(session))
            records.add_cell(cell_row)

        def then(_: Any) -> None:
            if not session.is_ended:
                core.session.prepare_environment(session)
                core.pool.want(session)

        core.persist(record, then)

    def session_of(self, operation: Operation) -> Session | None:
        """The session in which the function runs now."""
        for session in self._core.live_sessions():
            if session.parent_op == operation.op_id:
                return session
        return None

    def done(self, session: Session, message: FunctionDone) -> None:
        """The function has its result, and the message is recorded."""
        operation = self._core.operations.get(session.parent_op)
        payload = bytes(message.buffers[0]) if message.buffers else b""
        cell = session.cell
        if cell is not None and cell.state in (CellState.RUNNING, CellState.BLOCKED, CellState.HELD):
            event = CellEvent.FINISH if message.ok else CellEvent.FAIL
            self._core.cell.apply(session, cell, event, ended=self._core.now)
        if operation is not None:
            self._core.operation.answer(operation, Answer(message.ok, payload))
        self._core.session.end(session, 0)

    def worker_died(self, session: Session, how: str) -> None:
        """Its process ended while its code ran: it is begun again if it may be, else nobody knows what it did."""
        operation = self._core.operations.get(session.parent_op)
        if operation is None or not operation.is_pending:
            self._core.session.end(session, 0)
            return
        answer = function.after_death(
            function.parse_options(operation.options), operation.label, operation.attempts, how
        )
        self._core.session.end(session, 0)
        if answer is None:
            self.start(operation)
        else:
            self._core.operation.answer(operation, answer)

    def fail(self, session: Session, reason: str) -> None:
        """It could not be run, or not brought back."""
        operation = self._core.operations.get(session.parent_op)
        if operation is not None:
            has_begun = session.last_saved is not None
            answer = function.could_not_run(operation.label, reason)
            if has_begun:
                answer = Answer(False, text=reason, is_uncertain=True)
            self._core.operation.answer(operation, answer)
        self._core.session.end(session, 0)

    def cancel(self, operation: Operation) -> None:
        """Nobody waits for it: interrupt its code so that its cleanup runs; the pool ends it if that takes too long."""
        session = self.session_of(operation)
        if session is None:
            return
        worker = session.worker
        if worker is not None and session.is_live and worker.is_connected:
            self._core.put(SendWorker(worker.worker_id, Interrupt()))
            self._core.worker.dismiss(worker, "cancelled")
            return
        self._core.session.end(session, 0)
