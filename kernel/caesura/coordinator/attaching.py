"""What a worker is told when it takes a session up, and how its end is put into words.

What lives here: values made of values. What must not: when that happens (``workers.py``).
"""

from __future__ import annotations

import signal

from caesura.coordinator.limits import Limits
from caesura.coordinator.state import Kind, Operation, Saved, Session, Worker
from caesura.wire.messages import Attach, Json


def attach_message(session: Session, worker: Worker, function: Operation | None, limits: Limits) -> Attach:
    """The message; ``function`` is the operation that a function's session carries out. The answers in it count as
    sent."""
    saved, cell = session.saved, session.cell
    answers: list[Json] = []
    buffers: list[bytes] = []
    if saved is not None:
        for operation in _in_order(session, saved):
            operation.is_sent = True
            answers.append(_answer(operation, len(buffers)))
            buffers.append(operation.result)
    elif function is not None:
        buffers.append(function.request)
    stream: int | None = None
    if worker.stream is not None:
        stream = len(buffers)
        buffers.append(worker.stream)
    described: Json | None = None
    if cell is not None:
        described = {"cell_id": cell.cell_id, "moves": cell.moves}
        if session.kind is Kind.FUNCTION and function is not None:
            described["parent"] = function.parent
    return Attach(
        session_id=session.session_id,
        epoch=worker.epoch,
        kind=str(session.kind),
        environment={**session.environment, **_records(session.environment, limits)},
        next_number=session.next_number,
        manifest=None if saved is None else saved.manifest,
        stream=stream,
        answers=answers,
        cell=described,
        policy=str(session.policy),
        notice=session.notice,
        buffers=tuple(buffers),
    )


def _records(environment: Json, limits: Limits) -> Json:
    """Whether frames are recorded for who looks at them: not if the coordinator or the notebook says off, or the
    notebook something that may mean it."""
    said = str((environment.get("env") or {}).get("CAESURA_RECORD_VARIABLES", "on")).strip().lower()
    return {"hidden_names": limits.hidden_names} if limits.hidden_names is not None and said in ("", "on") else {}


def _in_order(session: Session, saved: Saved) -> list[Operation]:
    answered = [op for op in session.operations.values() if op.op_id in saved.pending and op.is_answered]
    return sorted((op for op in answered if op.is_recorded), key=lambda op: op.answered_at)


def _answer(operation: Operation, buffer: int) -> Json:
    return {
        "op_id": operation.op_id,
        "ok": operation.ok,
        "at": operation.answered_at,
        "buffer": buffer,
        "uncertain": operation.uncertain,
        "text": operation.text,
    }


def facts_of(worker: Worker) -> Json:
    """What the records keep of a worker, for a coordinator that finds it alive."""
    return {
        "worker_id": worker.worker_id,
        "pid": worker.pid,
        "started": worker.started,
        "epoch": worker.epoch,
        "interrupt": worker.is_interrupted,
    }


def how_it_ended(pid: int, status: int | None) -> str:
    """How a process ended, as the rest of a sentence."""
    named = f"(pid {pid}) " if pid else ""
    if status is None:
        return f"{named}ended"
    if status < 0:
        try:
            return f"{named}was killed by {signal.Signals(-status).name}"
        except ValueError:
            return f"{named}was killed by signal {-status}"
    return f"{named}ended with exit status {status}"
