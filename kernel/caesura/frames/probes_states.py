"""Probes of what changes while a frame lives: its state, its namespace, its flags, the exception that it handles."""

from __future__ import annotations

import ast
import contextlib
import types
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any

from caesura.frames import awaitables
from caesura.frames.peek import byte, word
from caesura.frames.shape import Layout

Checks = Iterator[tuple[str, bool]]
"""Names of facts, and whether they are right."""


@types.coroutine
def pause(value: object) -> Any:
    return (yield value)


def states(layout: Layout) -> Checks:
    """The state of a generator while it runs, at a plain yield, and after its end."""
    seen: list[int] = []

    def generate() -> Iterator[None]:
        seen.append(byte(id(generator) + layout.frame_state))
        yield

    generator = generate()
    next(generator)
    yield "running state", seen == [layout.executing]
    yield "yielded state", byte(id(generator) + layout.frame_state) == layout.suspended
    next(generator, None)
    yield "finished state", byte(id(generator) + layout.frame_state) >= layout.finished > layout.executing


def namespace(layout: Layout) -> Checks:
    """Module-level code keeps its namespace in its frame."""
    code = compile("await None", "probe", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    namespace: dict[str, object] = {"__builtins__": {}}
    coroutine = eval(code, {"__builtins__": {}}, namespace)  # noqa: S307 - the code is the line above, and never runs
    found = word(id(coroutine) + layout.frame + layout.locals)
    coroutine.close()
    yield "namespace pointer", found == id(namespace)


def flags(layout: Layout) -> Checks:
    """The three flags of an async generator, each before and after it is set."""

    async def generate() -> AsyncIterator[None]:
        await pause(None)
        yield

    places = (layout.hooks_inited, layout.closed, layout.running_async)

    def flags() -> tuple[int, ...]:
        return tuple(byte(id(generator) + place) for place in places)

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


def handled(layout: Layout) -> Checks:
    """The exception that a suspended frame handles."""

    def handler() -> Generator[None, None, None]:
        try:
            raise error
        except KeyError:
            yield

    error = KeyError()
    generator = handler()
    next(generator)
    yield "handled exception", word(id(generator) + layout.exc_value) == id(error)
    generator.close()
