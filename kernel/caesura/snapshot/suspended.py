"""Coroutines, generators, async generators, and the helpers between an ``await`` and its target.

Each is written as an empty object; its frame follows behind everything else. So a chain of awaits is flat, however deep
it is, and all frames are filled in the last step of a load.
"""

from __future__ import annotations

import types
from collections.abc import Sequence
from typing import Any

from caesura import frames
from caesura.errors import CannotMove
from caesura.snapshot.reducing import Pickling, Reduced
from caesura.snapshot.restoring import current


def reduce_suspended(pickler: Pickling, obj: Any) -> Reduced:
    reason = frames.unavailable_reason()
    if reason is not None:
        raise CannotMove(type(obj).__qualname__, remedy=f"Suspended frames cannot be moved: {reason}.")
    frame = frames.read(obj)
    if frame.status is frames.FrameState.FINISHED:
        return frames.blank_finished, (frame.kind, frame.name, frame.qualname)
    assert frame.code is not None
    free = len(frame.code.co_freevars)
    closure = tuple(frame.slots[frame.nlocalsplus - free : frame.nlocalsplus]) if free else None
    function_globals = pickler.globals_of(frame.globals, frame.code)
    function = frame.function
    if function is not None and function.__code__.co_freevars != frame.code.co_freevars:
        function = None  # the function was given other code since this frame was made
    head = (frame.kind, frame.code, function, function_globals, frame.locals, frame.name, frame.qualname, closure)
    flags = (frame.closed, frame.hooks_inited, frame.running_async)
    state = (frame.status, frame.slots, frame.nlocalsplus, frame.resume, frame.awaiting, frame.exc, *flags)
    pickler.later("frame", obj, (*head[:-1], *state))
    return make_blank, head


def make_blank(
    kind: frames.Kind,
    code: types.CodeType,
    function: types.FunctionType | None,
    function_globals: dict[str, object],
    namespace: dict[str, object] | None,
    name: str,
    qualname: str,
    closure: tuple[types.CellType, ...] | None,
) -> object:
    blank = frames.blank(kind, code, function, function_globals, namespace, name, qualname, closure)
    return current().made(blank)


def frame_of(state: Sequence[Any]) -> frames.Frame:
    """The frame that :func:`reduce_suspended` took apart."""
    kind, code, function, function_globals, namespace, name, qualname, status, *rest = state
    return frames.Frame(kind, status, name, qualname, code, function, function_globals, namespace, *rest)


def reduce_awaitable(pickler: Pickling, obj: object) -> Reduced:
    return make_awaitable, frames.read_awaitable(obj)


def make_awaitable(kind: str, parts: tuple[object, ...], state: int) -> object:
    return current().made(frames.make_awaitable(kind, parts, state))
