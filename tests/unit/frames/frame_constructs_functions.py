"""Constructs about functions, generators, comprehensions, and the helpers between an await and its target."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Generator
from typing import Any

from frame_constructs import Log, construct, counting, note
from frame_driving import ask


async def asked(log: Log, count: int = 3) -> Any:
    """An async generator that waits before each value and once more at its end."""
    try:
        for index in range(count):
            log.append(("answer to yield", (yield await ask(index))))
    finally:
        log.append(await ask("async generator ends"))


@construct
async def comprehensions(log: Log) -> object:
    x = "outer"
    found: list[object] = [
        [await ask(x) for x in range(2)],
        {await ask(x) for x in range(2)},
        {x: await ask(x) for x in range(2)},
        [(x, y) for x in range(2) for y in [await ask(5), 6] if await ask(True)],
        [[await ask((x, y)) for y in "ab"] for x in range(2)],
    ]
    return found, x


@construct
async def comprehension_variable_in_a_lambda(log: Log) -> object:
    functions = [(lambda: (x, extra)) for x in range(3) if (extra := await ask(x)) < 9]  # noqa: B023
    return [function() for function in functions], extra


@construct
async def async_comprehensions(log: Log) -> object:
    x = 1
    return [x async for x in asked(log)], {x: x async for x in asked(log, 1)}, x


@construct
async def async_for(log: Log) -> object:
    found = []
    generator = asked(log)
    async for value in generator:
        found.append((value, await ask("body")))
        if value == 1:
            break
    await generator.aclose()
    async for _ in asked(log, 1):
        pass
    else:
        log.append(await ask("else"))
    return found


@construct
async def generator_expression_with_await(log: Log) -> object:
    made = (await ask(index) for index in range(3))
    first = await anext(made)
    return first, await ask("between"), [value async for value in made]


@construct
async def anext_in_both_forms(log: Log) -> object:
    generator = asked(log, 1)
    first = await anext(generator), await anext(generator, "default")
    return first, await anext(generator, await ask("default")), await anext(aiter(generator), 5)


@construct
async def asend_athrow_aclose(log: Log) -> object:
    generator = asked(log)
    found = [await generator.__anext__(), await generator.asend("sent")]
    with contextlib.suppress(KeyError):
        await generator.athrow(KeyError("thrown"))
    other = asked(log)
    await other.asend(None)
    await other.aclose()
    await asked(log).aclose()
    return found, await ask("end")


@construct
async def helpers_as_values(log: Log) -> object:
    generators = first, second, third, fourth = [asked(log) for _ in range(4)]
    await anext(third)
    waiting = first.asend(None), second.__anext__(), third.athrow(KeyError("k")), anext(fourth, 1)
    wrapped = plain(log).__await__()
    await ask("all unstarted")
    found: list[object] = [await waiting[0], await waiting[1], await waiting[3], await FromAwait(wrapped)]
    with contextlib.suppress(KeyError):
        await waiting[2]
    for generator in generators:
        await generator.aclose()
    return found


async def plain(log: Log) -> object:
    log.append("plain starts")
    return await ask("plain")


class FromAwait:
    """An awaitable that gives what it was given."""

    def __init__(self, iterator: Any) -> None:
        self.iterator = iterator

    def __await__(self) -> Any:
        return self.iterator


class ByGenerator:
    def __await__(self) -> Generator[object, object, object]:
        first = yield "by generator"
        return first, (yield from ask("second"))


@construct
async def awaitable_objects(log: Log) -> object:
    return await ByGenerator(), await FromAwait(plain(log).__await__()), await FromAwait(iter([1, 2]))


@types.coroutine
def delegating(log: Log) -> Generator[object, object, object]:
    first = yield from inner_generator(log)
    second = yield from plain(log)  # type: ignore[misc]
    return first, second


def inner_generator(log: Log) -> Generator[object, object, object]:
    try:
        got = yield "inner"
        return note(log, got), (yield from [1, 2])
    finally:
        log.append("inner ends")


@construct
async def yield_from(log: Log) -> object:
    return await delegating(log)


@construct
async def generators_in_every_state(log: Log) -> object:
    fresh, started, ended = counting(log), counting(log), counting(log)
    next(started)
    list(ended)
    expression = (value * 2 for value in [1, 2, 3])
    next(expression)
    await ask(1)
    return list(fresh), list(started), list(ended), list(expression)


@construct
async def coroutines_in_every_state(log: Log) -> object:
    fresh, started, ended = plain(log), plain(log), plain(log)
    started.send(None)
    await ended
    await ask(1)
    found = [await fresh]
    with contextlib.suppress(StopIteration):
        started.send("by hand")
    try:
        await ended
    except RuntimeError as error:
        found.append(str(error))
    return found


@construct
async def async_generators_in_every_state(log: Log) -> object:
    fresh, started, ended = asked(log, 1), asked(log, 2), asked(log, 0)
    await anext(started)
    async for _ in ended:
        pass
    await ask(1)
    return [[value async for value in generator] for generator in (fresh, started, ended)]


def handling(log: Log) -> Any:
    try:
        raise KeyError("in the generator")
    except KeyError:
        yield 1
        log.append("raises again")
        raise


@construct
async def generator_suspended_in_except(log: Log) -> object:
    generator = handling(log)
    next(generator)
    await ask(1)
    try:
        next(generator)
    except KeyError as error:
        return str(error)


@construct
async def closures(log: Log) -> object:
    count = 0
    argument = log

    def increase() -> int:
        nonlocal count
        count += 1
        argument.append(count)
        return count

    async def deeper() -> int:
        nonlocal count
        count += await ask(10)
        return increase()

    increase()
    return await deeper(), count, increase()


@construct
async def cell_that_is_empty(log: Log) -> object:
    function = lambda: later  # noqa: E731
    await ask(1)
    later = note(log, 2)
    return function()


class Base:
    async def method(self, log: Log) -> object:
        return note(log, await ask("base"))


class Derived(Base):
    async def method(self, log: Log) -> object:
        before = await ask("derived")
        return before, await super().method(log), __class__.__name__  # type: ignore[name-defined]


@construct
async def super_and_class_cell(log: Log) -> object:
    return await Derived().method(log)


@construct
async def definitions_with_await(log: Log) -> object:
    def decorator(function: Any) -> Any:
        function.decorated = True
        return function

    @await_free(decorator)
    @(await ask(staticmethod_like))
    def function(a: Any = await ask(1), *, b: Any = await ask(2)) -> object:  # noqa: B008
        return a, b

    class Made(await ask(Base), metaclass=await ask(type), **(await ask({}))):  # type: ignore[misc]
        value = log and log[-1]

    return function(), function.decorated, Made.__mro__[1].__name__


def await_free(function: Any) -> Any:
    return function


def staticmethod_like(function: Any) -> Any:
    return function


@construct
async def a_coroutine_that_holds_itself(log: Log) -> object:
    holder: list[Any] = []
    own = _holding(holder, log)
    holder.append(own)
    return await own


async def _holding(holder: list[Any], log: Log) -> object:
    await ask(1)
    log.append(holder[0].__name__)
    return holder[0].cr_running


@construct
async def recursion(log: Log) -> object:
    return await _down(10, log)


async def _down(depth: int, log: Log) -> int:
    if depth == 0:
        return await ask(0)
    try:
        return 1 + await _down(depth - 1, log)
    finally:
        log.append(depth)


@construct
async def aclosing(log: Log) -> object:
    found = []
    async with contextlib.aclosing(asked(log)) as generator:
        async for value in generator:
            found.append(value)
            if value:
                break
    return found
