"""What clients ask about sessions as a whole: park one, the outputs that are kept of it.

What lives here: finding the session that is meant, and the answers. What must not: the life of a session
(``sessions.py``), its way out of its worker (``parking.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol

from caesura.coordinator.state import Kind, Session
from caesura.errors import CaesuraError, UsageError
from caesura.wire.messages import Json

if TYPE_CHECKING:
    from caesura.coordinator.core import Core


class Answer(Protocol):
    """The result of a request, as JSON, with the bytes that belong to it."""

    def __call__(self, result: Any, buffers: Sequence[bytes] = ()) -> None: ...


Refuse = Callable[[CaesuraError], None]


class SessionRequests:
    """Each method ``do_NAME`` gets the parameters of a request, and answers or refuses it, now or later."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def do_park(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        session = self._one(str(params["of"]))
        name = session.name or session.session_id

        def then(reason: str) -> None:
            if reason:
                refuse(UsageError(f"{name} is not parked: {reason}"))
            else:
                answer({"session_id": session.session_id, "name": session.name, "parked": True})

        self._core.parking.asked(session, then)

    def do_outputs(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        self._core.recorded.give(params, answer, refuse)

    def do_confirm(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        self._core.recorded.confirm(params, answer)

    def _one(self, named: str) -> Session:
        found = named_sessions(self._core, named) if named else []
        found = [session for session in found if session.kind is Kind.NOTEBOOK]
        if not found:
            raise UsageError(f"There is no notebook {named!r}. `caesura status` lists them.")
        if len(found) > 1:
            ids = ", ".join(session.session_id for session in found)
            raise UsageError(f"{named!r} names {len(found)} notebooks: {ids}. Give the id of one.")
        return found[0]


def named_sessions(core: Core, named: str) -> list[Session]:
    """The notebooks and functions with this name, path, id or beginning of an id; all if ``named`` is empty."""
    sessions = [session for session in core.live_sessions() if session.kind is not Kind.CLIENT]
    if not named:
        return sessions
    found = [each for each in sessions if named in (each.name, PurePath(each.name).name, each.session_id)]
    return found or [each for each in sessions if each.session_id.startswith(named)]
