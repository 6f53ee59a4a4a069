"""What was replaced in library modules at run time moves with the session: ``requests.get = fake``, an open
``mock.patch``, a setting of a module.

The original that was replaced is referred to and not copied, so that whoever puts it back puts the real one back. What
counts as replaced says :mod:`caesura.snapshot.replaced`. After a load the originals are in place until code of the user
runs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from caesura.snapshot import imported, replaced
from caesura.snapshot.imported import MISSING, Change
from caesura.snapshot.replaced import put

Patch = tuple[str, str, str, tuple[Any, ...]]
"""Module, class in it or the empty string, name, and the new value; no value where the name was deleted."""

_originals: list[tuple[str, Any]] = []


def capture(namespace: Mapping[str, Any]) -> list[Patch] | None:
    """The patches of libraries; None if there are none. ``namespace`` is the notebook's."""
    changes = replaced.changes(namespace)
    _originals[:] = [(place_of(change), change.old) for change in changes if not isinstance(change.old, replaced.PLAIN)]
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


def restore(saved: Sequence[Patch]) -> Callable[[], None]:
    """See whether all can be put in place; what puts it there."""
    changes = []
    for module, qualname, name, new in saved:
        owner: Any = importlib.import_module(module)
        for part in qualname.split(".") if qualname else ():
            owner = getattr(owner, part)
        old = vars(owner).get(name, MISSING)
        changes.append(Change(module, qualname, owner, name, old, new[0] if new else MISSING))
    for change in changes:
        try:
            put(change.owner, change.name, change.new)
        finally:
            put(change.owner, change.name, change.old)

    def put_in_place() -> None:
        for change in reversed(changes):  # what is in builtins, which all of this calls, is found first
            put(change.owner, change.name, change.new)

    return put_in_place


def pieces(namespace: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """What :func:`capture` takes, piece by piece, with the names that a user knows it by."""
    for module, qualname, name, new in capture(namespace) or ():
        yield " → ".join(filter(None, (f"module {module}", qualname, name))), new


def place_of(change: Change) -> str:
    """``module:path``."""
    return f"{change.module}:{change.qualname}.{change.name}" if change.qualname else f"{change.module}:{change.name}"
