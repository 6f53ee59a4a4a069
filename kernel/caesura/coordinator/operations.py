"""What sessions wait for: started once, answered once, delivered once (I4).

What lives here: operations and their answers, events from outside. What must not: how a function runs
(``functions.py``), when a suspended session comes back (``moves.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from caesura import points
from caesura.coordinator.commands import SendWorker
from caesura.coordinator.numbered_records import operation_row
from caesura.coordinator.state import Cell, Operation, Saved, Session
from caesura.errors import UsageError
from caesura.model import CallKind
from caesura.runner import event, timer
from caesura.runner.answer import Answer
from caesura.store.records import Records
from caesura.store.rows import OperationRow, WaitRow
from caesura.wire.messages import Answered, Call, Json

if TYPE_CHECKING:
    from caesura.coordinator.core import Core


class Operations:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._settle: dict[str, list[int]] = {}

    # --- starting ---------------------------------------------------------------------------------------------------

    def started(self, session: Session, message: Call) -> None:
        """A worker started a call, and that is recorded."""
        if message.op_id in self._core.operations:
            return
        self.begin(operation_from(operation_row(session.session_id, message, self._core.now)))

    def begin(self, operation: Operation) -> None:
        """Carry a recorded operation out."""
        core = self._core
        session = core.sessions[operation.session_id]
        core.operations[operation.op_id] = operation
        session.operations[operation.op_id] = operation
        core.watching.touch(session)
        try:
            match operation.kind:
                case CallKind.FUNCTION:
                    core.function.start(operation)
                case CallKind.EVENT:
                    event.check_schema(operation.options)
                case CallKind.TIMER:
                    operation.due = timer.due_of(operation.options, operation.created)
                    core.set_timer(operation.due, "operation", operation.op_id)
                case unknown:
                    self.answer(operation, Answer(False, text=f"There is no kind of call named {unknown!r}."))
        except UsageError as error:
            self.answer(operation, Answer(False, text=str(error)))

    def is_due(self, op_id: str) -> None:
        operation = self._core.operations.get(op_id)
        if operation is not None and operation.kind == CallKind.TIMER:
            self.answer(operation, timer.answer())

    # --- answers ----------------------------------------------------------------------------------------------------

    def answer(self, operation: Operation, answer: Answer, *, is_cut_off: bool = False) -> None:
        """An operation has ended; only the first end counts. It is delivered when it is durable.

        With ``is_cut_off`` it would have taken longer by itself.
        """
        if not operation.is_pending:
            return
        core, now, op_id = self._core, self._core.now, operation.op_id
        operation.ok, operation.result, operation.text = answer.ok, answer.payload, answer.text
        operation.uncertain, operation.answered_at = answer.is_uncertain, now
        took_s = max(0.0, now - operation.created)
        sample = self._learn(operation, took_s, is_cut_off or answer.is_uncertain)
        decisions = self._settle.pop(op_id, [])
        core.progress.is_over(op_id)

        def record(records: Records) -> None:
            points.reach("answer.before_record")
            records.record_answer(
                op_id, answer.ok, answer.payload, now, text=answer.text, uncertain=answer.is_uncertain
            )
            records.add_wait(sample)
            for decision_id in decisions:
                records.settle_decision(decision_id, took_s)

        def then(_: Any) -> None:
            points.reach("answer.after_record")
            operation.is_recorded = True
            self._deliver(operation)

        core.persist(record, then, durable=True)
        if (session := core.sessions.get(operation.session_id)) is not None:
            core.watching.touch(session)

    def _learn(self, operation: Operation, took_s: float, is_cut_off: bool) -> WaitRow:
        """What the history gets to know, for the records."""
        core = self._core
        core.history.add(operation.key, operation.kind, took_s, is_cut_off)
        core.decision.learned(operation.key)
        return WaitRow(key=operation.key, kind=operation.kind, duration_s=took_s, at=core.now, censored=is_cut_off)

    def _deliver(self, operation: Operation) -> None:
        session = self._core.sessions.get(operation.session_id)
        if session is None or session.is_ended or operation.op_id not in session.operations:
            return
        if session.link is not None and self._core.rpc.answered(session, operation):
            return
        if session.saved is not None and session.worker is None:
            self._core.move.look_whether_due(session)
        else:
            self.send_answers(session)

    def send_answers(self, session: Session) -> None:
        """Give a session's worker the answers that it does not have, oldest first.

        While it is being frozen they are held back if the save cannot be given up; one that can be is given up for
        them. The snapshot, if it comes about all the same, asks for them again.
        """
        worker, move = session.worker, session.move
        if worker is None or not session.is_live or (move is not None and (move.saved or not move.is_abortable)):
            return
        ready = [op for op in session.operations.values() if op.is_answered and op.is_recorded and not op.is_sent]
        for operation in sorted(ready, key=lambda op: op.answered_at):
            operation.is_sent = True
            self._core.put(SendWorker(worker.worker_id, message_of(operation)))

    def settle_later(self, operation: Operation, decision_id: int) -> None:
        """When ``operation`` ends, record in the decision how long it really took."""
        if operation.is_pending:
            self._settle.setdefault(operation.op_id, []).append(decision_id)

    # --- nobody waits any more --------------------------------------------------------------------------------------

    def cancelled_by_worker(self, session: Session, op_id: str) -> None:
        operation = session.operations.get(op_id)
        if operation is not None:
            self.cancel(operation)

    def cancel(self, operation: Operation) -> None:
        """Give an operation up; a function that runs is interrupted, then ended."""
        if not operation.is_pending:
            return
        operation.is_cancelled = True
        core, op_id, now = self._core, operation.op_id, self._core.now
        self._settle.pop(op_id, None)
        core.progress.is_over(op_id)
        if (session := core.sessions.get(operation.session_id)) is not None:
            core.watching.touch(session)
        is_known = operation.due is not None
        sample = None if is_known else self._learn(operation, max(0.0, now - operation.created), is_cut_off=True)

        def record(records: Records) -> None:
            records.cancel_operation(op_id, now)
            if sample is not None:
                records.add_wait(sample)

        core.persist(record)
        core.cancel_timer("operation", op_id)
        if operation.kind == CallKind.FUNCTION:
            core.function.cancel(operation)

    def cell_ended(self, session: Session, cell: Cell) -> None:
        """What the cell has run on is not needed again; what it left behind goes on."""
        saved = session.last_saved
        if saved is not None and saved.cell_id == cell.cell_id and cell.status != "ok" and cell.error:
            return  # the user may resume it
        session.last_saved = None
        done = [op.op_id for op in session.operations.values() if op.is_answered and op.is_sent]
        for op_id in done:
            self._forget(session, op_id)
        session_id = session.session_id

        def record(records: Records) -> None:
            if done:
                records.consume_answers(session_id, done)
            records.drop_snapshots(session_id)

        if done or saved is not None:
            self._core.persist(record)

    def session_cleared(self, session: Session, keep: Saved | None = None) -> None:
        """The namespace is gone, and with it everybody who waited; ``keep`` may be resumed and still needs its own."""
        wanted = frozenset() if keep is None else keep.pending
        for operation in list(session.operations.values()):
            if operation.op_id not in wanted:
                self.cancel(operation)
                self._forget(session, operation.op_id)

    def bring_back(self, session: Session, row: OperationRow) -> None:
        """An operation of the records is waited for again: by a resumed snapshot, or after our restart."""
        operation = operation_from(row)
        operation.is_cancelled = False
        known = session.operations.setdefault(row.id, operation)
        known.is_sent = False
        self._core.operations[row.id] = known

    def _forget(self, session: Session, op_id: str) -> None:
        session.operations.pop(op_id, None)
        self._core.operations.pop(op_id, None)

    # --- events -----------------------------------------------------------------------------------------------------

    def waiting_events(self) -> list[Operation]:
        return [op for op in self._core.operations.values() if op.kind == CallKind.EVENT and op.is_pending]

    def send_event(self, name: str, *, value: object = None, error: str | None = None) -> int:
        """Answer all that wait for the event; how many. UsageError if nobody does, or the value does not fit."""
        waiting = self.waiting_events()
        found = [op for op in waiting if event.name_of(op.key) == name]
        if not found:
            raise event.nobody_waits(name, [event.name_of(op.key) for op in waiting])
        if error is None:
            for operation in found:
                event.check_value(name, operation.options, value)
        for operation in found:
            self.answer(operation, event.answer(value) if error is None else event.failure(name, error))
        return len(found)


def operation_from(row: OperationRow) -> Operation:
    """The operation of a row."""
    return Operation(
        row.id,
        row.session_id,
        row.cell_id,
        row.kind,
        row.key,
        row.label,
        row.created,
        options=row.options,
        parent=row.parent,
        request=row.request,
        due=row.due,
        ok=None if row.state == "pending" else row.ok,
        result=row.result or b"",
        text=row.text,
        uncertain=row.state == "uncertain",
        answered_at=row.answered_at or 0.0,
        is_recorded=row.state in ("answered", "uncertain"),
        is_cancelled=row.state == "cancelled",
    )


def message_of(operation: Operation) -> Answered:
    """The answer for a worker."""
    return Answered(
        op_id=operation.op_id,
        ok=bool(operation.ok),
        at=operation.answered_at,
        uncertain=operation.uncertain,
        text=operation.text,
        buffers=(operation.result,),
    )


def describe_event(operation: Operation) -> Json:
    """A waiting event, for ``caesura events``."""
    return {
        "name": event.name_of(operation.key),
        "op_id": operation.op_id,
        "cell_id": operation.cell_id,
        "session_id": operation.session_id,
        "since": operation.created,
        "schema": operation.options.get("schema"),
    }
