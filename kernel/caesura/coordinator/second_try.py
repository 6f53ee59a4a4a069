"""A session that could not be saved: held, and tried again, as what stood in the way may have gone.

Many obstacles pass while the cell waits for something else: a lock that a library held, an iterator half way through a
loop of its thread, a full store. What the worker sees without a save (threads, children, descriptors) it reports by
itself when it changes.

What lives here: when the next try is. What must not: how full the store is (``storage.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from caesura.coordinator.state import Session
from caesura.model import Obstacle

if TYPE_CHECKING:
    from caesura.coordinator.core import Core

_STORE: Final = "the store"
"""What an obstacle is called that is not the session's: there was no room for it, or it cannot be written."""
_STORE_S: Final = 60.0
_FIRST_S: Final = 5.0
_LONGEST_S: Final = 900.0
_SHARE: Final = 50.0
"""Tries take at most one part in so many of the time that the session is held."""


def note(core: Core, session: Session, serial: int, obstacles: Sequence[Obstacle], took_s: float) -> None:
    """The block ``serial`` was not saved because of ``obstacles``, which took ``took_s`` to find out."""
    if not obstacles:
        return
    place = (session.epoch, serial)
    if place != session.refused:
        session.refused, session.refusals = place, 0
    session.refusals += 1
    if any(obstacle.kind == _STORE for obstacle in obstacles):
        pause_s = _STORE_S
    else:
        pause_s = min(_LONGEST_S, max(_FIRST_S * 2.0 ** min(session.refusals - 1, 10), _SHARE * took_s))
    core.set_timer(core.now + pause_s, "again", session.session_id)


def try_again(core: Core, session: Session) -> None:
    """If it is in the same block still, decide anew as if nothing stood in the way."""
    block = session.block
    if block is None or (session.epoch, block.serial) != session.refused or session.move is not None:
        return
    session.block = replace(block, obstacles=())
    session.parks_refused = (0, 0)
    if session.cell is None:
        core.parking.has_blocked(session)
    else:
        core.decision.decide(session)
    core.pool.schedule()
