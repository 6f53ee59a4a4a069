"""What clients ask about sessions as a whole: list, park, attach and drop them; the outputs that are kept.

What lives here: finding the session that is meant, and the answers. What must not: the life of a session
(``sessions.py``), its way out of its worker (``parking.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol

from caesura import points
from caesura.coordinator.session_list import describe_ended, describe_open
from caesura.coordinator.state import Kind, Session
from caesura.errors import CaesuraError, UsageError
from caesura.store.records import Records
from caesura.store.rows import SessionRow
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

    def do_leaving(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        """A Jupyter Server is about to stop; its kernels are those with the shell ports ``ports``."""
        ports = {int(port) for port in params["ports"]}
        self._core.keeping.leaving(ports, lambda ids: answer({"kept": ids}))

    def do_sessions(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        """All notebooks, or those of ``path``; also ended ones whose outputs nobody has fetched."""
        core, path = self._core, str(params.get("path") or "")
        live = {each.session_id: each for each in core.live_sessions() if each.kind is Kind.NOTEBOOK}

        def read(records: Records) -> list[tuple[SessionRow, tuple[int, int, int]]]:
            rows = [row for row in records.sessions() if row.kind == Kind.NOTEBOOK and path in ("", row.name)]
            return [(row, records.kept_totals(row.id)) for row in rows]

        def then(found: list[tuple[SessionRow, tuple[int, int, int]]]) -> None:
            shown = []
            for row, totals in found:
                session = live.get(row.id)
                if session is not None and not session.is_ended:
                    shown.append(describe_open(core, session, totals))
                elif row.state == "ended" and totals[0]:
                    shown.append(describe_ended(row, totals))
            answer(shown)

        core.persist(read, then)

    def do_attach(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        """The next kernel of the notebook ``path`` (default: its own) goes on with the session ``of``."""
        session = self._one(str(params["of"]))
        if not session.is_kept:
            raise UsageError(
                f"The notebook {session.name or session.session_id} is open; only one that is kept can be attached."
            )
        session.name = str(params.get("path") or session.name)
        self._core.keeping.prefer(session, lambda: answer({"session_id": session.session_id, "path": session.name}))

    def do_drop(self, params: Json, answer: Answer, refuse: Refuse) -> None:
        """Give up a kept session, or the outputs of one that has ended."""
        named, core = str(params["of"]), self._core
        session = core.sessions.get(named)
        if session is None and named and named_sessions(core, named):
            session = self._one(named)
        if session is not None and not session.is_ended:
            if not session.is_kept:
                raise UsageError(
                    f"The notebook {session.name or session.session_id} is open; shut its kernel down to end it."
                )
            core.session.end(session, 0)
            named = session.session_id

        def record(records: Records) -> bool:
            points.reach("drop.before_record")
            return records.drop_session(named)

        def then(is_gone: bool) -> None:
            if is_gone:
                core.sweep_outputs(named)
                answer({"session_id": named, "dropped": True})
            else:
                refuse(UsageError(f"There is no session {named!r}. `caesura sessions` lists them."))

        core.persist(record, then, durable=True)

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
