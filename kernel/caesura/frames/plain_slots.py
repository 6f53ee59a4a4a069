"""Slots that are plain object pointers, as in CPython 3.11, 3.12 and 3.13.

An empty slot is the word 0, every other word owns one reference. ``Slots`` in ``shape.py`` says what each function
gives.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from typing import Any, Final

from caesura.frames.capi import bind
from caesura.frames.state import NULL

_incref: Final = bind("Py_IncRef", 1, None)
_decref: Final = bind("Py_DecRef", 1, None)

# Array types by length: making one costs more than reading a frame.
_words: Final[dict[int, Any]] = {}
_objects: Final[dict[int, Any]] = {}


class PlainSlots:
    """The words are pointers."""

    def read(self, address: int, count: int) -> list[object]:
        if count not in _words:
            _words[count] = ctypes.c_size_t * count
            _objects[count] = ctypes.py_object * count
        objects = _objects[count].from_address(address)
        # Indexing a py_object array raises for a null pointer, hence the look at the words.
        words = _words[count].from_address(address)
        return [objects[index] if word else NULL for index, word in enumerate(words)]

    def pack(self, values: Sequence[object]) -> bytes:
        return struct.pack(f"={len(values)}Q", *(0 if value is NULL else id(value) for value in values))

    def own(self, values: Sequence[object]) -> None:
        for value in values:
            if value is not NULL:
                _incref(value)

    def release(self, values: Sequence[object]) -> None:
        for value in values:
            if value is not NULL:
                _decref(value)

    def object_at(self, address: int) -> object:
        return ctypes.py_object.from_address(address).value

    def pointer_at(self, address: int) -> int:
        return ctypes.c_size_t.from_address(address).value
