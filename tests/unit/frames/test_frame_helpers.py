"""The helper objects between an await and its target, and what async generators owe to the loop's hooks."""

from __future__ import annotations

import asyncio
import sys
import warnings
from typing import Any

import pytest
from frame_carrier import move
from frame_driving import ask

from caesura import frames
from caesura.errors import InternalError
from caesura.frames import NULL


async def numbers(log: list[object]) -> Any:
    try:
        while True:
            log.append((yield await ask("number")))
    except KeyError as error:
        log.append(error.args)
        yield "caught"
    finally:
        log.append("closed")


class _Iterator:
    """An asynchronous iterator with one ready-made step."""

    def __init__(self, step: Any) -> None:
        self.step = step

    def __aiter__(self) -> Any:
        return self

    def __anext__(self) -> Any:
        return self.step


def drop_all(*objects: object) -> None:
    for obj in objects:
        frames.drop(obj)


async def plain() -> object:
    return await ask(1)


def test_what_is_no_helper_is_none() -> None:
    assert [frames.read_awaitable(obj) for obj in (1, None, [], iter([]), ask(1))] == [None] * 5


def test_each_helper_is_read_as_its_parts() -> None:
    generator, coroutine = numbers([]), plain()
    helpers = generator.asend("v"), generator.__anext__(), generator.athrow(KeyError), generator.aclose()
    assert [frames.read_awaitable(helper) for helper in helpers] == [
        ("asend", (generator, "v"), 0),
        ("asend", (generator, NULL), 0),
        ("athrow", (generator, (KeyError,)), 0),
        ("aclose", (generator,), 0),
    ]
    assert frames.read_awaitable(coroutine.__await__()) == ("coroutine_wrapper", (coroutine,), 0)
    following = generator.__anext__()
    given = anext(_Iterator(following), 5)
    assert frames.read_awaitable(given) == ("anext_awaitable", (following, 5), 0)
    drop_all(*helpers, coroutine, following)


def test_a_half_done_asend_goes_on() -> None:
    log: list[object] = []
    generator = numbers(log)
    asend = generator.asend(None)
    assert asend.send(None) == "number"
    assert frames.read_awaitable(asend) == ("asend", (generator, None), 1)
    generator, asend, log = move((generator, asend, log))
    assert generator.ag_running
    with pytest.raises(StopIteration, match="answer"):
        asend.send("answer")
    assert not generator.ag_running
    drop_all(generator)


def test_a_half_done_athrow_does_not_throw_again() -> None:
    log: list[object] = []
    generator = numbers(log)
    first = generator.asend(None)
    first.send(None)
    with pytest.raises(StopIteration):
        first.send("answer")
    athrow = generator.athrow(KeyError("once"))
    generator, athrow, log = move((generator, athrow, log))
    with pytest.raises(StopIteration, match="caught"):
        athrow.send(None)
    assert log == [("once",)]
    closing = generator.aclose()
    with pytest.raises(StopIteration):
        closing.send(None)
    assert log == [("once",), "closed"]


def test_an_athrow_with_three_arguments_is_rebuilt_without_a_warning() -> None:
    generator = numbers([])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        athrow = generator.athrow(KeyError, KeyError("three"), None)
    _kind, parts, state = frames.read_awaitable(athrow)  # type: ignore[misc]
    rebuilt = frames.make_awaitable("athrow", parts, state)
    assert frames.read_awaitable(rebuilt) == ("athrow", (generator, parts[1]), 0)
    drop_all(athrow, rebuilt, generator)


def test_an_unknown_helper_is_refused() -> None:
    with pytest.raises(InternalError, match="no awaitable of kind 'nonsense'"):
        frames.make_awaitable("nonsense", (numbers([]),), 0)


def test_making_a_helper_does_not_call_the_hooks_but_going_on_does() -> None:
    seen: list[object] = []
    before = sys.get_asyncgen_hooks()
    generator = numbers([])
    sys.set_asyncgen_hooks(firstiter=seen.append)
    try:
        asend = frames.make_awaitable("asend", (generator, NULL), 0)
        assert seen == []
        assert not frames.read(generator).hooks_inited
        following = generator.__anext__()
        assert seen == [generator]
        assert frames.read(generator).hooks_inited
    finally:
        sys.set_asyncgen_hooks(*before)
    drop_all(asend, following, generator)


def test_the_iterator_of_a_future_is_rebuilt_around_a_future_that_is_still_blank() -> None:
    loop = asyncio.new_event_loop()
    try:
        future = loop.create_future()
        iterator = future.__await__()
        assert frames.read_awaitable(iterator) == ("future_iter", (future,), 0)
        blank: Any = asyncio.Future.__new__(asyncio.Future)
        rebuilt: Any = frames.make_awaitable("future_iter", (blank,), 0)
        asyncio.Future.__init__(blank, loop=loop)
        assert next(rebuilt) is blank
        blank._asyncio_future_blocking = False
        blank.set_result("done")
        with pytest.raises(StopIteration, match="done"):
            next(rebuilt)
    finally:
        loop.close()


def test_the_iterator_of_a_future_that_is_done_has_ended() -> None:
    loop = asyncio.new_event_loop()
    try:
        future = loop.create_future()
        future.set_result(1)
        iterator = future.__await__()
        with pytest.raises(StopIteration):
            next(iterator)
        # From 3.14 on it keeps the future, and gives its result again.
        left = future if sys.version_info >= (3, 14) else NULL
        assert frames.read_awaitable(iterator) == ("future_iter", (left,), 0)
        rebuilt: Any = frames.make_awaitable("future_iter", (left,), 0)
        assert frames.read_awaitable(rebuilt) == ("future_iter", (left,), 0)
        assert list(rebuilt) == []
    finally:
        loop.close()
