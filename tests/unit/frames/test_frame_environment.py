"""Frames of cells; tracing, monitoring and specialised code; and no growth over many rounds."""

from __future__ import annotations

import ast
import contextlib
import gc
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
from frame_carrier import move, pack, unpack
from frame_driving import ask, finish
from frame_suite import CONSTRUCTS

from caesura import frames

CELL = """
x = 1
class Held:
    value = x
def function(): return x
x = await ask(2)
found = [(x, await ask(y), (lambda: y)()) for y in range(2)]
def later(): return x
found.append((function(), later(), Held.value))
try:
    raise KeyError("k")
except KeyError as error:
    found.append(await ask(repr(error)))
del x
if (walrus := await ask(3)) > 2:
    found += [await ask(walrus)]
"""


def cell_coroutine(source: str, namespace: dict[str, object]) -> Any:
    code = compile(source, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return eval(code, namespace)


def run_cell(moves: bool) -> dict[str, object]:
    namespace: dict[str, Any] = {"ask": ask}
    coroutine = cell_coroutine(CELL, namespace)
    answer: object = None
    while True:
        try:
            answer = coroutine.send(answer)
        except StopIteration:
            return namespace
        if moves:
            held = namespace.pop("Held")  # classes of a cell are not this pickler's business
            old = namespace
            namespace, coroutine, answer = move((namespace, coroutine, answer))
            namespace["Held"] = held
            assert frames.read(coroutine).globals is namespace is not old


def test_a_cell_goes_on_in_its_namespace() -> None:
    straight, moved = run_cell(False), run_cell(True)
    assert moved["found"] == straight["found"]
    assert moved.keys() == straight.keys()
    assert moved["function"].__globals__ is moved  # type: ignore[attr-defined]


def test_a_cell_is_read_with_its_namespace_and_without_a_function() -> None:
    namespace: dict[str, object] = {"ask": ask}
    coroutine = cell_coroutine("value = await ask(1)", namespace)
    coroutine.send(None)
    frame = frames.read(coroutine)
    assert frame.function is None
    assert frame.locals is frame.globals is namespace
    assert frame.name == "<module>"
    frames.drop(coroutine)


def test_a_blank_cell_leaves_its_namespace_alone() -> None:
    code = compile("value = await ask(1)", "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    namespace: dict[str, object] = {}
    coroutine = frames.blank("coroutine", code, None, namespace, namespace, "<module>", "<module>", None)
    assert namespace == {}
    frames.drop(coroutine)


SAMPLE = [
    "nested_loops",
    "async_with_lets_through",
    "exception_groups",
    "async_comprehensions",
    "closures",
    "asend_athrow_aclose",
]


def moved_everywhere(name: str) -> object:
    log: list[object] = []
    coroutine: Any = CONSTRUCTS[name](log)
    answer: object = None
    while True:
        coroutine, log, answer = move((coroutine, log, answer))
        try:
            answer = coroutine.send(answer)
        except StopIteration as stop:
            return stop.value, log
        except Exception as error:
            return repr(error), log


@contextlib.contextmanager
def tracing() -> Iterator[list[str]]:
    """The events of the code in the file ``probed``, and a trace function that looks at every frame and line."""
    events: list[str] = []

    def trace(frame: types.FrameType, event: str, _argument: object) -> Any:
        if frame.f_code.co_filename == "probed":
            events.append(f"{event} {frame.f_code.co_name}")
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield events
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("name", SAMPLE)
def test_under_a_trace_function(name: str) -> None:
    expected = moved_everywhere(name)
    with tracing():
        assert moved_everywhere(name) == expected


def test_a_trace_function_sees_nothing_of_a_blank_or_a_fill() -> None:
    namespace: dict[str, Any] = {"ask": ask}
    exec(compile("async def probe(a, *, b):\n    return await ask(lambda: a)", "probed", "exec"), namespace)
    original = namespace["probe"](1, b=2)
    original.send(None)
    frame = frames.read(original)
    assert frame.code is not None
    with tracing() as events:
        obj: Any = frames.blank("coroutine", frame.code, frame.function, namespace, None, "n", "n", None)
        frames.fill([(obj, frame)])
        frames.drop(original)
    assert events == []
    with tracing() as events, pytest.raises(StopIteration):
        obj.send("answer")
    assert events[0] == "call probe"
    assert events[-1] == "return probe"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in 3.12")
@pytest.mark.parametrize("name", SAMPLE)
def test_under_monitoring(name: str) -> None:
    expected = moved_everywhere(name)
    monitoring: Any = sys.monitoring  # type: ignore[attr-defined,unused-ignore]
    events = monitoring.events
    seen: list[int] = []
    tool = next(free for free in range(6) if monitoring.get_tool(free) is None)
    monitoring.use_tool_id(tool, "caesura-test")
    try:
        for event in (events.LINE, events.INSTRUCTION, events.PY_RESUME, events.PY_YIELD, events.CALL):
            monitoring.register_callback(tool, event, lambda *_: seen.append(1))
        monitoring.set_events(tool, events.LINE | events.INSTRUCTION | events.PY_RESUME | events.PY_YIELD | events.CALL)
        assert moved_everywhere(name) == expected
    finally:
        monitoring.set_events(tool, 0)
        monitoring.free_tool_id(tool)
    assert len(seen) > 100


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_specialised_code_is_captured_and_restored(name: str) -> None:
    for _ in range(30):
        log: list[object] = []
        expected = finish(CONSTRUCTS[name](log), None, log)
    log = []
    coroutine = CONSTRUCTS[name](log)
    coroutine, log = move((coroutine, log))
    answer = coroutine.send(None)
    coroutine, log, answer = move((coroutine, log, answer))
    assert finish(coroutine, answer, log) == expected


def test_many_rounds_leave_no_objects_behind() -> None:
    names = [*SAMPLE, "generators_in_every_state", "helpers_as_values", "bare_raise", "many_locals"]

    def rounds(count: int) -> int:
        for _ in range(count):
            for name in names:
                moved_everywhere(name)
        gc.collect()
        return len(gc.get_objects())

    rounds(3)
    before = rounds(2)
    assert rounds(20) - before < 20


def test_two_hundred_rounds_keep_reference_counts() -> None:
    marker, shared = [object()], ("kept",)

    async def waiting(value: object) -> object:
        try:
            raise KeyError
        except KeyError:
            return value, (lambda: value), await ask(shared)

    coroutine: Any = waiting(marker)
    coroutine.send(None)
    data, _ = pack(coroutine)
    counted = (marker, shared, None, True, waiting, waiting.__code__, KeyError, ask, globals())
    gc.collect()
    before = [sys.getrefcount(value) for value in counted]
    for _ in range(200):
        frames.read(coroutine)
        frame = frames.read(coroutine)
        obj = frames.blank(
            "coroutine",
            frame.code,
            frame.function,
            frame.globals,
            None,
            "n",
            "n",
            frame.function.__closure__,  # type: ignore[arg-type,union-attr]
        )
        frames.fill([(obj, frame)])
        frames.drop(obj)
        frames.drop(unpack(data))
    del obj, frame
    gc.collect()
    after = [sys.getrefcount(value) for value in counted]
    assert all(abs(new - old) < 20 for new, old in zip(after, before, strict=True)), (before, after)
    frames.drop(coroutine)
