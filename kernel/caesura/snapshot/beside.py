"""What a session has beside its namespace and the interpreter's settings: what it did to modules.

What lives here: all of it together, for the session as a whole. What must not: the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from caesura.snapshot import hooks, local_modules, made_modules, patches

PREFIX: Final = "original:"
"""Begins the names of seeds for objects that are in a module after it was imported."""


def capture(namespace: dict[str, Any]) -> dict[str, Any]:
    """State by name."""
    found = {
        "made": made_modules.capture(namespace),
        "local": local_modules.capture(),
        "patches": patches.capture(namespace),
    }
    return {name: state for name, state in found.items() if state is not None}


def patches_in(states: Mapping[str, Any]) -> list[str]:
    """What was replaced in modules, in words."""
    return [f"the patch of {'.'.join(filter(None, patch[:3]))}" for patch in states.get("patches", ())]


def pieces(namespace: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """What :func:`capture` takes, piece by piece, with the names that a user knows it by."""
    for name, module in (made_modules.capture(namespace) or {}).items():
        yield f"sys.modules[{name!r}]", module
    yield from local_modules.pieces()
    yield from patches.pieces(namespace)


def originals() -> Iterator[tuple[str, object]]:
    """Names and objects for the seeds of the snapshot of which :func:`capture` was called just before."""
    for place, value in patches.originals():
        yield f"{PREFIX}|{place}", value
    for place, value in hooks.replaced():
        yield f"{PREFIX}|{place}", value
    for place, value in local_modules.originals():
        yield f"{PREFIX}{place}", value


def original(name: str) -> object:
    """The object here for a seed's name without the prefix; MISSING if there is none."""
    if not name.startswith("|"):
        return local_modules.original(name)
    found = hooks.at_import(name[1:])
    return patches.original(name[1:]) if found is None else found


def restore(saved: dict[str, Any]) -> tuple[list[str], Callable[[], None]]:
    """Put back what :func:`capture` gave; what the user has to be told, and what puts the last of it in place: to be
    called when nothing but code of the user's runs any more."""
    notices: list[str] = []
    if "made" in saved:
        made_modules.restore(saved["made"])
    if "local" in saved:
        notices += local_modules.restore(saved["local"])
    return notices, patches.restore(saved.get("patches", ()))
