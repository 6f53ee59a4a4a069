"""The modules that were there before a worker was forked, looked through once for all workers.

A save has to know the dicts of all modules, and where a context variable lies. To walk through a thousand modules for
that costs 10 ms and, in a forked process, copies every page that it touches. A zygote calls :func:`remember`; without
it (a spawned worker, a test) everything is looked at when it is needed.

What lives here: which modules those were, and what of them is new. What must not: pickling.
"""

from __future__ import annotations

import contextvars
import sys
import threading
import types
from dataclasses import dataclass, field
from typing import Any, Final

from caesura.snapshot import packages
from caesura.snapshot.fingerprints import WatchedDicts
from caesura.snapshot.loaded_modules import OfLoadedModules
from caesura.snapshot.thread_locals import Place, found_in, plain_values


@dataclass(frozen=True, eq=False)
class WarmModules:
    """``dicts``: the contents of each importable module by its name, in order. ``sizes``: how many names each had, and
    ``unset``: which of them stood for nothing, as what is made on first use does. ``variables``: ``id`` of a context
    variable → itself, its module and its name there. ``warned``: those that had shown warnings. ``watched``: all of
    them. ``thread_locals``: of :mod:`caesura.snapshot.thread_locals`; ``thread_settings``: fingerprints of their plain
    values."""

    modules: dict[str, types.ModuleType] = field(default_factory=dict)
    dicts: dict[str, dict[str, Any]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    unset: list[tuple[str, str]] = field(default_factory=list)
    variables: dict[int, tuple[contextvars.ContextVar[Any], str, str]] = field(default_factory=dict)
    warned: list[str] = field(default_factory=list)
    watched: WatchedDicts = field(default_factory=WatchedDicts)
    thread_locals: dict[Place, threading.local] = field(default_factory=dict)
    thread_settings: dict[Place, dict[str, bytes]] = field(default_factory=dict)
    top_level: frozenset[str] = frozenset()


_warm = WarmModules()


def known() -> WarmModules:
    """What :func:`remember` found last; empty without it."""
    return _warm


def remember() -> None:
    """Look through all modules that are imported now. Before a fork, in a process in which no user code has run."""
    global _warm
    packages.versions()
    found = WarmModules(top_level=frozenset(name.partition(".")[0] for name in sys.modules))
    imported: list[tuple[str, object]] = list(sys.modules.items())
    for name, module in imported:
        if not isinstance(module, types.ModuleType):
            continue
        found.modules[name] = module
        contents = module.__dict__
        found.watched.note(name, contents)
        if "__warningregistry__" in contents:
            found.warned.append(name)
        if contents.get("__spec__") is None:
            continue
        found.dicts[name] = contents
        found.sizes[name] = len(contents)
        for attribute, value in list(contents.items()):
            if value is None and not attribute.startswith("__"):
                found.unset.append((name, attribute))
            elif type(value) is contextvars.ContextVar:
                found.variables.setdefault(id(value), (value, name, attribute))
    found.thread_locals.update(found_in(found.modules.items()))
    for place, local in found.thread_locals.items():
        found.thread_settings[place] = {name: print_ for name, (_, print_) in plain_values(local).items()}
    _warm = found
    _others.forget()


def others() -> list[tuple[str, Any]]:
    """What stands in ``sys.modules`` and was not remembered, or not under this name."""
    return _others.value()


def _find_others() -> list[tuple[str, Any]]:
    warm = _warm.modules
    return [(name, module) for name, module in list(sys.modules.items()) if warm.get(name) is not module]


_others: Final = OfLoadedModules(_find_others)


def with_warnings() -> list[tuple[str, Any]]:
    """The modules that may have shown warnings, by name: those that have, and those that are new or not as they
    were."""
    warm = _warm
    names = dict.fromkeys((*warm.warned, *warm.watched.changed()))
    return [(name, module) for name in names if (module := sys.modules.get(name)) is not None] + others()


def imported_names() -> list[str]:
    """The top-level modules of installed packages that were imported since."""
    names = {name.partition(".")[0] for name, _module in others()}
    return sorted(names - _warm.top_level - sys.stdlib_module_names - {"__main__", "__mp_main__"})
