"""CPython's suspended frames as plain state, and back.

Useful alone: it needs nothing of Caesura but its exceptions.
"""

from caesura.frames.api import (
    blank,
    blank_finished,
    drop,
    fill,
    make_awaitable,
    owner_of,
    read,
    read_awaitable,
    unavailable_reason,
)
from caesura.frames.state import NULL, Frame, FrameState, Kind, slot_names

__all__ = [
    "NULL",
    "Frame",
    "FrameState",
    "Kind",
    "blank",
    "blank_finished",
    "drop",
    "fill",
    "make_awaitable",
    "owner_of",
    "read",
    "read_awaitable",
    "slot_names",
    "unavailable_reason",
]
