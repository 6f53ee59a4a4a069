"""Fields of objects that CPython does not show, read and written where a proof says that they are.

What lives here: access by offset. What must not: offsets; each user has its own, and proves them on an object of its
own before the first use.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

_PYTHON: Final[Any] = getattr(ctypes, "pythonapi", None)


def get_number(obj: object, offset: int) -> int:
    """The ``Py_ssize_t`` at this offset."""
    return ctypes.c_ssize_t.from_address(id(obj) + offset).value


def set_number(obj: object, offset: int, value: int) -> None:
    ctypes.c_ssize_t.from_address(id(obj) + offset).value = value


def get_object(obj: object, offset: int) -> object:
    """What the field refers to; :exc:`LookupError` if it is empty."""
    if not get_number(obj, offset):
        raise LookupError(offset)
    found: object = ctypes.py_object.from_address(id(obj) + offset).value
    return found


def set_object(obj: object, offset: int, value: object) -> None:
    """Let the field own ``value`` instead of what it owned."""
    old = get_number(obj, offset)
    _PYTHON.Py_IncRef(ctypes.py_object(value))
    set_number(obj, offset, id(value))
    if old:
        _PYTHON.Py_DecRef(ctypes.cast(old, ctypes.py_object))
