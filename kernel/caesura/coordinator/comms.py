"""Messages of the front end to widgets and other comms, which have no reply: while a cell is under way they overtake
the queue.

A cell that awaits may wait for just that message, as in ipykernel, and a widget that is moved while the cell is
suspended is expected to answer. What lives here: which messages go beside the queue, and when. What must not: what a
worker does with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from caesura.coordinator.commands import SendWorker
from caesura.coordinator.requests import WITHOUT_REPLY, Request
from caesura.coordinator.state import Session

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

_EXPECTS_NOTHING: Final = "comm_close"


def wants_session(session: Session) -> bool:
    """Whether the front end has said something to a comm of a suspended session and expects it to act."""
    return any(request.msg_type != _EXPECTS_NOTHING for request in session.beside)


class Comms:
    def __init__(self, core: Core) -> None:
        self._core = core

    def take(self, session: Session, request: Request) -> bool:
        """Take a client's request if it goes beside the queue; whether it does."""
        if session.cell is None or request.msg_type not in WITHOUT_REPLY:
            return False
        session.beside.append(request)
        self.hand_over(session)
        self._core.move.look_whether_due(session)
        return True

    def cell_begins(self, session: Session) -> None:
        """What is queued behind the cell overtakes what else is there."""
        self._put_beside(session, [request for request in session.queue if request.msg_type in WITHOUT_REPLY])
        self.hand_over(session)

    def _put_beside(self, session: Session, requests: Iterable[Request]) -> None:
        for request in requests:
            session.queue.remove(request)
            session.beside.append(request)

    def hand_over(self, session: Session) -> None:
        """Give the worker what is there, unless it is on its way out: then it comes back for it, or takes it after.

        Once the cell is over it has its turn before what is queued.
        """
        worker = session.worker
        if session.cell is None:
            session.queue.extendleft(reversed(session.beside))
            session.beside.clear()
        elif worker is not None and session.is_live and session.move is None and not session.is_settling:
            if session.beside:
                session.kept = None  # which does not know of them
            for request in session.beside:
                self._core.put(SendWorker(worker.worker_id, request.deliver()))
                session.last_used = self._core.now
            session.beside.clear()
