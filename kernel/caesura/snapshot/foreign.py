"""Capturers of other packages, found through the entry points of the group ``caesura.capturers``.

The name of an entry point is the module whose state it keeps; it is loaded once that module is, so that a worker that
does not use it pays nothing. It leads to an object with ``capture()``, ``restore(state)`` and, optionally, ``early``
(:class:`caesura.snapshot.capturing.Capturer` is one).
"""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Any, Final

from caesura.errors import CannotMove, SnapshotRefused

GROUP: Final = "caesura.capturers"
_PREFIX: Final = "capturer:"

_points: dict[str, metadata.EntryPoint] = {}
_loaded: dict[str, Any] = {}


def find() -> None:
    """Read what is installed. This takes some milliseconds: a zygote does it once."""
    _points.clear()
    _loaded.clear()
    for point in metadata.entry_points(group=GROUP):
        _points[f"{_PREFIX}{_package(point)}:{point.name}"] = point


def _package(point: metadata.EntryPoint) -> str:
    return "unknown package" if point.dist is None else str(point.dist.name)


def capture(*, early: bool) -> dict[str, Any]:
    """The states of the capturers whose module is loaded. CannotMove, which names the package, if one fails."""
    found = {}
    for key, point in _points.items():
        if point.name not in sys.modules:
            continue
        try:
            capturer = _load(key)
            if bool(getattr(capturer, "early", False)) is early:
                state = capturer.capture()
                if state is not None:
                    found[key] = state
        except CannotMove:
            raise
        except Exception as error:
            kind = f"the state of {point.name}, which the package {_package(point)} keeps"
            raise CannotMove(kind, remedy=f"Its capturer failed: {_text(error)}.") from error
    return found


def restore(states: dict[str, Any]) -> None:
    """Put back what :func:`capture` gave. SnapshotRefused, which names the package, if that fails."""
    for key, state in states.items():
        if not key.startswith(_PREFIX):
            continue
        package, _, module = key.removeprefix(_PREFIX).rpartition(":")
        if key not in _points:
            raise SnapshotRefused(
                f"This snapshot has the state of {module}, which the package {package} keeps; it is not installed here."
            )
        try:
            _load(key).restore(state)
        except Exception as error:
            raise SnapshotRefused(
                f"The state of {module} was not restored: the capturer of the package {package} failed: {_text(error)}."
            ) from error


def _load(key: str) -> Any:
    capturer = _loaded.get(key)
    if capturer is None:
        capturer = _points[key].load()
        for name in ("capture", "restore"):
            if not callable(getattr(capturer, name, None)):
                raise TypeError(f"{_points[key].value} has no method {name}()")
        _loaded[key] = capturer
    return capturer


def _text(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
