"""Tracebacks without our frames, and restored coroutines in the place of statements."""

from __future__ import annotations

import asyncio
import traceback
import types
from typing import Any

import pytest

from caesura.worker.restored import constant_code, go_on, suspended_inside
from caesura.worker.tracebacks import interrupted, without_frames_of


@types.coroutine
def pause() -> Any:
    return (yield "paused")


async def inner() -> str:
    await pause()
    await pause()
    raise KeyError("k")


async def runner(code: types.CodeType) -> Any:
    return await eval(code)


def test_a_suspended_coroutine_goes_on_inside_another() -> None:
    coroutine = inner()
    assert coroutine.send(None) == "paused"
    outer = runner(constant_code(go_on(coroutine)))
    assert outer.send(None) == "paused"
    assert suspended_inside(outer) is coroutine
    with pytest.raises(KeyError) as caught:
        outer.send(None)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names[-3:] == ["runner", "go_on", "inner"]
    cleaned = without_frames_of(caught.value.__traceback__, (go_on.__code__,))
    assert [frame.name for frame in traceback.extract_tb(cleaned)][-2:] == ["runner", "inner"]


def test_a_coroutine_that_was_never_moved_is_found_too() -> None:
    coroutine = inner()
    outer = runner(constant_code(coroutine))
    outer.send(None)
    assert suspended_inside(outer) is coroutine
    outer.close()


def test_frames_at_the_head_are_left_out() -> None:
    def ours() -> None:
        theirs()

    def theirs() -> None:
        raise ValueError

    try:
        ours()
    except ValueError as error:
        first = error.__traceback__
        assert first is not None
        cleaned = without_frames_of(first.tb_next, (ours.__code__,))
        assert [frame.name for frame in traceback.extract_tb(cleaned)] == ["theirs"]


def test_a_cancellation_by_an_interrupt_has_its_name_and_its_place() -> None:
    error = asyncio.CancelledError()
    assert isinstance(interrupted(error), KeyboardInterrupt)
    other = ValueError()
    assert interrupted(other) is other
    assert interrupted(None) is None
