"""Whether a dict holds the same objects under the same names as before, without touching any of them.

Walking through the values in Python raises and lowers the reference count of each, and in a forked process every page
that is written to has to be copied. So the table of the dict is compared as memory. Its layout is that of
``PyDictObject`` and ``PyDictKeysObject``, the same in CPython 3.11 to 3.14
(https://github.com/python/cpython/blob/3.13/Include/internal/pycore_dict.h), and it proves itself on a dict of our own:
without proof, :func:`fingerprint` gives None and callers compare values.
"""

from __future__ import annotations

import ctypes
import functools
import struct
import sys
import sysconfig
from typing import Any, Final

Fingerprint = tuple[int, int, bytes]
"""Address and size of the table's entries, and the entries."""

_KEYS: Final = struct.Struct("=QQ")
_KEYS_OFFSET: Final = 32
"""Behind reference count, type, number of entries, version or watchers: the table, and the values of a split one."""
_HEAD_OFFSET: Final = 16
_Head: Final = ctypes.c_char * 24
"""Number of entries, version or watchers, and table of a dict."""
_HEAD: Final = struct.Struct("=QBBBxIQQ")
"""References, log2 of size, log2 of bytes of the index, kind of keys, version, usable, entries."""
_ENTRY_BYTES: Final = {0: 24, 1: 16}
"""General entries are (hash, key, value), those with only strings as keys (key, value)."""


def fingerprint(contents: dict[str, Any]) -> Fingerprint | None:
    """Equal as long as nothing is set, added or deleted; the objects have to be alive still. None if this dict or
    interpreter cannot be looked at in this way."""
    return _read(contents) if _is_proven() else None


def _read(contents: dict[str, Any]) -> Fingerprint | None:
    table, values = _KEYS.unpack(ctypes.string_at(id(contents) + _KEYS_OFFSET, _KEYS.size))
    if values or not table:
        return None
    _, _, index, kind, _, _, count = _HEAD.unpack(ctypes.string_at(table, _HEAD.size))
    if kind not in _ENTRY_BYTES:
        return None
    address, size = table + _HEAD.size + (1 << index), count * _ENTRY_BYTES[kind]
    return address, size, ctypes.string_at(address, size)


class WatchedDicts:
    """Many dicts that seldom change, by name: which have, since each was last noted. They are kept alive."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._contents: list[dict[str, Any]] = []
        self._cells: list[Any] = []
        self._heads: list[bytes] = []
        self._tables: list[Fingerprint | None] = []

    def note(self, name: str, contents: dict[str, Any]) -> None:
        """From now on ``name`` is this dict, and it is as it should be."""
        cell = _Head.from_address(id(contents) + _HEAD_OFFSET)
        table = None if _has_versions() else fingerprint(contents)
        place = self._places.setdefault(name, len(self._places))
        # A slice, so that a new one is appended.
        self._contents[place : place + 1] = [contents]
        self._cells[place : place + 1] = [cell]
        self._heads[place : place + 1] = [cell.raw]
        self._tables[place : place + 1] = [table]

    def changed(self) -> list[str]:
        """The names of dicts in which something may have been set, added or deleted, in the order of their first notes.

        In CPython 3.11 to 3.13 each change of a dict gives it another version: 0.1 ms for a thousand. Elsewhere
        the tables are compared."""
        if not _is_proven():
            return list(self._places)
        heads = [cell.raw for cell in self._cells]
        has_versions = _has_versions()
        if has_versions and heads == self._heads:
            return []
        return [
            name
            for name, place in self._places.items()
            if heads[place] != self._heads[place] or not (has_versions or self._has_same_table(place))
        ]

    def _has_same_table(self, place: int) -> bool:
        before = self._tables[place]
        # The head says that the table is where it was, and holds as many.
        return before is not None and ctypes.string_at(*before[:2]) == before[2]


@functools.cache
def _has_versions() -> bool:
    """Whether each change of a dict shows in its head."""
    known: dict[Any, Any] = {"first": object()}
    heads = [_head_of(known), _head_of(known)]
    for value in (object(), object()):
        known["first"] = value
        heads.append(_head_of(known))
    return _is_proven() and heads[0] == heads[1] and len(set(heads)) == len(heads) - 1


def _head_of(contents: dict[Any, Any]) -> bytes:
    return bytes(_Head.from_address(id(contents) + _HEAD_OFFSET).raw)


@functools.cache
def _is_proven() -> bool:
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED") or sys.maxsize < 2**32:
        return False
    known: dict[Any, Any] = {"first": object(), "second": object(), "third": object()}
    del known["second"]
    for _ in range(2):
        found = _read(known)
        if found is None:
            return False
        words = struct.unpack(f"={found[1] // 8}Q", found[2])
        expected = [id(part) for pair in known.items() for part in pair]
        if [word for word in words if word in expected] != expected:
            return False
        known[5] = object()  # from here on its keys are not only strings
    before = _read(known)
    known["first"] = object()
    return before is not None and _read(known) != before
