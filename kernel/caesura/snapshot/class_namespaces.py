"""The dict behind ``__dict__`` of a class, which functions can hold in a cell.

From 3.12 on what is evaluated late inside a class (annotations, bounds of type parameters) looks names up there:
https://docs.python.org/3.14/reference/executionmodel.html#annotation-scopes, ``__classdict__`` in
https://github.com/python/cpython/blob/3.14/Python/symtable.c.
"""

from __future__ import annotations

import gc
import weakref
from typing import Any, Final, cast

_classes: Final[weakref.WeakValueDictionary[int, type]] = weakref.WeakValueDictionary()


def namespace_of(cls: type) -> dict[str, Any]:
    """The dict that ``cls.__dict__`` shows."""
    return cast("dict[str, Any]", gc.get_referents(cls.__dict__)[0])


def note_class(cls: type) -> None:
    """Make :func:`class_of` find ``cls`` at once."""
    _classes[id(namespace_of(cls))] = cls


def class_of(namespace: dict[str, Any]) -> type | None:
    """The class whose namespace this very dict is, or None."""
    if "__module__" not in namespace or "__doc__" not in namespace:
        return None
    noted = _classes.get(id(namespace))
    # A class that nobody has come to yet is found among what refers to the dict.
    candidates = gc.get_referrers(namespace) if noted is None else [noted]
    return next((each for each in candidates if isinstance(each, type) and namespace_of(each) is namespace), None)
