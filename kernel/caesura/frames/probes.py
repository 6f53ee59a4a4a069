"""What the self-check asks of objects whose contents are known.

The order matters, so that a wrong layout gives a reason and not a crash: first sizes, then words compared as numbers
with the addresses of known objects, and only when all agree is a pointer followed or a word written.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any, Final

from caesura.frames import awaitables, probes_states
from caesura.frames.blank import blank_frame, builtins_of, drop_frame
from caesura.frames.bytecode import entry_offset
from caesura.frames.fill import fill_frames
from caesura.frames.owner import SHOWN, owner_of
from caesura.frames.peek import byte, integer, word
from caesura.frames.probes_states import Checks, pause
from caesura.frames.read import read_frame, stack_depth
from caesura.frames.shape import Layout
from caesura.frames.state import FrameState


def _probe(first: object, log: list[object]) -> tuple[types.FunctionType, Callable[[], Any]]:
    """A coroutine function with a cell, a free variable, an unbound local and operands on its stack at the await."""

    async def probe(given: object, *, named: object = None) -> object:
        shared = given
        if given is log:
            unbound = given
        try:
            result = (first, given, await pause("asked"), named, (lambda: shared)())
            log.append(result)
        finally:
            log.append("finally")
        return unbound if given is log else result

    assert isinstance(probe, types.FunctionType)
    return probe, lambda: probe("given", named="named")


def _announced(layout: Layout) -> Checks:
    """From 3.13 on the interpreter itself says where some fields are (``_Py_DebugOffsets``)."""
    if not layout.announced:
        return
    table = (ctypes.c_uint64 * (max(layout.announced.values()) + 1)).in_dll(ctypes.pythonapi, "_PyRuntime")
    yield "runtime cookie", bytes(table)[:8] == b"xdebugpy"
    yield "announced version", table[1] == sys.hexversion
    yield "announced threading", table[2] == 0
    for name, place in layout.announced.items():
        yield f"announced offset of {name}", table[place] == getattr(layout, name)


def _sizes(layout: Layout) -> Checks:
    for kind in (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType):
        yield f"size of {kind.__name__}", kind.__basicsize__ == layout.first_slot
    function, call = _probe(None, [])
    code = function.__code__
    words = _localsplus(code) + code.co_stacksize
    with contextlib.closing(call()) as coroutine:
        # getsizeof adds the collector's header.
        yield "size of a frame", sys.getsizeof(coroutine) == layout.first_slot + 8 * words + 16


def _created(layout: Layout) -> Checks:
    function, call = _probe(None, [])
    coroutine = call()
    with contextlib.closing(coroutine):
        yield from _fresh(layout, coroutine, function)


def _fresh(layout: Layout, coroutine: object, function: types.FunctionType) -> Checks:
    pointer = layout.slots.pointer_at
    frame = id(coroutine) + layout.frame
    yield "owner of a fresh frame", byte(frame + layout.owner) == 1
    yield "created state", byte(id(coroutine) + layout.frame_state) == layout.created
    yield "code pointer", pointer(frame + layout.code) == id(function.__code__)
    yield "function pointer", pointer(frame + layout.function) == id(function)
    yield "first instruction", _resume(layout, coroutine, function.__code__) == entry_offset(function.__code__)


def _suspended(layout: Layout) -> Checks:
    first = object()
    function, call = _probe(first, [])
    code = function.__code__
    coroutine = call()
    yield "value of the probe", coroutine.send(None) == "asked"
    frame, pointer = id(coroutine) + layout.frame, layout.slots.pointer_at
    yield "suspended state", byte(id(coroutine) + layout.frame_state) == layout.suspended_awaiting
    yield "name pointer", word(id(coroutine) + layout.name) == id(coroutine.__name__)
    yield "code pointer", pointer(frame + layout.code) == id(code)
    yield "function pointer", pointer(frame + layout.function) == id(function)
    yield "globals pointer", word(frame + layout.globals) == id(function.__globals__)
    yield "builtins pointer", word(frame + layout.builtins) == id(builtins_of(function))
    yield "frame locals", word(frame + layout.locals) == 0
    yield "owner", byte(frame + layout.owner) == 1
    codes = (code, _suspended.__code__, _localsplus.__code__, word.__code__)
    numbers = [integer(id(each) + layout.co_nlocalsplus) for each in codes]
    yield "number of locals", numbers == [_localsplus(each) for each in codes]
    count = _localsplus(code)
    yield "stack depth", stack_depth(layout, coroutine) == count + 3
    words = [pointer(id(coroutine) + layout.first_slot + 8 * index) for index in range(count + 3)]
    yield "awaited object", words[-1] == id(coroutine.cr_await)
    yield "operand", words[count] == id(first)
    shown = coroutine.cr_frame  # made on demand
    yield "frame object", word(frame + layout.frame_object) == id(shown)
    yield "frame of a frame object", word(id(shown) + SHOWN) == frame
    yield "owner of a frame object", owner_of(layout, shown) is coroutine
    referents = [id(found) for found in gc.get_referents(coroutine)]
    full = [word for word in words if word]
    yield "slots", referents[-len(full) :] == full and len(full) < len(words)
    yield "instruction", word(frame + layout.instruction) == id(code) + layout.co_code + shown.f_lasti
    drop_frame(layout, coroutine)


def _reading(layout: Layout) -> Checks:
    log: list[object] = []
    function, call = _probe("first", log)
    coroutine = call()
    coroutine.send(None)
    frame = read_frame(layout, coroutine)
    yield "state as read", frame.status is FrameState.SUSPENDED and frame.awaiting and frame.function is function
    yield "values as read", frame.slots[frame.nlocalsplus :] == ["first", "given", coroutine.cr_await]
    yield "locals as read", frame.slots[1] == "named"
    drop_frame(layout, coroutine)
    del coroutine
    yield "dropping", log == []


def _helpers(layout: Layout) -> Checks:
    for kind, size in awaitables.SIZES.items():
        yield f"size of {kind.__name__}", kind.__basicsize__ == size
    sent = object()
    yield from awaitables.differences(layout, sent)


def _writing(layout: Layout) -> Checks:
    log: list[object] = []
    function, call = _probe("first", log)
    original = call()
    original.send(None)
    frame = read_frame(layout, original)
    copy: Any = blank_frame(
        layout, "coroutine", function.__code__, function, function.__globals__, None, "copy", "copy", None
    )
    before = sys.getrefcount(frame.slots[-1])
    fill_frames(layout, [(copy, frame)])
    yield "reference counts", sys.getrefcount(frame.slots[-1]) == before + 1
    # Both hold the same inner generator: only one of them may go on.
    drop_frame(layout, original)
    try:
        copy.send("answer")
    except StopIteration as stop:
        expected = ("first", "given", "answer", "named", "given")
        yield "restored result", stop.value == expected and log == [expected, "finally"]
    else:
        yield "restored end", False


def _localsplus(code: types.CodeType) -> int:
    own = {*code.co_varnames, *code.co_cellvars}
    return len(own) + len(code.co_freevars)


def _resume(layout: Layout, obj: object, code: types.CodeType) -> int:
    instruction = word(id(obj) + layout.frame + layout.instruction)
    return instruction - id(code) - layout.co_code + layout.instruction_behind


PROBES: Final[Sequence[Callable[[Layout], Checks]]] = (
    _announced,
    _sizes,
    _created,
    _suspended,
    probes_states.states,
    probes_states.namespace,
    probes_states.handled,
    probes_states.flags,
    _reading,
    _helpers,
    _writing,
)
"""In the order in which they have to be asked. Each gives names of facts and whether they are right."""
