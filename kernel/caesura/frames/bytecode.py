"""What the bytecode says about the places where a frame may stop.

What lives here: questions about a code object, answered from its public ``co_code``, in which nothing is specialised
or instrumented. What must not: addresses.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from opcode import opmap
from typing import Final

from caesura.frames.state import FrameState, Kind

UNIT: Final = 2
"""Bytes of one instruction."""

_ABSENT: Final = -1
"""Equals no byte: on another implementation no code has these places."""

_RESUME: Final = opmap.get("RESUME", _ABSENT)
_YIELD_VALUE: Final = opmap.get("YIELD_VALUE", _ABSENT)
_RETURN_GENERATOR: Final = opmap.get("RETURN_GENERATOR", _ABSENT)
_BEFORE_CREATION: Final = frozenset(
    opmap.get(name, _ABSENT) for name in ("COPY_FREE_VARS", "MAKE_CELL", "EXTENDED_ARG", "NOP")
)

_FLAGS: Final[Mapping[Kind, int]] = {
    "generator": inspect.CO_GENERATOR,
    "coroutine": inspect.CO_COROUTINE,
    "async_generator": inspect.CO_ASYNC_GENERATOR,
}
_ANY_KIND: Final = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


def kind_of(code: types.CodeType) -> Kind | None:
    """What calling a function of this code gives, or None if it simply runs."""
    for kind, flag in _FLAGS.items():
        if code.co_flags & _ANY_KIND == flag:
            return kind
    return None


def entry_offset(code: types.CodeType) -> int | None:
    """The byte offset at which a frame of ``code`` starts after its creation, or None if it does not wait there."""
    raw = code.co_code
    for offset in range(0, len(raw), UNIT):
        if raw[offset] == _RETURN_GENERATOR:
            return offset + UNIT
        if raw[offset] not in _BEFORE_CREATION:
            return None
    return None


def stop_problem(code: types.CodeType, resume: int, status: FrameState) -> str | None:
    """Why a frame of ``code`` with this status cannot go on at byte offset ``resume``, or None if it can."""
    raw = code.co_code
    if status is FrameState.CREATED:
        entry = entry_offset(code)
        return None if resume == entry else f"it was not started, but would go on at offset {resume}, not {entry}"
    if resume % UNIT or not UNIT <= resume < len(raw):
        return f"offset {resume} is not inside its {len(raw)} bytes of code"
    if raw[resume] != _RESUME:
        return f"there is no RESUME at offset {resume}"
    if raw[resume - UNIT] != _YIELD_VALUE:
        return f"there is no YIELD_VALUE before offset {resume}"
    return None


def stops_awaiting(code: types.CodeType, resume: int) -> bool:
    """Whether the RESUME at ``resume`` follows an ``await`` or ``yield from``, not a plain ``yield``.

    Its operand is 1 after yield, 2 after yield from, 3 after await, with more bits above from 3.13 on.
    """
    return code.co_code[resume + 1] & 3 >= 2
