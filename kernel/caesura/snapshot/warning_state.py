"""Filters of :mod:`warnings`, and which warnings have been shown: those are not shown again after a move.

A module keeps what it has shown beside a version of the filters, which no attribute tells, and forgets it when that is
another one (https://docs.python.org/3/library/warnings.html, ``already_warned`` in
https://github.com/python/cpython/blob/3.13/Python/_warnings.c).
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import Any, Final

from caesura.snapshot import warm_modules
from caesura.snapshot.capturing import Capturer

_REGISTRY: Final = "__warningregistry__"
_VERSION: Final = "version"
_NOTHING_SHOWN: Final = [("ignore", None, Warning, None, 0)]

Shown = dict[str, dict[Any, Any]]
"""Name of a module → what it has shown."""


def _set_filters(filters: list[Any]) -> None:
    warnings.filters[:] = filters  # type: ignore[index]  # a list, which typeshed shows as a sequence
    vars(warnings)["_filters_mutated"]()


def _shown() -> tuple[Shown, dict[Any, Any]] | None:
    """What the modules have shown with the filters that are in force, and what is shown only once at all."""
    found = dict(_registries())
    once = dict(vars(warnings)["onceregistry"])
    if not found and not once:
        return None
    version = _version()
    return {name: dict(each) for name, each in found.items() if each.get(_VERSION) == version}, once


def _set_shown(saved: tuple[Shown, dict[Any, Any]]) -> None:
    shown, once = saved
    vars(warnings)["onceregistry"].update(once)
    version = _version()
    for name, registry in _registries():
        if name not in shown:
            registry.pop(_VERSION, None)  # of other filters: it might be the number of these by accident
    for name, registry in shown.items():
        module = sys.modules.get(name)
        if module is not None:
            kept = module.__dict__.setdefault(_REGISTRY, {})
            kept.update(registry)
            kept[_VERSION] = version


def _registries() -> Iterator[tuple[str, dict[Any, Any]]]:
    for name, module in warm_modules.with_warnings():
        registry = getattr(module, "__dict__", {}).get(_REGISTRY)
        if type(registry) is dict:
            yield name, registry


def _version() -> object:
    """The version of the filters: what a warning writes that nobody sees."""
    registry: dict[Any, Any] = {}
    filters = warnings.filters
    warnings.filters = _NOTHING_SHOWN
    try:
        warnings.warn_explicit("", Warning, "", 0, registry=registry)
    finally:
        warnings.filters = filters
    return registry.get(_VERSION)


FILTERS: Final = Capturer("warning filters", lambda: list(warnings.filters), _set_filters)
SHOWN: Final = Capturer("warnings that were shown", _shown, _set_shown)
"""To be restored when nothing sets filters any more, even for a moment."""
