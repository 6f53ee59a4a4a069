"""Whose frame a frame object shows."""

from __future__ import annotations

import ctypes
import types
from typing import Final

from caesura.frames.peek import byte, word
from caesura.frames.read import status_of
from caesura.frames.shape import Layout
from caesura.frames.state import FrameState

SHOWN: Final = 24
"""Where a frame object has the address of the frame that it shows: ``f_frame`` of ``struct _frame``, the same in
CPython 3.11 to 3.14 (Include/internal/pycore_frame.h)."""

OWNED_BY_GENERATOR: Final = 1
"""``FRAME_OWNED_BY_GENERATOR`` of ``enum _frameowner``: the frame is a part of the generator object itself."""


def owner_of(layout: Layout, frame: types.FrameType) -> object | None:
    """The coroutine, generator or async generator that waits in ``frame``; None if none does (any more)."""
    shown = word(id(frame) + SHOWN)
    if byte(shown + layout.owner) != OWNED_BY_GENERATOR:
        return None
    owner: object = ctypes.cast(shown - layout.frame, ctypes.py_object).value
    return owner if status_of(layout, owner) in (FrameState.CREATED, FrameState.SUSPENDED) else None
