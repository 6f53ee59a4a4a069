"""The helper objects that CPython puts between an ``await`` and what is really awaited.

None of them can be pickled by itself. Their layouts are the same in 3.11 to 3.14: ``PyAsyncGenASend``,
``PyAsyncGenAThrow``, ``PyCoroWrapper`` in https://github.com/python/cpython/blob/3.13/Objects/genobject.c,
``anextawaitableobject`` in https://github.com/python/cpython/blob/3.13/Objects/iterobject.c, ``futureiterobject`` in
https://github.com/python/cpython/blob/3.13/Modules/_asynciomodule.c. The self-check compares sizes and fields.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final, cast

from caesura.errors import InternalError
from caesura.frames.plain_slots import PlainSlots
from caesura.frames.shape import Layout
from caesura.frames.state import NULL

FIRST: Final = 16
SECOND: Final = 24
STATE: Final = 32
STATE_CLOSED: Final = 2

_FIELDS: Final = PlainSlots()
"""The helpers hold plain pointers, also where the slots of frames carry tags."""


async def _async_generator() -> Any:
    yield


async def _coroutine() -> None:
    return


class _Given:
    """An asynchronous iterator whose ``__anext__`` gives a ready-made object, for the two-argument ``anext``."""

    def __init__(self, wrapped: object) -> None:
        self._wrapped = wrapped

    def __aiter__(self) -> _Given:
        return self

    def __anext__(self) -> Any:
        return self._wrapped


class _QuietLoop:
    """All that a future asks of its loop when it is made."""

    def get_debug(self) -> bool:
        return False


@contextlib.contextmanager
def without_hooks() -> Iterator[None]:
    """Inside, no loop is told of the async generators that this thread begins to iterate."""
    hooks = sys.get_asyncgen_hooks()
    sys.set_asyncgen_hooks(None, None)
    try:
        yield
    finally:
        sys.set_asyncgen_hooks(*hooks)


def _types() -> tuple[type, type, type, type]:
    """The four types, none of which has a public name."""
    generator = _async_generator()
    coroutine = _coroutine()
    with without_hooks():
        helpers = (coroutine.__await__(), generator.asend(None), generator.aclose())
    found = [type(helper) for helper in helpers]
    for helper in helpers:
        helper.close()
    return found[0], found[1], found[2], type(anext(cast("AsyncIterator[object]", _Given(None)), None))


COROUTINE_WRAPPER, ASEND, ATHROW, ANEXT = _types()
SIZES: Final = {COROUTINE_WRAPPER: 24, ASEND: 40, ATHROW: 40, ANEXT: 32}
"""``__basicsize__`` of the layouts above."""


def read_awaitable(obj: object) -> tuple[str, tuple[object, ...], int] | None:
    """See :func:`caesura.frames.read_awaitable`."""
    kind = type(obj)
    read = _FIELDS.read
    if kind is ASEND:
        return "asend", tuple(read(id(obj) + FIRST, 2)), _state(obj).value
    if kind is ATHROW:
        generator, arguments = read(id(obj) + FIRST, 2)
        if arguments is NULL:
            return "aclose", (generator,), _state(obj).value
        return "athrow", (generator, arguments), _state(obj).value
    if kind is COROUTINE_WRAPPER:
        return "coroutine_wrapper", tuple(read(id(obj) + FIRST, 1)), 0
    if kind is ANEXT:
        return "anext_awaitable", tuple(read(id(obj) + FIRST, 2)), 0
    if kind.__name__ == "FutureIter" and kind is type(_new_future_iter()):
        return "future_iter", tuple(read(id(obj) + FIRST, 1)), 0
    return None


def make_awaitable(layout: Layout, kind: str, parts: tuple[object, ...], state: int) -> object:
    """See :func:`caesura.frames.make_awaitable`."""
    first: Any = parts[0]
    if kind == "coroutine_wrapper":
        return first.__await__()
    if kind == "anext_awaitable":
        return anext(cast("AsyncIterator[object]", _Given(first)), parts[1])
    if kind == "future_iter":
        # Future.__await__ wants a future that has its loop already; here it may still be blank.
        made: Any = _new_future_iter()
        _replace(made, FIRST, first)
        return made
    if kind not in ("asend", "athrow", "aclose"):
        raise InternalError(f"There is no awaitable of kind {kind!r}.")
    # The hooks of sys.set_asyncgen_hooks belong to a loop. They have to see the generator when it goes on, and not
    # while it is being built: with this flag set, making the helper does not call them.
    inited = ctypes.c_int8.from_address(id(first) + layout.hooks_inited)
    before, inited.value = inited.value, 1
    try:
        if kind == "asend":
            made = first.__anext__() if parts[1] is NULL else first.asend(parts[1])
        elif kind == "aclose":
            made = first.aclose()
        else:
            # athrow() warns about three arguments, which the old one may have had: they are put in afterwards.
            made = first.athrow(GeneratorExit)
            _replace(made, SECOND, parts[1])
    finally:
        inited.value = before
    _state(made).value = state
    return made


def drop_awaitable(obj: object) -> None:
    """Mark a helper that has a state as closed, so that its destruction is silent; others are silent anyway."""
    if type(obj) in (ASEND, ATHROW):
        _state(obj).value = STATE_CLOSED


def _state(obj: object) -> ctypes.c_int:
    return ctypes.c_int.from_address(id(obj) + STATE)


def _replace(obj: object, offset: int, value: object) -> None:
    """Put ``value`` into a word of ``obj`` that owns its object."""
    old = _FIELDS.read(id(obj) + offset, 1)
    _FIELDS.own([value])
    word = _FIELDS.pack([value])
    ctypes.memmove(id(obj) + offset, word, len(word))
    _FIELDS.release(old)


def _new_future_iter() -> Any:
    """An iterator over a future of its own."""
    import _asyncio  # imports asyncio, which whoever has such an object has imported already

    future: Any = _asyncio.Future(loop=cast("Any", _QuietLoop()))
    return _asyncio.Future.__await__(future)


def differences(layout: Layout, sent: object) -> Iterator[tuple[str, bool]]:
    """Names of fields, and whether they are where this file says, asked of helpers made for the purpose.

    Words are compared as numbers: none is followed.
    """

    def words(obj: object, count: int) -> list[int]:
        return list((ctypes.c_uint64 * count).from_address(id(obj) + FIRST))

    generator = _async_generator()
    ctypes.c_int8.from_address(id(generator) + layout.hooks_inited).value = 1
    asend, anext_, athrow, aclose = (
        generator.asend(sent),
        generator.__anext__(),
        generator.athrow(GeneratorExit),
        generator.aclose(),
    )
    yield "asend", words(asend, 2) == [id(generator), id(sent)] and _state(asend).value == 0
    yield "anext", words(anext_, 2) == [id(generator), 0]
    yield "athrow", words(athrow, 1) == [id(generator)] and words(athrow, 2)[1] != 0 and _state(athrow).value == 0
    yield "aclose", words(aclose, 2) == [id(generator), 0]
    asend.close()
    yield "closed helper", _state(asend).value == STATE_CLOSED
    for helper in (anext_, athrow, aclose):
        helper.close()
    coroutine = _coroutine()
    yield "coroutine wrapper", words(coroutine.__await__(), 1) == [id(coroutine)]
    coroutine.close()
    waiting = anext(cast("AsyncIterator[object]", _Given(generator)), sent)
    yield "anext with a default", words(waiting, 2) == [id(generator), id(sent)]
