"""What the self-check asks of objects whose contents are known.

The order matters, so that a wrong layout gives a reason and not a crash: first sizes, then words compared as numbers
with the addresses of known objects, and only when all agree is a pointer followed or a word written.
"""

from __future__ import annotations

import ast
import contextlib
import ctypes
import gc
import sys
import types
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Sequence
from typing import Any, Final

from caesura.frames import awaitables
from caesura.frames.blank import blank_frame, builtins_of, drop_frame
from caesura.frames.bytecode import entry_offset
from caesura.frames.fill import fill_frames
from caesura.frames.read import read_frame
from caesura.frames.shape import Layout
from caesura.frames.state import FrameState

_RUNTIME_WORDS: Final = 44
"""Words of ``_Py_DebugOffsets`` up to and with ``co_code_adaptive`` in CPython 3.13 (pycore_runtime.h)."""


_Checks = Iterator[tuple[str, bool]]


@types.coroutine
def _pause(value: object) -> Any:
    return (yield value)


def _probe(first: object, log: list[object]) -> tuple[types.FunctionType, Callable[[], Any]]:
    """A coroutine function with a cell, a free variable, an unbound local and operands on its stack at the await."""

    async def probe(given: object, *, named: object = None) -> object:
        shared = given
        if given is log:
            unbound = given
        try:
            result = (first, given, await _pause("asked"), named, (lambda: shared)())
            log.append(result)
        finally:
            log.append("finally")
        return unbound if given is log else result

    assert isinstance(probe, types.FunctionType)
    return probe, lambda: probe("given", named="named")


def _announced(layout: Layout) -> _Checks:
    """From 3.13 on the interpreter itself says where some fields are (``_Py_DebugOffsets``)."""
    if layout.minor < (3, 13):
        return
    table = (ctypes.c_uint64 * _RUNTIME_WORDS).in_dll(ctypes.pythonapi, "_PyRuntime")
    yield "runtime cookie", bytes(table)[:8] == b"xdebugpy"
    yield "announced version", table[1] == sys.hexversion
    yield "announced threading", table[2] == 0
    frame = (layout.code, layout.instruction, layout.localsplus, layout.owner)
    yield "announced frame offsets", tuple(table[30:34]) == frame
    yield "announced code offset", table[43] == layout.co_code


def _sizes(layout: Layout) -> _Checks:
    for kind in (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType):
        yield f"size of {kind.__name__}", kind.__basicsize__ == layout.first_slot
    function, call = _probe(None, [])
    code = function.__code__
    words = _localsplus(code) + code.co_stacksize
    with contextlib.closing(call()) as coroutine:
        # getsizeof adds the collector's header.
        yield "size of a frame", sys.getsizeof(coroutine) == layout.first_slot + 8 * words + 16


def _created(layout: Layout) -> _Checks:
    function, call = _probe(None, [])
    coroutine = call()
    with contextlib.closing(coroutine):
        yield from _fresh(layout, coroutine, function)


def _fresh(layout: Layout, coroutine: object, function: types.FunctionType) -> _Checks:
    frame = id(coroutine) + layout.frame
    yield "owner of a fresh frame", _byte(frame + layout.owner) == 1
    yield "created state", _byte(id(coroutine) + layout.frame_state) == layout.created
    yield "code pointer", _word(frame + layout.code) == id(function.__code__)
    yield "function pointer", _word(frame + layout.function) == id(function)
    yield "first instruction", _resume(layout, coroutine, function.__code__) == entry_offset(function.__code__)


def _suspended(layout: Layout) -> _Checks:
    first = object()
    function, call = _probe(first, [])
    code = function.__code__
    coroutine = call()
    yield "value of the probe", coroutine.send(None) == "asked"
    frame = id(coroutine) + layout.frame
    yield "suspended state", _byte(id(coroutine) + layout.frame_state) == layout.suspended_awaiting
    yield "name pointer", _word(id(coroutine) + layout.name) == id(coroutine.__name__)
    yield "code pointer", _word(frame + layout.code) == id(code)
    yield "function pointer", _word(frame + layout.function) == id(function)
    yield "globals pointer", _word(frame + layout.globals) == id(function.__globals__)
    yield "builtins pointer", _word(frame + layout.builtins) == id(builtins_of(function))
    yield "frame locals", _word(frame + layout.locals) == 0
    yield "owner", _byte(frame + layout.owner) == 1
    codes = (code, _suspended.__code__, _localsplus.__code__, _word.__code__)
    numbers = [_int(id(each) + layout.co_nlocalsplus) for each in codes]
    yield "number of locals", numbers == [_localsplus(each) for each in codes]
    count = _localsplus(code)
    top = _int(frame + layout.stacktop)
    yield "stack depth", top == count + 3
    words = [_word(id(coroutine) + layout.first_slot + 8 * index) for index in range(top)]
    yield "awaited object", words[-1] == id(coroutine.cr_await)
    yield "operand", words[count] == id(first)
    shown = coroutine.cr_frame  # made on demand
    yield "frame object", _word(frame + layout.frame_object) == id(shown)
    referents = [id(found) for found in gc.get_referents(coroutine)]
    full = [word for word in words if word]
    yield "slots", referents[-len(full) :] == full and len(full) < len(words)
    yield "instruction", _word(frame + layout.instruction) == id(code) + layout.co_code + shown.f_lasti
    drop_frame(layout, coroutine)


def _reading(layout: Layout) -> _Checks:
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


def _handled(layout: Layout) -> _Checks:
    """The exception that a suspended frame handles."""

    def handler() -> Generator[None, None, None]:
        try:
            raise error
        except KeyError:
            yield

    error = KeyError()
    generator = handler()
    next(generator)
    yield "handled exception", _word(id(generator) + layout.exc_value) == id(error)
    generator.close()


def _states(layout: Layout) -> _Checks:
    """The state of a generator while it runs, at a plain yield, and after its end."""
    seen: list[int] = []

    def generate() -> Iterator[None]:
        seen.append(_byte(id(generator) + layout.frame_state))
        yield

    generator = generate()
    next(generator)
    yield "running state", seen == [layout.executing]
    yield "yielded state", _byte(id(generator) + layout.frame_state) == layout.suspended
    next(generator, None)
    yield "finished state", _byte(id(generator) + layout.frame_state) >= layout.finished > layout.executing


def _namespace(layout: Layout) -> _Checks:
    """Module-level code keeps its namespace in its frame."""
    code = compile("await None", "probe", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    namespace: dict[str, object] = {"__builtins__": {}}
    coroutine = eval(code, {"__builtins__": {}}, namespace)  # noqa: S307 - the code is the line above, and never runs
    found = _word(id(coroutine) + layout.frame + layout.locals)
    coroutine.close()
    yield "namespace pointer", found == id(namespace)


def _flags(layout: Layout) -> _Checks:
    """The three flags of an async generator, each before and after it is set."""

    async def generate() -> AsyncIterator[None]:
        await _pause(None)
        yield

    places = (layout.hooks_inited, layout.closed, layout.running_async)

    def flags() -> tuple[int, ...]:
        return tuple(_byte(id(generator) + place) for place in places)

    generator: Any = generate()
    yield "flags of an async generator", flags() == (0, 0, 0)
    with awaitables.without_hooks():
        asend = generator.asend(None)
    yield "flag of the hooks", flags() == (1, 0, 0)
    asend.send(None)
    yield "flag of a running iteration", flags() == (1, 0, 1)
    with contextlib.suppress(GeneratorExit):
        asend.throw(GeneratorExit)
    generator = generate()
    with awaitables.without_hooks():
        closing = generator.aclose()
    with contextlib.suppress(StopIteration):
        closing.send(None)
    yield "flag of a closed generator", flags() == (1, 1, 0)


def _helpers(layout: Layout) -> _Checks:
    for kind, size in awaitables.SIZES.items():
        yield f"size of {kind.__name__}", kind.__basicsize__ == size
    sent = object()
    yield from awaitables.differences(layout, sent)


def _writing(layout: Layout) -> _Checks:
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
    instruction = _word(id(obj) + layout.frame + layout.instruction)
    return instruction - id(code) - layout.co_code + layout.instruction_behind


def _word(address: int) -> int:
    return ctypes.c_uint64.from_address(address).value


def _int(address: int) -> int:
    return ctypes.c_int.from_address(address).value


def _byte(address: int) -> int:
    return ctypes.c_int8.from_address(address).value


PROBES: Final[Sequence[Callable[[Layout], _Checks]]] = (
    _announced,
    _sizes,
    _created,
    _suspended,
    _states,
    _namespace,
    _handled,
    _flags,
    _reading,
    _helpers,
    _writing,
)
"""In the order in which they have to be asked. Each gives names of facts and whether they are right."""
