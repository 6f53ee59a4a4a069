"""A session between cells leaves its worker: after an idle time, for who needs the worker, or because it is asked to.

What lives here: when, and what is told to who asked. What must not: how a session is saved (``moves.py``), whose worker
is taken for whom (``pool.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from caesura.coordinator.limits import parse_seconds
from caesura.coordinator.state import Kind, Session
from caesura.errors import UsageError
from caesura.model import next_due

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

_WORTH_S: Final = 10.0
"""A session whose own timer is due sooner stays where it is: it would be back at once."""
_WORTH_ALONE_S: Final = 1.0
"""The same for one that nobody has open."""
_PATIENCE_S: Final = 5.0
"""For how long who asks for it waits for code of the notebook's that runs between its cells."""


class Parking:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._asked: dict[str, list[Callable[[str], None]]] = {}

    def may(self, session: Session) -> bool:
        """Whether it holds a worker for nothing and can be saved, as far as is known."""
        block = session.block
        return (
            session.is_idle
            and session.move is None
            and block is not None
            and block.cell_id == ""
            and not block.obstacles
            and (session.epoch, block.serial) != session.parks_refused
        )

    def park(self, session: Session) -> None:
        """Save it now."""
        assert session.block is not None
        self._core.move.freeze(session, session.block)

    def has_blocked(self, session: Session) -> None:
        """Between cells nothing can run in its worker."""
        if session.session_id in self._asked:
            self._try(session)
        if not session.is_park_timer_set:
            self._look_at(session, self._due(session))

    def look(self, session: Session) -> None:
        """It may have been idle for long enough."""
        session.is_park_timer_set = False
        if session.session_id in self._asked and session.move is None:
            self.settled(session, "Code of the notebook runs between its cells; interrupt it, or try again later.")
            return
        due = self._due(session)
        if due is None or not self.may(session):
            return  # the next block looks again
        if due > self._core.now:
            self._look_at(session, due)
        else:
            self.park(session)

    def _look_at(self, session: Session, due: float | None) -> None:
        if due is not None:
            session.is_park_timer_set = True
            self._core.set_timer(due, "park", session.session_id)

    def _due(self, session: Session) -> float | None:
        """When it has been idle for long enough; None if that does not come."""
        after_s, block = (0.0 if session.is_kept else session.park_after_s), session.block
        if session.kind is not Kind.NOTEBOOK or after_s is None or block is None:
            return None
        wakes_at = next_due(block.wake, session.answers())
        worth_s = _WORTH_ALONE_S if session.is_kept else min(_WORTH_S, after_s)
        if wakes_at is not None and wakes_at - self._core.now < worth_s:
            return None
        return max(session.last_used, session.active_since) + after_s

    # --- on request -------------------------------------------------------------------------------------------------

    def asked(self, session: Session, then: Callable[[str], None]) -> None:
        """Somebody wants it parked now; ``then`` gets the empty string when it is, or why it is not.

        UsageError if it cannot be, because a cell runs in it.
        """
        cell = session.cell
        if cell is not None and session.worker is not None:
            raise UsageError(
                f"{session.name or session.session_id} runs a cell ({cell.state}); it can be parked when the cell is "
                "over. Interrupt it, or wait."
            )
        if session.worker is None:
            then("")
            return
        self._asked.setdefault(session.session_id, []).append(then)
        self._core.set_timer(self._core.now + _PATIENCE_S, "park", session.session_id)
        session.is_park_timer_set = True
        self._try(session)

    def _try(self, session: Session) -> None:
        block = session.block
        if block is None or session.move is not None:
            return
        if block.obstacles and (session.epoch, block.serial) != session.parks_refused:
            self.settled(session, "; ".join(map(str, block.obstacles)))
        elif session.is_idle:
            self.park(session)

    def settled(self, session: Session, reason: str) -> None:
        """It is parked (the empty string), or it cannot be."""
        for then in self._asked.pop(session.session_id, ()):
            then(reason)


def park_after(env: Mapping[str, Any], default: float | None) -> tuple[float | None, str]:
    """The idle time of a notebook with the variables ``env`` (None: never), and what to tell its user."""
    text = str(env.get("CAESURA_PARK_AFTER") or "")
    if not text:
        return default, ""
    try:
        return parse_seconds("CAESURA_PARK_AFTER", text), ""
    except UsageError as error:
        now = "is not parked by itself" if default is None else f"is parked after {default:g} s"
        return default, f"{error} This notebook {now}.\n"
