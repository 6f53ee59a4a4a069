"""Modules that a zygote has imported for those who will import them, put aside until they do.

A worker must look as if nothing had been imported: ``sys.modules`` does not show what is here, and a module of the
user's that has the name of an installed one comes first, as it should. An import that would find the very file from
which a module was made gets that module, with all that its import had brought along.

What lives here: putting aside and taking back. What must not: which modules are worth it (``preloading.py``).
"""

from __future__ import annotations

import random
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.abc import Loader
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, Final


@dataclass(frozen=True)
class Put:
    """What an import brought along: names of modules, and finders that it added."""

    names: frozenset[str]
    finders: tuple[Any, ...] = ()


def is_seeded_at_import(value: object) -> bool:
    """Whether this is a generator of random numbers that can be seeded anew: Python's, or the old one of numpy."""
    return isinstance(value, random.Random) or type(value).__qualname__ == "RandomState"


class Shelf(Loader):
    """A finder and a loader."""

    def __init__(self) -> None:
        self._modules: dict[str, types.ModuleType] = {}
        self._specs: dict[str, ModuleSpec] = {}
        self._puts: dict[str, Put] = {}
        self._bound: set[str] = set()
        self._generators: list[Any] = []

    @property
    def names(self) -> list[str]:
        """The modules that were asked for and are here."""
        return [root for root, put in self._puts.items() if put.names & self._modules.keys()]

    def put_aside(self, root: str, names: frozenset[str], finders: Sequence[Any] = ()) -> None:
        """Take the modules ``names``, and ``finders``, away: the import of ``root`` has brought them."""
        for name in sorted(names, reverse=True):  # what is inside a package before the package
            module = sys.modules.pop(name, None)
            if isinstance(module, types.ModuleType) and module.__spec__ is not None:
                self._modules[name] = module
                self._specs[name] = module.__spec__
                self._unbind(name, module)
                self._generators += [each for each in vars(module).values() if is_seeded_at_import(each)]
        self._puts[root] = Put(frozenset(name for name in names if name in self._modules), tuple(finders))
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in finders and finder is not self]
        if self._modules:
            sys.meta_path.insert(0, self)

    def _unbind(self, name: str, module: types.ModuleType) -> None:
        """A package must not show a module that is not imported: what is reached so would not count as imported."""
        parent_name, _, child = name.rpartition(".")
        parent = sys.modules.get(parent_name, self._modules.get(parent_name))
        if parent is not None and vars(parent).get(child) is module:
            delattr(parent, child)
            self._bound.add(name)

    def _bind(self, name: str, module: types.ModuleType) -> None:
        parent_name, _, child = name.rpartition(".")
        parent = sys.modules.get(parent_name)
        if name in self._bound and parent is not None and child not in vars(parent):
            setattr(parent, child, module)

    def draw_new_random_numbers(self) -> None:
        """Two forks of one process must not draw the same."""
        for each in self._generators:
            each.seed()

    # --- a finder -------------------------------------------------------------------------------------------------

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """How ``name`` comes back; None if it is not here, or is not what would be imported."""
        if name not in self._modules:
            return None
        kept = self._specs[name]
        found = PathFinder.find_spec(name, path)
        if found is None or found.origin != kept.origin:
            if "." not in name:
                self._forget(name)
            return None
        return ModuleSpec(name, self, origin=kept.origin, is_package=kept.submodule_search_locations is not None)

    def _forget(self, name: str) -> None:
        """Something else is meant by this name: whatever was imported together with it will be imported again."""
        self._puts = {root: put for root, put in self._puts.items() if name not in put.names}
        wanted = frozenset[str]().union(*(put.names for put in self._puts.values()))
        self._modules = {name: module for name, module in self._modules.items() if name in wanted}
        self._leave_if_empty()

    def _leave_if_empty(self) -> None:
        if not self._modules and self in sys.meta_path:
            sys.meta_path.remove(self)

    # --- a loader -------------------------------------------------------------------------------------------------

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        return self._modules[spec.name]

    def exec_module(self, module: types.ModuleType) -> None:
        """All that was imported with it is there from now on."""
        assert module.__spec__ is not None  # importlib has set it
        name = module.__spec__.name
        put = min((put for put in self._puts.values() if name in put.names), key=lambda put: len(put.names))
        for each in sorted(put.names):  # a package before what is inside
            found = self._modules.pop(each, None)
            if found is not None:
                found.__spec__ = self._specs[each]
                sys.modules.setdefault(each, found)
                self._bind(each, found)
        sys.meta_path.extend(finder for finder in put.finders if finder not in sys.meta_path)
        self._leave_if_empty()


shelf: Final = Shelf()
"""The one of this process."""
