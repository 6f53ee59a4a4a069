"""State of the interpreter that belongs to a session: the table of capturers, and those of other packages.

What lives here: the table, capturing and restoring as a whole. What must not: what a capturer does.
"""

from __future__ import annotations

import decimal
import random
import sys
from collections.abc import Mapping
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot import (
    foreign,
    hooks,
    imported,
    library_state,
    logging_state,
    plots,
    process_state,
    registered,
    registries,
    replaced,
    thread_settings,
    warning_state,
    weak_references,
)
from caesura.snapshot.capturing import Capturer, difference

CAPTURERS: Final = (
    *process_state.EARLY,
    Capturer("recursion limit", sys.getrecursionlimit, sys.setrecursionlimit, early=True),
    Capturer("plot backend", plots.capture_backend, plots.restore_backend, early=True),
    Capturer("random", random.getstate, random.setstate),
    *library_state.CAPTURERS,
    thread_settings.CAPTURER,
    Capturer("finalizers", weak_references.capture_finalizers, weak_references.restore_finalizers),
    Capturer("plots", plots.capture_plots, plots.restore_plots),
    Capturer("logging", logging_state.capture, logging_state.restore),
    Capturer("logging settings", logging_state.capture_settings, logging_state.restore_settings, from_new=True),
    Capturer("decimal context", lambda: decimal.getcontext().copy(), decimal.setcontext),
    *registries.CAPTURERS,
    Capturer("registered reducers", registered.capture, registered.restore),
    *process_state.CAPTURERS,
    warning_state.SHOWN,
    *hooks.CAPTURERS,  # last: a trace function sees everything that comes after it
)

PLACE: Final = "interpreter"
"""How what is not reached through a variable or a frame is named."""

_SIMPLE: Final = (int, float, str, frozenset)
"""A setting that is one of these is never anything else."""

_new: dict[str, Any] = {}


def begin() -> None:
    """A session begins in this process, or is about to be loaded: what is there now is not the user's.

    Until this is called, capturers that compare with it give nothing.
    """
    registries.begin()
    replaced.begin()
    _new.clear()
    _new.update({capturer.name: capturer.capture() for capturer in CAPTURERS if capturer.from_new})


def prepare() -> None:
    """What a zygote does once, before any code of a user: find what other packages offer, see what is registered."""
    registries.watch()
    if "ssl" in sys.modules:
        from caesura.snapshot import tls

        tls.watch()
    imported.watch()
    foreign.find()


def capture(*, early: bool) -> dict[str, Any]:
    """Name → state, of the capturers that are ``early`` or not.

    CannotMove if something has no state that could be restored; it names the package if another one's capturer fails.
    """
    try:
        return _capture(early)
    except CannotMove as error:
        raise CannotMove(error.kind, PLACE, error.remedy) from error


def _capture(early: bool) -> dict[str, Any]:
    found = {}
    for capturer in CAPTURERS:
        if capturer.early is early and (not capturer.from_new or capturer.name in _new):
            state = capturer.capture()
            if capturer.from_new:
                state = difference(state, _new[capturer.name])
            if state is not None:
                if capturer.holds is not None:
                    raise capturer.holds(state)
                if capturer.from_new and _is_strange(state, _new[capturer.name]):
                    remedy = f"It is a {type(state).__name__}: something that was replaced in a module gives it."
                    raise CannotMove(f"the {capturer.name} of this process", remedy=remedy)
                found[capturer.name] = state
    return {**found, **foreign.capture(early=early)}


def _is_strange(state: object, new: object) -> bool:
    return type(new) in _SIMPLE and type(state) is not type(new)


def settings_in(states: Mapping[str, Any]) -> list[str]:
    """What of the interpreter's own is not as when the session began, in words."""
    return [f"the {name} of the interpreter" for name in states if name in _new]


def restore(states: dict[str, Any]) -> None:
    """Put back what :func:`capture` gave. SnapshotRefused if another package's capturer fails; a state that nobody
    knows any more is ignored."""
    for capturer in CAPTURERS:
        if capturer.name in states:
            capturer.restore(states[capturer.name])
    foreign.restore(states)
