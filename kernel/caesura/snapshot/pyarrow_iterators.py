"""pyarrow: iterators over arrays that are half consumed, of which loops over pandas' texts are made.

``iter(array)`` is a generator compiled by Cython, whose position is a C integer. It lies in the object that holds the
generator's variables, at a place that depends on the build: it is found by looking at generators whose position is
known, and not used unless it tells the position of each of them. Arrays never change, so that an iterator over the rest
is as good as the one that was there.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import sys
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot.reducing import Pickling, Reduced
from caesura.snapshot.unmovable import kind_name, remedy_of_last_resort

_SAMPLES: Final = ((7, 1), (7, 2), (7, 6), (11, 4), (11, 11), (13, 5))
"""(length of an array, how many of its elements have been taken)"""


def is_compiled_generator(cls: type) -> bool:
    """Whether it is the type of the generators of Cython, of whichever version."""
    return cls.__qualname__ == "generator" and cls.__module__.startswith("_cython_")


def reduce_generator(pickler: Pickling, generator: Any) -> Reduced:
    """Of an array, chunked or not. Any other generator of Cython's cannot be moved."""
    if "pyarrow" in sys.modules and _tells_positions():
        owner = _owner(generator)
        taken = None if owner is None else _taken(generator, owner)
        if taken is not None:
            return iter, (owner.slice(taken),)
    raise CannotMove(kind_name(type(generator)), remedy=remedy_of_last_resort(generator))


def _owner(generator: Any) -> Any:
    """The array over which it runs; None if it is another generator, or has ended."""
    pyarrow: Any = sys.modules["pyarrow"]
    kinds = {"Array.__iter__": pyarrow.Array, "ChunkedArray.__iter__": pyarrow.ChunkedArray}
    kind = kinds.get(generator.__qualname__)
    owners = [each for each in _variables(generator) if kind is not None and isinstance(each, kind)]
    return owners[0] if len(owners) == 1 else None


def _taken(generator: Any, owner: Any) -> int | None:
    """How many elements it has given, or None if that cannot be told."""
    if isinstance(owner, sys.modules["pyarrow"].Array):
        return _taken_of_array(generator, len(owner))
    inner = {each.__qualname__: each for each in _variables(generator) if is_compiled_generator(type(each))}
    if not inner:
        return 0
    chunks, elements = inner.get("ChunkedArray.iterchunks"), inner.get("Array.__iter__")
    numbers = [each for each in _variables(chunks) if type(each) is int]
    chunk = None if elements is None else _owner(elements)
    taken = None if chunk is None else _taken_of_array(elements, len(chunk))
    if taken is None or len(numbers) != 1 or not 0 <= numbers[0] < owner.num_chunks:
        return None
    return sum(len(owner.chunk(index)) for index in range(numbers[0])) + taken


def _taken_of_array(generator: Any, length: int) -> int | None:
    words = _words(generator)
    places_of_length, places_of_last = _places()
    lengths = {words[place] for place in places_of_length}
    lasts = {words[place] for place in places_of_last}
    if lengths == {0} and lasts == {0}:
        return 0  # it has not begun
    if lengths == {length} and len(lasts) == 1 and 0 <= min(lasts) < length:
        return min(lasts) + 1
    return None


def _scope(generator: Any) -> Any:
    """The object with the variables of a generator; None once it has ended."""
    found = [each for each in gc.get_referents(generator) if "__pyx_scope_struct" in type(each).__name__]
    return found[0] if len(found) == 1 else None


def _variables(generator: Any) -> list[Any]:
    scope = None if generator is None else _scope(generator)
    return [] if scope is None else gc.get_referents(scope)


def _words(generator: Any) -> list[int]:
    scope = _scope(generator)
    count = type(scope).__basicsize__ // ctypes.sizeof(ctypes.c_ssize_t)
    return list((ctypes.c_ssize_t * count).from_address(id(scope)))


@functools.cache
def _places() -> tuple[list[int], list[int]]:
    """Where the length of an array stands among the words of its iterator, and where the index of its last element."""
    pyarrow: Any = sys.modules["pyarrow"]
    lengths: set[int] | None = None
    lasts: set[int] | None = None
    for length, taken in _SAMPLES:
        generator = iter(pyarrow.array(range(length)))
        if _scope(generator) is None:
            return [], []
        for _ in range(taken):
            next(generator)
        words = list(enumerate(_words(generator)))
        found = (
            {place for place, word in words if word == length},
            {place for place, word in words if word == taken - 1},
        )
        lengths = found[0] if lengths is None else lengths & found[0]
        lasts = found[1] if lasts is None else lasts & found[1]
    return sorted(lengths or ()), sorted(lasts or ())


@functools.cache
def _tells_positions() -> bool:
    """Whether the position of iterators can be read in this build of pyarrow: shown on arrays of both kinds."""
    pyarrow: Any = sys.modules["pyarrow"]
    if not all(_places()):
        return False
    for array in (pyarrow.array("abcde"), pyarrow.chunked_array([[1, 2, 3], [], [4, 5], [6]])):
        generator = iter(array)
        for taken in range(len(array) + 1):
            if _owner(generator) is not array or _taken(generator, array) != taken:
                return False
            next(generator, None)
    return True
