"""Tracebacks that were carried to another process look as they did."""

from __future__ import annotations

import inspect
import pickle
import traceback
import types
from typing import Any, cast

import pytest
from IPython.core.ultratb import VerboseTB

from caesura import frames
from caesura.snapshot.exceptions import make_traceback, reduce_traceback


def divide(number: int) -> float:
    total = list(range(3))
    for i in total:
        number += i * 0
    return (
        # an expression over more than one line
        1 / number
    )


def fails() -> None:
    with pytest.raises(KeyError):
        raise KeyError("another one")
    divide(0)


@pytest.fixture
def error() -> BaseException:
    try:
        fails()
    except ZeroDivisionError as raised:
        return raised
    raise AssertionError


def moved(trace: types.TracebackType | None) -> types.TracebackType:
    assert trace is not None
    make, (entries,) = cast("tuple[Any, Any]", reduce_traceback(cast("Any", None), trace))
    assert make is make_traceback
    made = make_traceback(pickle.loads(pickle.dumps(entries)))
    assert made is not None
    return made


def test_the_text_is_the_same_to_the_last_mark(error: BaseException) -> None:
    before = traceback.format_exception(error)
    assert "".join(before).count("divide(0)") == 1
    assert traceback.format_exception(error.with_traceback(moved(error.__traceback__))) == before


def test_each_frame_stands_at_its_line(error: BaseException) -> None:
    entry: types.TracebackType | None = moved(error.__traceback__)
    while entry is not None:
        assert entry.tb_frame.f_lineno == entry.tb_lineno
        entry = entry.tb_next


def test_ipython_shows_the_same_lines(error: BaseException) -> None:
    def shown() -> str:
        lines = VerboseTB(theme_name="nocolor", include_vars=False).structured_traceback(
            type(error), error, error.__traceback__
        )
        return "\n".join(line.rstrip() for line in lines)

    before = shown()
    assert "1 / number" in before
    error = error.with_traceback(moved(error.__traceback__))
    after = shown()
    assert [line for line in after.splitlines() if line.startswith("-")] == [
        line for line in before.splitlines() if line.startswith("-")
    ]


def test_a_traceback_of_the_traceback_is_the_same_again(error: BaseException) -> None:
    once = moved(error.__traceback__)
    before = traceback.format_tb(once)
    assert traceback.format_tb(moved(once)) == before


def test_the_arguments_of_a_frame_that_has_ended_keep_their_names() -> None:
    def fail(first: int, /, second: int, *rest: int, third: int = 3, **more: int) -> None:
        raise ValueError(first)

    try:
        fail(1, 2, 3, third=4, fourth=5)
    except ValueError as error:
        trace = moved(error.__traceback__).tb_next
    assert trace is not None
    names, varargs, keywords, values = inspect.getargvalues(trace.tb_frame)
    assert (names, varargs, keywords) == (["first", "second", "third"], "rest", "more")
    assert repr(values["second"]) == "<not kept>"


def test_what_waits_in_a_frame_is_the_frame_of_the_traceback_after_a_move() -> None:
    @types.coroutine
    def pause() -> Any:
        yield

    async def clean_up() -> None:
        kept = "still here"
        try:
            raise KeyError(kept)
        finally:
            await pause()

    cell = clean_up()
    cell.send(None)
    error = frames.read(cell).exc
    assert error is not None
    assert error.__traceback__ is not None
    _, (entries,) = cast("tuple[Any, Any]", reduce_traceback(cast("Any", None), error.__traceback__))
    assert entries[0][2:] == (cell,)
    made = make_traceback(entries)
    assert made is not None
    assert made.tb_frame is cell.cr_frame
    assert made.tb_lineno == error.__traceback__.tb_lineno < made.tb_frame.f_lineno
    with pytest.raises(KeyError):
        cell.send(None)
    assert frames.owner_of(made.tb_frame) is None
