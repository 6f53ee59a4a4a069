"""Reading a coroutine, generator or async generator into plain state."""

from __future__ import annotations

import ctypes
import types
from collections.abc import Mapping
from typing import Any, Final

from caesura.errors import CannotMove, InternalError
from caesura.frames.bytecode import stop_problem, stops_awaiting
from caesura.frames.shape import Layout
from caesura.frames.state import CO_OPTIMIZED, Frame, FrameState, Kind

KINDS: Final[Mapping[type, Kind]] = {
    types.CoroutineType: "coroutine",
    types.GeneratorType: "generator",
    types.AsyncGeneratorType: "async_generator",
}
_PREFIX: Final[Mapping[Kind, str]] = {"coroutine": "cr", "generator": "gi", "async_generator": "ag"}
WORD: Final = 8
"""Bytes of a slot."""

_header_bytes: Final[dict[int, Any]] = {}


def kind_of_object(obj: object) -> Kind:
    """Which of the three ``obj`` is. Raises CannotMove for anything else, also for subclasses and look-alikes."""
    kind = KINDS.get(type(obj))
    if kind is None:
        raise CannotMove(type(obj).__qualname__, remedy="It has no frame that can be read.")
    return kind


def header(layout: Layout, obj: object) -> tuple[int, ...]:
    """The fields named at ``Layout.header``, read from ``obj``."""
    size = layout.header.size
    if size not in _header_bytes:
        _header_bytes[size] = ctypes.c_char * size
    return layout.header.unpack_from(_header_bytes[size].from_address(id(obj)))


def status_of(layout: Layout, obj: object) -> FrameState | None:
    """How far ``obj`` has come, or None while it runs."""
    return _status(layout, header(layout, obj)[4])


def _status(layout: Layout, state: int) -> FrameState | None:
    if state == layout.created:
        return FrameState.CREATED
    if state in (layout.suspended, layout.suspended_awaiting):
        return FrameState.SUSPENDED
    return FrameState.FINISHED if state >= layout.finished else None


def read_frame(layout: Layout, obj: Any) -> Frame:
    """The plain state of ``obj``; nothing of it changes and no code of anybody runs.

    Raises CannotMove if it runs at the moment, or is not one of the three types.
    """
    kind = kind_of_object(obj)
    raw_exc, hooks, closed, running, state, raw_locals, instruction, stacktop, _owner = header(layout, obj)
    status = _status(layout, state)
    if status is None:
        raise CannotMove(f"running {kind.replace('_', ' ')}", _place(obj, kind), "It can be moved while it waits.")
    if status is FrameState.FINISHED:
        return _finished(obj, kind)
    slots = layout.slots
    base = id(obj) + layout.frame
    code = slots.object_at(base + layout.code)
    function = slots.object_at(base + layout.function)
    if not isinstance(code, types.CodeType) or not isinstance(function, types.FunctionType):
        raise InternalError(f"The frame of {obj.__qualname__} has no code or function where they are expected.")
    nlocalsplus = locals_count(layout, code)
    depth = _depth(layout, obj, stacktop)
    if not nlocalsplus <= depth <= nlocalsplus + code.co_stacksize:
        raise InternalError(f"The frame of {obj.__qualname__} has an impossible stack depth {depth}.")
    resume = instruction - id(code) - layout.co_code + layout.instruction_behind
    problem = stop_problem(code, resume, status)
    if problem is not None:
        raise InternalError(f"The frame of {obj.__qualname__} cannot be read: {problem}.")
    # In a function this field is a cache of locals(), not state.
    module_level = not code.co_flags & CO_OPTIMIZED
    exc = slots.object_at(id(obj) + layout.exc_value) if raw_exc else None
    is_async_generator = kind == "async_generator"
    return Frame(
        kind=kind,
        status=status,
        name=obj.__name__,
        qualname=obj.__qualname__,
        code=code,
        function=None if module_level else function,
        globals=function.__globals__,
        locals=_namespace(slots.object_at(base + layout.locals)) if module_level and raw_locals else None,
        slots=slots.read(id(obj) + layout.first_slot, depth),
        nlocalsplus=nlocalsplus,
        resume=resume,
        awaiting=status is FrameState.SUSPENDED and stops_awaiting(code, resume),
        exc=exc if isinstance(exc, BaseException) else None,
        closed=is_async_generator and bool(closed),
        hooks_inited=is_async_generator and bool(hooks),
        running_async=is_async_generator and bool(running),
    )


def stack_depth(layout: Layout, obj: object) -> int:
    """How many slots of the frame of ``obj`` are in use, locals included."""
    return _depth(layout, obj, header(layout, obj)[7])


def _depth(layout: Layout, obj: object, stacktop: int) -> int:
    return (stacktop - id(obj) - layout.first_slot) // WORD if layout.stacktop_is_pointer else stacktop


def locals_count(layout: Layout, code: types.CodeType) -> int:
    """How many slots of a frame of ``code`` lie below its value stack."""
    return ctypes.c_int.from_address(id(code) + layout.co_nlocalsplus).value


def _finished(obj: Any, kind: Kind) -> Frame:
    """A finished object's frame is cleared: only what the public attributes tell may be used."""
    code: types.CodeType = getattr(obj, f"{_PREFIX[kind]}_code")
    return Frame(
        kind=kind,
        status=FrameState.FINISHED,
        name=obj.__name__,
        qualname=obj.__qualname__,
        code=code,
        function=None,
        globals={},
        locals=None,
        slots=[],
        nlocalsplus=0,
        resume=0,
        awaiting=False,
        exc=None,
        closed=False,
        hooks_inited=False,
        running_async=False,
    )


def _namespace(found: object) -> dict[str, object]:
    if not isinstance(found, dict):
        raise CannotMove(type(found).__qualname__, remedy="Code runs in this namespace, which is not a plain dict.")
    return found


def _place(obj: Any, kind: Kind) -> str:
    """Name, file and line of a running object, for the message."""
    frame = getattr(obj, f"{_PREFIX[kind]}_frame")
    code = getattr(obj, f"{_PREFIX[kind]}_code")
    line = code.co_firstlineno if frame is None else frame.f_lineno
    return f"{obj.__qualname__} ({code.co_filename}:{line})"
