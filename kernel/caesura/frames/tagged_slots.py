"""Slots that are tagged words (``_PyStackRef``), as in CPython 3.14.

https://github.com/python/cpython/blob/3.14/Include/internal/pycore_stackref.h, builds with the GIL. The two low bits of
a word are its tag. 0: a pointer that owns a reference. 1: one that does not, because its object is immortal or outlives
the word; with nothing else set it is the empty slot. 3: no pointer but a small integer, in the bits above. ``Slots`` in
``shape.py`` says what each function gives.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from caesura.frames.capi import bind
from caesura.frames.state import NULL, NullType, TaggedInteger

_TAG: Final = 3
_BORROWED: Final = 1
_INTEGER: Final = 3
_SHIFT: Final = 2

_incref: Final = bind("Py_IncRef", 1, None)
_decref: Final = bind("Py_DecRef", 1, None)

# Array types by length: making one costs more than reading a frame.
_words: Final[dict[int, Any]] = {}
_objects: Final[dict[int, Any]] = {}


class TaggedSlots:
    """The words carry tags. What is written owns its reference, also where what was read did not."""

    def read(self, address: int, count: int) -> list[object]:
        if count not in _words:
            _words[count] = ctypes.c_int64 * count
            _objects[count] = ctypes.py_object * count
        words = list(_words[count].from_address(address))
        pointers = _words[count](*(0 if word & _TAG == _INTEGER else word & ~_TAG for word in words))
        objects = _objects[count].from_buffer(pointers)
        # Indexing a py_object array raises for a null pointer, hence the look at the words.
        return [
            objects[index] if pointers[index] else TaggedInteger(word >> _SHIFT) if word & _TAG == _INTEGER else NULL
            for index, word in enumerate(words)
        ]

    def pack(self, values: Sequence[object]) -> bytes:
        return struct.pack(f"={len(values)}q", *map(_word_of, values))

    def own(self, values: Sequence[object]) -> None:
        for value in values:
            if _is_reference(value):
                _incref(value)

    def release(self, values: Sequence[object]) -> None:
        for value in values:
            if _is_reference(value):
                _decref(value)

    def object_at(self, address: int) -> object:
        return self.read(address, 1)[0]

    def pointer_at(self, address: int) -> int:
        word = ctypes.c_int64.from_address(address).value
        return 0 if word & _TAG == _INTEGER else word & ~_TAG


def _is_reference(value: object) -> bool:
    return type(value) is not NullType and type(value) is not TaggedInteger


def _word_of(value: object) -> int:
    if type(value) is TaggedInteger:
        return value << _SHIFT | _INTEGER
    if value is NULL:
        return _BORROWED
    # The interpreter takes it for granted that an immortal object carries the tag: builds with assertions abort.
    return id(value) | _BORROWED if _is_immortal(value) else id(value)


_is_immortal: Final = cast("Callable[[object], bool]", getattr(sys, "_is_immortal", None))
"""There from 3.14 on, as are tagged words."""
