"""What reading gives, and what making, filling and dropping promise."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import pickle
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest
from frame_carrier import move, pack, unpack
from frame_driving import ask, finish

from caesura import frames
from caesura.errors import CannotMove, InternalError
from caesura.frames import NULL, Frame, FrameState


async def waiting(value: object, log: list[object]) -> object:
    try:
        return [value, await ask("question")]
    finally:
        log.append("finally")


def suspended(log: list[object] | None = None) -> Any:
    coroutine = waiting("value", [] if log is None else log)
    coroutine.send(None)
    return coroutine


def blank_for(frame: Frame) -> Any:
    assert frame.code is not None
    return frames.blank(
        frame.kind, frame.code, frame.function, frame.globals, frame.locals, frame.name, frame.qualname, None
    )


def test_null_is_one_object_wherever_it_goes() -> None:
    assert pickle.loads(pickle.dumps(NULL)) is NULL
    assert copy.deepcopy(NULL) is NULL
    assert repr(NULL) == "NULL"


def test_a_suspended_coroutine_is_read_in_plain_words() -> None:
    log: list[object] = []
    coroutine = suspended(log)
    frame = frames.read(coroutine)
    assert (frame.kind, frame.status, frame.awaiting) == ("coroutine", FrameState.SUSPENDED, True)
    assert (frame.name, frame.qualname) == ("waiting", "waiting")
    assert frame.function is waiting
    assert frame.code is waiting.__code__
    assert frame.globals is globals()
    assert frame.locals is None
    assert frame.slots == ["value", log, "value", coroutine.cr_await]
    assert frames.slot_names(frame) == ["local value", "local log", "stack[0]", "stack[1]"]
    assert (frame.closed, frame.hooks_inited, frame.running_async) == (False, False, False)
    frames.drop(coroutine)


def test_slots_have_names_for_cells_free_variables_and_the_stack() -> None:
    outer = 1

    async def function(argument: object) -> object:
        cell = 2
        plain = 3
        return (lambda: (outer, cell, argument)), await ask(plain)

    coroutine = function(0)
    coroutine.send(None)
    frame = frames.read(coroutine)
    names = frames.slot_names(frame)
    assert names[:4] == ["local argument", "local plain", "local cell", "free outer"]
    values = dict(zip(names, frame.slots, strict=True))
    assert values["local plain"] == 3
    assert values["free outer"].cell_contents == 1  # type: ignore[attr-defined]
    assert names[-1] == "stack[1]"
    frames.drop(coroutine)


def test_a_running_one_is_refused_by_name_and_line() -> None:
    found: list[CannotMove] = []

    async def running() -> None:
        with pytest.raises(CannotMove) as caught:
            frames.read(coroutine)
        found.append(caught.value)

    coroutine = running()
    with pytest.raises(StopIteration):
        coroutine.send(None)
    assert "running coroutine" in str(found[0])
    assert "running (" in found[0].path
    assert "test_frame_state.py:" in found[0].path


def test_what_has_no_frame_is_refused() -> None:
    with pytest.raises(CannotMove):
        frames.read(iter([]))


@pytest.mark.parametrize("kind", ["coroutine", "generator", "async_generator"])
def test_a_blank_finished_object_has_ended(kind: Any) -> None:
    obj: Any = frames.blank_finished(kind, "name", "Some.name")
    assert (obj.__name__, obj.__qualname__) == ("name", "Some.name")
    assert frames.read(obj).status is FrameState.FINISHED
    assert getattr(obj, {"coroutine": "cr_frame", "generator": "gi_frame", "async_generator": "ag_frame"}[kind]) is None
    if kind == "coroutine":
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            obj.send(None)
    elif kind == "generator":
        assert list(obj) == []
    else:
        with pytest.raises(StopAsyncIteration):
            obj.__anext__().send(None)


def test_a_blank_belongs_to_the_function_even_when_that_has_new_code() -> None:
    def template() -> Any:
        async def function(
            a: object, /, b: object = 1, *args: object, c: object, d: object = 2, **more: object
        ) -> None:
            await ask(args)

        return function

    function = template()
    code = function.__code__
    function.__code__ = template().__code__.replace(co_name="reloaded")
    obj: Any = frames.blank("coroutine", code, function, globals(), None, "n", "q.n", None)
    frame = frames.read(obj)
    assert frame.function is function
    assert frame.code is code
    assert frame.status is FrameState.CREATED
    assert inspect.getcoroutinestate(obj) == "CORO_CREATED"
    frames.drop(obj)


def test_a_blank_with_other_globals_belongs_to_a_function_with_those() -> None:
    namespace: dict[str, object] = {"answer": 42}

    async def function() -> object:
        return answer  # type: ignore[name-defined]  # noqa: F821

    obj: Any = frames.blank("coroutine", function.__code__, function, namespace, None, "n", "n", None)  # type: ignore[arg-type]
    with pytest.raises(StopIteration) as stop:
        obj.send(None)
    assert stop.value.value == 42
    assert list(namespace) == ["answer"]


def test_code_that_would_run_at_once_is_refused() -> None:
    ran: dict[str, object] = {}
    plain = compile("ran = True", "cell", "exec")
    with pytest.raises(InternalError, match="does not make a coroutine"):
        frames.blank("coroutine", plain, None, ran, ran, "n", "n", None)
    with pytest.raises(InternalError, match="does not make a generator"):
        frames.blank("generator", waiting.__code__, None, ran, None, "n", "n", None)
    lying = plain.replace(co_flags=plain.co_flags | inspect.CO_COROUTINE)
    with pytest.raises(InternalError, match="does not make a coroutine"):
        frames.blank("coroutine", lying, None, ran, ran, "n", "n", None)
    assert "ran" not in ran


def test_a_closure_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(InternalError, match="0 free variables, its closure 1 cells"):
        frames.blank("coroutine", waiting.__code__, None, {}, None, "n", "n", (types.CellType(),))


def test_dropping_runs_nothing_and_warns_of_nothing(recwarn: pytest.WarningsRecorder) -> None:
    log: list[object] = []
    started, fresh = suspended(log), waiting(1, log)
    generator = (log.append(value) for value in "ab")
    next(generator)
    asend = agen(log).asend(None)
    for obj in (started, fresh, generator, asend):
        frames.drop(obj)
    assert frames.read(started).status is FrameState.FINISHED
    started.close()
    del started, fresh, generator, asend, obj
    gc.collect()
    assert log == ["a"]
    assert not recwarn.list


async def agen(log: list[object]) -> Any:
    try:
        yield await ask(1)
    finally:
        log.append("agen")


def _longer(frame: Frame) -> None:
    frame.slots = frame.slots + [None] * 100


def _shorter(frame: Frame) -> None:
    frame.slots = frame.slots[:1]


def _nothing_awaited(frame: Frame) -> None:
    frame.slots[-1] = NULL


def _elsewhere(frame: Frame) -> None:
    frame.resume += 2


def _outside(frame: Frame) -> None:
    frame.resume = 100_000


def _at_a_yield(frame: Frame) -> None:
    frame.awaiting = False


def _other_code(frame: Frame) -> None:
    frame.code = agen.__code__


def _other_kind(frame: Frame) -> None:
    frame.kind = "generator"


def _ended(frame: Frame) -> None:
    frame.status = FrameState.FINISHED


def _not_started(frame: Frame) -> None:
    frame.status = FrameState.CREATED


def _no_exception(frame: Frame) -> None:
    frame.exc = "text"  # type: ignore[assignment]


@pytest.mark.parametrize(
    "spoil",
    [
        _longer,
        _shorter,
        _nothing_awaited,
        _elsewhere,
        _outside,
        _at_a_yield,
        _other_code,
        _other_kind,
        _ended,
        _not_started,
        _no_exception,
    ],
)
def test_one_bad_frame_and_nothing_is_filled(spoil: Callable[[Frame], None]) -> None:
    originals = suspended(), suspended()
    good, bad = frames.read(originals[0]), frames.read(originals[1])
    first, second = blank_for(good), blank_for(bad)
    spoil(bad)
    with pytest.raises(InternalError, match="cannot be restored"):
        frames.fill([(first, good), (second, bad)])
    assert {frames.read(obj).status for obj in (first, second)} == {FrameState.CREATED}
    for obj in (first, second, *originals):
        frames.drop(obj)


def test_a_value_in_the_place_of_a_cell_is_refused() -> None:
    async def function(argument: object) -> object:
        return (lambda: argument), await ask(1)

    original = function(1)
    original.send(None)
    frame = frames.read(original)
    frame.slots[0] = "no cell"
    obj = blank_for(frame)
    with pytest.raises(InternalError, match="slot 0 has to be a cell"):
        frames.fill([(obj, frame)])
    frames.drop(obj)
    frames.drop(original)


def test_the_same_object_twice_or_a_started_one_is_refused() -> None:
    original = suspended()
    frame = frames.read(original)
    obj = blank_for(frame)
    with pytest.raises(InternalError, match="there twice"):
        frames.fill([(obj, frame), (obj, frame)])
    with pytest.raises(InternalError, match="started already"):
        frames.fill([(original, frame)])
    frames.drop(obj)
    frames.drop(original)


def test_filling_takes_one_reference_to_each_slot_and_gives_it_back() -> None:
    marker = [object()]
    coroutine = waiting(marker, [])
    coroutine.send(None)
    before = sys.getrefcount(marker)
    frame = frames.read(coroutine)
    obj = blank_for(frame)
    frames.fill([(obj, frame)])
    assert sys.getrefcount(marker) == before + 2 * frame.slots.count(marker)
    frames.drop(coroutine)
    frames.drop(obj)
    del obj, frame
    gc.collect()
    assert sys.getrefcount(marker) == before


def test_a_chain_of_three_hundred_coroutines_is_filled_flat() -> None:
    async def down(depth: int, log: list[object]) -> int:
        try:
            return 1 + await (down(depth - 1, log) if depth > 1 else ask(0))  # type: ignore[operator]
        finally:
            log.append(depth)

    log: list[object] = []
    coroutine = down(300, log)
    coroutine.send(None)
    coroutine, log = move((coroutine, log))
    assert finish(coroutine, 0, log).result == 300
    assert log == list(range(1, 301))


def test_the_restored_frame_shows_itself_to_inspection() -> None:
    coroutine = suspended()
    line = coroutine.cr_frame.f_lineno
    restored = move(coroutine)
    assert inspect.getcoroutinestate(restored) == "CORO_SUSPENDED"
    assert restored.cr_await is not None
    assert restored.cr_frame.f_lineno == line
    assert restored.cr_frame.f_locals["value"] == "value"
    assert restored.cr_frame.f_code.co_name == "waiting"
    frames.drop(restored)


def test_an_exception_after_the_move_shows_the_right_lines() -> None:
    restored = move(suspended())
    with pytest.raises(ValueError, match="thrown") as caught:
        restored.throw(ValueError("thrown"))
    lines = [entry.lineno + 1 for entry in caught.traceback]
    assert waiting.__code__.co_firstlineno + 2 in lines


def test_the_restored_coroutine_runs_as_a_task() -> None:
    log: list[object] = []

    async def sleeper() -> object:
        await asyncio.sleep(0)
        return log

    coroutine = sleeper()
    coroutine.send(None)
    restored = unpack(pack(coroutine)[0])
    frames.drop(coroutine)
    assert asyncio.run(restored) == []
