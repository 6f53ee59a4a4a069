"""Modules that no import can bring: made by ``types.ModuleType``, or by ``%run``. They move by value.

Functions in them have the dict of their module as globals, there as here.
"""

from __future__ import annotations

import gc
import sys
import types
from typing import Any

from caesura.snapshot import imported
from caesura.snapshot.reducing import NOTEBOOK_MODULES, Pickling, Reduced, is_importable


def reduce_made_module(pickler: Pickling, module: types.ModuleType) -> Reduced:
    return make_module, (type(module), vars(module).get("__name__", "")), dict(vars(module)), None, None, fill_module


def make_module(cls: type[types.ModuleType], name: str) -> types.ModuleType:
    return cls(name)


def fill_module(module: types.ModuleType, contents: dict[str, Any]) -> None:
    vars(module).clear()
    vars(module).update(contents)


class GlobalsOf:
    """Stands for the dict of a module that was made at run time."""

    def __init__(self, module: types.ModuleType) -> None:
        self._module = module

    def __reduce__(self) -> Reduced:
        return vars, (self._module,)


def module_of(contents: dict[str, Any]) -> types.ModuleType | None:
    """The module made at run time whose dict this is, or None."""
    known = sys.modules.get(str(contents.get("__name__")))
    if isinstance(known, types.ModuleType) and known.__dict__ is contents:
        return None if is_importable(known) else known
    for each in gc.get_referrers(contents):
        if isinstance(each, types.ModuleType) and each.__dict__ is contents and not is_importable(each):
            return each
    return None


def capture(namespace: dict[str, Any]) -> dict[str, Any] | None:
    """What the notebook has put into ``sys.modules``: modules made at run time, None to forbid an import."""
    found: dict[str, Any] = {}
    for name in imported.not_imported() - NOTEBOOK_MODULES:
        module: types.ModuleType | None = sys.modules.get(name)
        if module is None and name in sys.modules:
            found[name] = None
        elif type(module) is types.ModuleType and not is_importable(module) and _is_of_notebook(module, namespace):
            found[name] = module
    return found or None


def _is_of_notebook(module: types.ModuleType, namespace: dict[str, Any]) -> bool:
    """Libraries make modules too, when they are imported."""
    if any(value is module for value in list(namespace.values())):
        return True
    return any(
        isinstance(value, types.FunctionType) and value.__globals__ is namespace
        for value in list(vars(module).values())
    )


def restore(saved: dict[str, Any]) -> None:
    for name, module in saved.items():
        sys.modules[name] = module
