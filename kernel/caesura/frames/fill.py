"""Writing plain state into fresh objects: all of them or none.

Everything that can fail (checks, allocations, references) happens first. Then one call that runs no bytecode, so that
no signal handler, no other thread and no collector sees a half-written frame, copies all of it into place.
"""

from __future__ import annotations

import collections
import ctypes
import gc
import operator
import struct
from collections.abc import Sequence
from types import CellType, NoneType
from typing import Any

from caesura.errors import InternalError
from caesura.frames.blank import is_fresh
from caesura.frames.bytecode import stop_problem, stops_awaiting
from caesura.frames.read import KINDS, WORD, locals_count, status_of
from caesura.frames.shape import Layout
from caesura.frames.state import NULL, Frame, FrameState, NullType, cell_slots

_Write = tuple[memoryview, slice, bytes]


def fill_frames(layout: Layout, pairs: Sequence[tuple[object, Frame]]) -> None:
    """Give every fresh object the state of its frame.

    Raises InternalError, and has changed nothing, if any pair does not fit. Finished frames need finished objects
    (``blank_finished``), which stay as they are.
    """
    seen: set[int] = set()
    for obj, frame in pairs:
        problem = "it is there twice" if id(obj) in seen else _misfit(layout, obj, frame)
        if problem is not None:
            raise InternalError(f"The frame of {frame.qualname} cannot be restored: {problem}.")
        seen.add(id(obj))
    writes: list[_Write] = []
    overwritten: list[object] = []
    owned: list[object] = []
    for obj, frame in pairs:
        if frame.status is not FrameState.FINISHED:
            overwritten += layout.slots.read(id(obj) + layout.first_slot, frame.nlocalsplus)
            owned += frame.slots
            if frame.exc is not None:
                owned.append(frame.exc)
            writes += _writes(layout, obj, frame)
    targets, places, values = (list(column) for column in zip(*writes, strict=True)) if writes else ([], [], [])
    collecting = gc.isenabled()
    gc.disable()
    try:
        layout.slots.own(owned)
        collections.deque(map(operator.setitem, targets, places, values), maxlen=0)
        layout.slots.release(overwritten)
    finally:
        if collecting:
            gc.enable()


def _misfit(layout: Layout, obj: object, frame: Frame) -> str | None:
    """Why ``obj`` cannot take the state of ``frame``, or None if it can."""
    if KINDS.get(type(obj)) != frame.kind:
        return f"a {type(obj).__qualname__} cannot take a {frame.kind}"
    if frame.status is FrameState.FINISHED:
        return None if status_of(layout, obj) is FrameState.FINISHED else "it has ended, its new object has not"
    if not is_fresh(layout, obj):
        return "its new object has been started already"
    code = layout.slots.object_at(id(obj) + layout.frame + layout.code)
    if frame.code is None or (code is not frame.code and code != frame.code):
        return "its new object runs other code"
    return _bad_slots(layout, frame) or stop_problem(frame.code, frame.resume, frame.status) or _bad_stop(frame)


def _bad_slots(layout: Layout, frame: Frame) -> str | None:
    assert frame.code is not None
    depth = len(frame.slots) - frame.nlocalsplus
    if frame.nlocalsplus != locals_count(layout, frame.code):
        return f"it has {frame.nlocalsplus} locals, its code {locals_count(layout, frame.code)}"
    # One place has to be free: going on pushes the sent value.
    if not 0 <= depth < frame.code.co_stacksize:
        return f"its stack has {depth} values, its code allows fewer than {frame.code.co_stacksize}"
    if depth and frame.status is FrameState.CREATED:
        return f"it was not started, but has {depth} values on its stack"
    for index in cell_slots(frame.code):
        # An instruction that expects a cell does not look before it reads.
        if not isinstance(frame.slots[index], CellType | NullType):
            return f"slot {index} has to be a cell"
    return None if isinstance(frame.exc, BaseException | NoneType) else "what it handles is not an exception"


def _bad_stop(frame: Frame) -> str | None:
    assert frame.code is not None
    if frame.status is FrameState.CREATED:
        return None
    if frame.awaiting != stops_awaiting(frame.code, frame.resume):
        return f"its code does not agree that awaiting is {frame.awaiting}"
    if frame.awaiting and (len(frame.slots) == frame.nlocalsplus or frame.slots[-1] is NULL):
        return "it awaits, but nothing is on its stack"
    return None


def _writes(layout: Layout, obj: object, frame: Frame) -> list[_Write]:
    """What to write where, in the order in which an observer would have to see it: state last."""
    size = layout.first_slot + WORD * len(frame.slots)
    memory = memoryview((ctypes.c_ubyte * size).from_address(id(obj))).cast("B")

    def put(offset: int, value: bytes) -> _Write:
        return memory, slice(offset, offset + len(value)), value

    pack = layout.slots.pack
    writes = [put(layout.first_slot, pack(frame.slots))]
    if frame.status is FrameState.CREATED:
        return writes
    if frame.exc is not None:
        writes.append(put(layout.exc_value, struct.pack("=Q", id(frame.exc))))
    if frame.kind == "async_generator":
        # The hooks belong to the loop of the old process: the new loop's run at the next iteration.
        writes.append(put(layout.closed, bytes([frame.closed])))
        writes.append(put(layout.running_async, bytes([frame.running_async])))
    instruction = id(_code_of(layout, obj)) + layout.co_code + frame.resume - layout.instruction_behind
    state = layout.suspended_awaiting if frame.awaiting else layout.suspended
    top = ("=Q", id(obj) + size) if layout.stacktop_is_pointer else ("=i", len(frame.slots))
    writes.append(put(layout.frame + layout.stacktop, struct.pack(*top)))
    writes.append(put(layout.frame + layout.instruction, struct.pack("=Q", instruction)))
    writes.append(put(layout.frame_state, struct.pack("=b", state)))
    return writes


def _code_of(layout: Layout, obj: object) -> Any:
    return layout.slots.object_at(id(obj) + layout.frame + layout.code)
