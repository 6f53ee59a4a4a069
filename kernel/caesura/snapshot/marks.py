"""Marks: objects that mean something by being the very one that a module has, such as ``configparser._UNSET`` or
``http.client``'s default for a timeout. A copy of one would be an ordinary value, and what compares with ``is`` would
go another way after a move.

What lives here: objects without a state that stand in an imported module, which go by their name. What must not:
classes, functions, enumerations (they have names of their own), and strings (``seeds.py``).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from caesura.snapshot.reducing import Pickling, Reduced, Reducer, is_importable

_known: Final[dict[int, tuple[object, str, str]]] = {}
"""By its address: the mark, kept alive, and module and name of the first module that was seen to have it."""


def note(module: str, contents: Mapping[str, Any]) -> None:
    """Remember the plain objects of a module whose import is over."""
    for name, value in list(contents.items()):
        if type(value) is object:
            _known.setdefault(id(value), (value, module, name))


def reduce_object(pickler: Pickling, mark: object) -> Reduced:
    """An instance of :class:`object` itself."""
    found = _known.get(id(mark))
    return NotImplemented if found is None else (value_in_module, found[1:])


def reducer_of_marks(cls: type, otherwise: Reducer | None) -> Reducer | None:
    """The reducer for instances of a class of which its own module has some without a state, else ``otherwise``."""
    module = sys.modules.get(cls.__module__)
    if cls.__module__ in ("__main__", "builtins") or module is None or not is_importable(module):
        return otherwise
    names = [name for name, value in list(vars(module).items()) if type(value) is cls and _is_bare(value)]
    return _OrMark(cls.__module__, tuple(names), otherwise) if names else otherwise


@dataclass(frozen=True)
class _OrMark:
    module: str
    names: tuple[str, ...]
    otherwise: Reducer | None

    def __call__(self, pickler: Pickling, obj: Any) -> Reduced:
        contents = vars(sys.modules[self.module])
        for name in self.names:
            if contents.get(name) is obj and _is_bare(obj):
                return value_in_module, (self.module, name)
        return NotImplemented if self.otherwise is None else self.otherwise(pickler, obj)


def _is_bare(value: object) -> bool:
    """Whether it says all by being there: no state, no arguments, nothing in it."""
    try:
        reduced: tuple[Any, ...] = tuple(object.__reduce_ex__(value, 2))
    except Exception:  # noqa: BLE001  what its class does then is not of interest
        return False
    return len(reduced[1]) == 1 and all(part is None for part in reduced[2:])


def value_in_module(module: str, name: str) -> object:
    return vars(importlib.import_module(module))[name]
