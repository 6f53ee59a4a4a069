"""The plain state of a frame: values only.

What lives here: the sentinel for an empty slot, and the dataclass that reading gives and writing takes. What must
not: ctypes, layouts, anything that touches an interpreter's memory.
"""

from __future__ import annotations

import enum
import types
from dataclasses import dataclass
from typing import Final, Literal, final

Kind = Literal["coroutine", "generator", "async_generator"]

CO_OPTIMIZED: Final = 0x0001
CO_NEWLOCALS: Final = 0x0002


@final
class NullType:
    """The type of :data:`NULL`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "NULL"

    def __reduce__(self) -> str:
        return "NULL"


NULL: Final = NullType()
"""Stands for a slot that holds no object: an unbound local, or the empty place of the call convention."""


@final
class TaggedInteger(int):
    """A slot that holds a number of the interpreter's own and no object (from 3.14 on)."""

    __slots__ = ()


class FrameState(enum.Enum):
    """How far a coroutine, generator or async generator has come. A running one has no state that can be read."""

    CREATED = "created"
    SUSPENDED = "suspended"
    FINISHED = "finished"


@dataclass(slots=True)
class Frame:
    """Everything that is needed to build one coroutine, generator or async generator again.

    ``slots`` are the locals (arguments, variables, cells, free variables) and then the value stack, bottom first, with
    :data:`NULL` where a slot is empty and :class:`TaggedInteger` where it holds a number and no object.
    ``resume`` is the byte offset in ``code.co_code`` at which it goes on: of the RESUME after its yield, or of what
    follows RETURN_GENERATOR if it was never started.
    ``function`` and ``locals`` exclude each other: module-level code has ``locals``, its namespace.
    The three flags after ``exc`` have a meaning for async generators only and are False otherwise.
    """

    kind: Kind
    status: FrameState
    name: str
    qualname: str
    code: types.CodeType | None
    function: types.FunctionType | None
    globals: dict[str, object]
    locals: dict[str, object] | None
    slots: list[object]
    nlocalsplus: int
    resume: int
    awaiting: bool
    exc: BaseException | None
    closed: bool
    hooks_inited: bool
    running_async: bool


def slot_names(frame: Frame) -> list[str]:
    """One name for each slot of ``frame``, for messages: ``local x``, ``free y``, ``stack[2]``."""
    names = [] if frame.code is None else local_names(frame.code)
    depth = len(frame.slots) - len(names)
    return [*names, *(f"stack[{index}]" for index in range(depth))]


def local_names(code: types.CodeType) -> list[str]:
    """The names of the slots below the value stack, in order (CPython's ``co_localsplusnames``)."""
    arguments = set(code.co_varnames)
    names = [f"local {name}" for name in code.co_varnames]
    names += [f"local {name}" for name in code.co_cellvars if name not in arguments]
    names += [f"free {name}" for name in code.co_freevars]
    return names


def cell_slots(code: types.CodeType) -> frozenset[int]:
    """The indexes of the slots that hold cells, once the start of ``code`` has run."""
    names = list(code.co_varnames)
    arguments = set(names)
    names += [name for name in code.co_cellvars if name not in arguments]
    cells = set(code.co_cellvars)
    own = {index for index, name in enumerate(names) if name in cells}
    return frozenset(own | set(range(len(names), len(names) + len(code.co_freevars))))
