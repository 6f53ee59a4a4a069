"""What was replaced in library modules at run time moves with the session: ``requests.get = fake``, an open
``mock.patch``, a setting of a module.

A patch is: a function or class of a library that was replaced or deleted; something of the notebook's that was put into
a library; and a plain value that was changed. The original that was replaced is referred to and not copied, so that
whoever puts it back puts the real one back. Other values that a library sets in its own modules are its own (caches,
singletons): they are made anew.
"""

from __future__ import annotations

import importlib
import logging
import sys
import types
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, Final

from caesura.snapshot import imported
from caesura.snapshot.imported import MISSING, Change
from caesura.snapshot.reducing import NOTEBOOK_MODULES

_PLAIN: Final = (bool, int, float, complex, str, bytes, type(None))
_DESCRIPTORS: Final = (staticmethod, classmethod, property)

Patch = tuple[str, str, str, tuple[Any, ...]]
"""Module, class in it or the empty string, name, and the new value; no value where the name was deleted."""

_originals: list[tuple[str, Any]] = []


def capture(namespace: Mapping[str, Any]) -> list[Patch] | None:
    """The patches of libraries; None if there are none. ``namespace`` is the notebook's."""
    changes = [change for change in imported.library_changes(namespace) if _is_patch(change, namespace)]
    _originals[:] = [
        (f"{change.module}:{_path(change)}", change.old) for change in changes if not isinstance(change.old, _PLAIN)
    ]
    return [patch_of(change) for change in changes] or None


def patch_of(change: Change) -> Patch:
    return change.module, change.qualname, change.name, () if change.new is MISSING else (change.new,)


def originals() -> list[tuple[str, Any]]:
    """``module:path`` and the value there before it was replaced, of what the last :func:`capture` found."""
    return [(place, value) for place, value in _originals if value is not MISSING]


def original(place: str) -> object:
    """What :func:`originals` named, in this process."""
    module, _, path = place.partition(":")
    importlib.import_module(module)
    return imported.value_at_import(module, path)


def restore(saved: list[Patch]) -> None:
    for module, qualname, name, new in saved:
        owner: Any = importlib.import_module(module)
        for part in qualname.split(".") if qualname else ():
            owner = getattr(owner, part)
        set_value(owner, name, new)


def set_value(owner: Any, name: str, new: tuple[Any, ...]) -> None:
    if new:
        (type.__setattr__ if isinstance(owner, type) else setattr)(owner, name, new[0])
    elif name in vars(owner):
        (type.__delattr__ if isinstance(owner, type) else delattr)(owner, name)


def pieces(namespace: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """What :func:`capture` takes, piece by piece, with the names that a user knows it by."""
    for module, qualname, name, new in capture(namespace) or ():
        yield " → ".join(filter(None, (f"module {module}", qualname, name))), new


def _path(change: Change) -> str:
    return f"{change.qualname}.{change.name}" if change.qualname else change.name


def _is_patch(change: Change, namespace: Mapping[str, Any]) -> bool:
    old, new = change.old, change.new
    if isinstance(new, types.ModuleType) or (change.name == "showwarning" and change.module == "warnings"):
        return isinstance(old, types.FunctionType) and not _takes_warnings(new)
    if is_of_notebook(new, namespace):
        return True
    if old is MISSING:
        return False
    if callable(old) or isinstance(old, _DESCRIPTORS):
        return new is MISSING or callable(new) or isinstance(new, (*_DESCRIPTORS, *_PLAIN))
    is_private = change.name.startswith("_") and change.module.partition(".")[0] in sys.stdlib_module_names
    return isinstance(old, _PLAIN) and isinstance(new, _PLAIN) and not is_private and old != new


def _takes_warnings(function: object) -> bool:
    return function is vars(logging)["_showwarning"] or function is vars(warnings).get("_showwarning_orig")


def is_of_notebook(value: Any, namespace: Mapping[str, Any]) -> bool:
    """Whether something was made in the notebook, or is a mock."""
    if isinstance(value, _DESCRIPTORS):
        value = getattr(value, "__func__", getattr(value, "fget", None))
    if isinstance(value, types.FunctionType):
        return value.__globals__ is namespace or value.__module__ in NOTEBOOK_MODULES
    cls = value if isinstance(value, type) else type(value)
    return cls.__module__ in NOTEBOOK_MODULES or cls.__module__ == "unittest.mock"
