"""A session that could not be saved because the store is full: held, and tried again when there may be room.

What lives here: the second try. What must not: how full the store is (``storage.py``).
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
_LOOK_AGAIN_S: Final = 60.0


def note(core: Core, session: Session, obstacles: Sequence[Obstacle]) -> None:
    """The session was not saved because of ``obstacles``: look again later if it was the store."""
    if any(obstacle.kind == _STORE for obstacle in obstacles):
        core.set_timer(core.now + _LOOK_AGAIN_S, "room", session.session_id)


def look_again(core: Core, session: Session) -> None:
    """There may be room by now."""
    block = session.block
    if block is not None and any(obstacle.kind == _STORE for obstacle in block.obstacles):
        left = tuple(obstacle for obstacle in block.obstacles if obstacle.kind != _STORE)
        session.block = replace(block, obstacles=left)
        session.parks_refused = (0, 0)
        core.move.decide(session)
        core.pool.schedule()
