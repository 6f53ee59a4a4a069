"""What the cell loop hands out and takes in. Frozen values; no behaviour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from caesura.model import Obstacle, Wait, Wake


@dataclass(frozen=True, slots=True)
class Block:
    """A moment at which no code of the user can run.

    ``serial`` numbers the blocks of this process, from 1. ``waits`` is what the user's code waits for, ``wake`` the
    condition under which it can go on, ``obstacles`` why the session cannot be moved (empty: it can). ``since`` is
    the wall time at which the block began.
    """

    serial: int
    waits: tuple[Wait, ...]
    obstacles: tuple[Obstacle, ...]
    wake: Wake
    since: float


@dataclass(frozen=True, slots=True)
class LoopState:
    """The session's clock at the moment of a freeze: the loop's time and the wall time."""

    time: float
    wall: float


@dataclass(frozen=True, slots=True)
class Delivery:
    """Something that came at wall time ``at`` while the session was not loaded; ``deliver()`` makes it happen."""

    at: float
    deliver: Callable[[], None]
