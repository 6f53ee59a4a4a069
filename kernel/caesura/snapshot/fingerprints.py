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
_HEAD: Final = struct.Struct("=QBBBxIQQ")
"""References, log2 of size, log2 of bytes of the index, kind of keys, version, usable, entries."""
_ENTRY_BYTES: Final = {0: 24, 1: 16}
"""General entries are (hash, key, value), those with only strings as keys (key, value)."""


def fingerprint(contents: dict[str, Any]) -> Fingerprint | None:
    """What :func:`is_same` takes; None if this dict or interpreter cannot be looked at in this way."""
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


def is_same(contents: dict[str, Any], before: Fingerprint) -> bool:
    """Whether nothing was set, added or deleted since ``before`` was taken; the objects have to be alive still."""
    return _read(contents) == before


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
    return before is not None and not is_same(known, before)
