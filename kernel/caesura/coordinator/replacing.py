"""A user wants another process in the place of a worker: what its session holds is saved, and goes on in the new one.

What lives here: who is asked to leave, what is told to who asked. What must not: how a session is saved
(``moves.py``), who gets a worker (``pool.py``). A worker whose session cannot be saved is ended only with ``force``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from caesura.coordinator.commands import KillWorker
from caesura.coordinator.session_requests import Answer, Refuse
from caesura.coordinator.state import Session, Worker
from caesura.errors import UsageError, WouldLoseState
from caesura.policy import UNKNOWN, Decision
from caesura.wire.life import CellEvent, CellState
from caesura.wire.messages import Json

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

_WAITING = (CellState.BLOCKED, CellState.HELD)

BY_HAND = Decision("suspend", None, None, UNKNOWN, "its process is replaced by hand")


class Replacing:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._asked: dict[str, tuple[Worker, Json, Answer, Refuse]] = {}  # by session

    def do_restart_worker(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        """Replace the worker ``of`` (its id or pid). WouldLoseState if its session cannot be saved, unless ``force``
        says to end it all the same."""
        core, worker = self._core, self._worker(str(params["of"]))
        session = core.sessions.get(worker.session_id)
        if session is None or session.worker is not worker or worker.leaving or not worker.is_loaded:
            raise UsageError(
                f"The worker {worker.pid or worker.worker_id} is {worker.state}; there is nothing to replace."
            )
        if session.session_id in self._asked:
            raise UsageError(f"The worker {worker.pid} is being replaced already.")
        self._asked[session.session_id] = (worker, params, answer, refuse)
        cell = session.cell
        if cell is None and session.current is None and not session.queue:
            core.parking.asked(session, lambda reason: self._settled(session, reason))
        elif cell is not None and session.move is not None:
            pass  # it is on its way out, or it stays, and is asked to leave then
        elif cell is None or cell.state not in _WAITING or session.block is None:
            self._settled(session, "it runs code")
        elif session.block.obstacles:
            self._settled(session, "; ".join(map(str, session.block.obstacles)))
        else:
            core.decision.suspend(session, BY_HAND)

    def _worker(self, named: str) -> Worker:
        for worker in self._core.workers.values():
            if named in (worker.worker_id, str(worker.pid)) and named != "0":
                return worker
        raise UsageError(f"There is no worker {named!r}. `caesura status` lists them.")

    # --- how it went ------------------------------------------------------------------------------------------------

    def is_out(self, session: Session) -> None:
        """The session has left its worker."""
        if session.session_id in self._asked and session.cell is not None:
            self._settled(session, "")

    def wants_out(self, session: Session) -> bool:
        """Whether it is asked to leave its worker, and has not left."""
        return session.session_id in self._asked

    def stays(self, session: Session) -> None:
        """The session was to leave its worker and has not. One that was saved for another reason may still leave."""
        cell, block = session.cell, session.block
        if session.session_id not in self._asked or cell is None:
            return
        obstacles = () if block is None else block.obstacles
        if obstacles or block is None or cell.state not in _WAITING:
            self._settled(session, "; ".join(map(str, obstacles)) or "what it waits for came first, and it runs code")

    def is_over(self, session: Session) -> None:
        """The session was restarted or has ended, and its worker with it."""
        if (asked := self._asked.pop(session.session_id, None)) is not None:
            worker, _, _, refuse = asked
            refuse(UsageError(f"The worker {worker.pid} has ended before its session was saved."))

    def _settled(self, session: Session, reason: str) -> None:
        asked = self._asked.pop(session.session_id, None)
        if asked is None:
            return
        worker, params, answer, refuse = asked
        result = {"worker_id": worker.worker_id, "pid": worker.pid, "session_id": session.session_id}
        name = session.name or session.session_id
        if not reason:
            if session.saved is not None and not session.is_due:
                bring_back(self._core, session)
            answer({**result, "lost": False})
        elif params.get("force"):
            self._core.put(KillWorker(worker.worker_id))
            answer({**result, "lost": True})
        else:
            text = f"{name} cannot be saved: {reason}. Ended all the same, it loses its variables, and its cell fails."
            refuse(WouldLoseState(text))


def bring_back(core: Core, session: Session) -> None:
    """Give a session that lives in a snapshot a process now."""
    cell = session.cell
    session.is_due = True
    core.cancel_timer("wake", session.session_id)
    if cell is not None and cell.state is CellState.RELEASED:
        core.cell.apply(session, cell, CellEvent.WAKE)
    core.pool.want(session)
