"""The life of a cell as a table: (state, event) → state.

What lives here: the states, the events and the one function that applies the table. What must not: who decides, who
sends. A pair that is not in the table is a bug of ours and raises :class:`~caesura.errors.InternalError`.
"""

from __future__ import annotations

import enum
from typing import Final

from caesura.errors import InternalError


class CellState(enum.StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    BLOCKED = "blocked"
    HELD = "held"
    FROZEN = "frozen"
    PREPARED = "prepared"
    RELEASED = "released"
    DUE = "due"  # queued to resume
    LOADING = "loading"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL: Final = frozenset({CellState.DONE, CellState.FAILED, CellState.CANCELLED})
ON_WORKER: Final = frozenset(
    {
        CellState.RUNNING,
        CellState.BLOCKED,
        CellState.HELD,
        CellState.FROZEN,
        CellState.PREPARED,
        CellState.LOADING,
    }
)
SUSPENDED: Final = frozenset({CellState.RELEASED, CellState.DUE})


class CellEvent(enum.StrEnum):
    START = "start"  # a worker begins it
    BLOCK = "block"  # every task of it waits
    HOLD = "hold"  # the decision is to stay, or it cannot be moved
    UNBLOCK = "unblock"  # an answer came while it was on its worker
    FREEZE = "freeze"  # the worker runs no user code from here
    PREPARE = "prepare"  # a snapshot is durable
    REFUSE = "refuse"  # the snapshot is not taken up; the cell goes on
    COMMIT = "commit"  # the worker may go
    WAKE = "wake"  # what it waits for has come
    LOAD = "load"  # a worker takes the snapshot up
    LOADED = "loaded"
    LOAD_FAILED = "load_failed"  # will be tried again
    WORKER_DIED = "worker_died"
    FINISH = "finish"
    FAIL = "fail"
    CANCEL = "cancel"
    RESUME_AGAIN = "resume_again"  # by hand, after a failure


_S, _E = CellState, CellEvent

_TABLE: Final[dict[tuple[CellState, CellEvent], CellState]] = {
    (_S.QUEUED, _E.START): _S.RUNNING,
    (_S.QUEUED, _E.CANCEL): _S.CANCELLED,
    (_S.QUEUED, _E.FAIL): _S.FAILED,
    (_S.RUNNING, _E.BLOCK): _S.BLOCKED,
    (_S.RUNNING, _E.FINISH): _S.DONE,
    (_S.RUNNING, _E.FAIL): _S.FAILED,
    (_S.RUNNING, _E.WORKER_DIED): _S.FAILED,
    (_S.RUNNING, _E.CANCEL): _S.CANCELLED,
    (_S.BLOCKED, _E.BLOCK): _S.BLOCKED,
    (_S.BLOCKED, _E.HOLD): _S.HELD,
    (_S.BLOCKED, _E.FREEZE): _S.FROZEN,
    (_S.BLOCKED, _E.UNBLOCK): _S.RUNNING,
    (_S.BLOCKED, _E.FINISH): _S.DONE,
    (_S.BLOCKED, _E.FAIL): _S.FAILED,
    (_S.BLOCKED, _E.WORKER_DIED): _S.FAILED,
    (_S.BLOCKED, _E.CANCEL): _S.CANCELLED,
    (_S.HELD, _E.BLOCK): _S.BLOCKED,
    (_S.HELD, _E.HOLD): _S.HELD,
    (_S.HELD, _E.FREEZE): _S.FROZEN,
    (_S.HELD, _E.UNBLOCK): _S.RUNNING,
    (_S.HELD, _E.FINISH): _S.DONE,
    (_S.HELD, _E.FAIL): _S.FAILED,
    (_S.HELD, _E.WORKER_DIED): _S.FAILED,
    (_S.HELD, _E.CANCEL): _S.CANCELLED,
    (_S.FROZEN, _E.PREPARE): _S.PREPARED,
    (_S.FROZEN, _E.REFUSE): _S.HELD,
    (_S.FROZEN, _E.WORKER_DIED): _S.FAILED,
    (_S.FROZEN, _E.CANCEL): _S.CANCELLED,
    (_S.PREPARED, _E.COMMIT): _S.RELEASED,
    (_S.PREPARED, _E.REFUSE): _S.HELD,
    (_S.PREPARED, _E.WORKER_DIED): _S.RELEASED,  # nothing ran since: the snapshot is committed in its place
    (_S.PREPARED, _E.CANCEL): _S.CANCELLED,
    (_S.RELEASED, _E.WAKE): _S.DUE,
    (_S.RELEASED, _E.CANCEL): _S.CANCELLED,
    (_S.RELEASED, _E.FAIL): _S.FAILED,
    (_S.DUE, _E.LOAD): _S.LOADING,
    (_S.DUE, _E.CANCEL): _S.CANCELLED,
    (_S.DUE, _E.FAIL): _S.FAILED,
    (_S.LOADING, _E.LOADED): _S.RUNNING,
    (_S.LOADING, _E.LOAD_FAILED): _S.DUE,
    (_S.LOADING, _E.WORKER_DIED): _S.DUE,
    (_S.LOADING, _E.FAIL): _S.FAILED,
    (_S.LOADING, _E.CANCEL): _S.CANCELLED,
    (_S.FAILED, _E.RESUME_AGAIN): _S.DUE,
}


def next_state(state: CellState, event: CellEvent) -> CellState:
    """The state after ``event``; InternalError if the event cannot happen in ``state``."""
    try:
        return _TABLE[state, event]
    except KeyError:
        raise InternalError(f"a cell that is {state} cannot {event}") from None


def transitions() -> dict[tuple[CellState, CellEvent], CellState]:
    """A copy of the whole table, for the documentation and the tests."""
    return dict(_TABLE)
