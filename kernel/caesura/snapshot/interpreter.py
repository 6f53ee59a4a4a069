"""State of the interpreter that belongs to a session: one capturer each, in one table.

``early`` ones are restored before anything else is loaded, because imports depend on them; they must be made of strings
and numbers only.
"""

from __future__ import annotations

import decimal
import os
import random
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from caesura.snapshot import logging_state, plots

NOT_OF_THE_SESSION: Final = ("CAESURA_", "JPY_", "PYTHONHASHSEED")
"""Variables of the environment that belong to the process."""


@dataclass(frozen=True, slots=True)
class Capturer:
    """``capture`` gives what ``restore`` takes, or None for nothing."""

    name: str
    capture: Callable[[], Any]
    restore: Callable[[Any], None]
    early: bool = False


def _directory() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


def _change_directory(path: str) -> None:
    if os.path.isdir(path):
        os.chdir(path)


def _is_of_the_session(name: str) -> bool:
    return not name.startswith(NOT_OF_THE_SESSION)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if _is_of_the_session(name)}


def _set_environment(saved: dict[str, str]) -> None:
    for name in [name for name in os.environ if _is_of_the_session(name) and name not in saved]:
        del os.environ[name]
    for name, value in saved.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _set_path(saved: list[str]) -> None:
    sys.path[:] = saved


def _numpy_random() -> Any:
    numpy_random = sys.modules.get("numpy.random")
    return None if numpy_random is None else numpy_random.get_state()


def _set_numpy_random(state: Any) -> None:
    import numpy.random

    numpy.random.set_state(state)


def _set_filters(filters: list[Any]) -> None:
    warnings.filters[:] = filters  # type: ignore[index]  # a list, which typeshed shows as a sequence
    vars(warnings)["_filters_mutated"]()


def _numpy_printing() -> dict[str, Any] | None:
    numpy = sys.modules.get("numpy")
    return None if numpy is None else numpy.get_printoptions()


def _set_numpy_printing(state: dict[str, Any]) -> None:
    import numpy

    known = numpy.get_printoptions()
    numpy.set_printoptions(**{name: value for name, value in state.items() if name in known})


CAPTURERS: Final = (
    Capturer("environment", _environment, _set_environment, early=True),
    Capturer("directory", _directory, _change_directory, early=True),
    Capturer("path", lambda: [str(entry) for entry in sys.path], _set_path, early=True),
    Capturer("recursion limit", sys.getrecursionlimit, sys.setrecursionlimit, early=True),
    Capturer("plot backend", plots.capture_backend, plots.restore_backend, early=True),
    Capturer("random", random.getstate, random.setstate),
    Capturer("numpy random", _numpy_random, _set_numpy_random),
    Capturer("numpy printing", _numpy_printing, _set_numpy_printing),
    Capturer("plots", plots.capture_plots, plots.restore_plots),
    Capturer("warning filters", lambda: list(warnings.filters), _set_filters),
    Capturer("logging", logging_state.capture, logging_state.restore),
    Capturer("decimal context", lambda: decimal.getcontext().copy(), decimal.setcontext),
)


def capture(*, early: bool) -> dict[str, Any]:
    """Name → state, of the capturers that are ``early`` or not."""
    states = {capturer.name: capturer.capture() for capturer in CAPTURERS if capturer.early is early}
    return {name: state for name, state in states.items() if state is not None}


def restore(states: dict[str, Any]) -> None:
    """Put back what :func:`capture` gave; a state that no capturer knows is ignored."""
    for capturer in CAPTURERS:
        if capturer.name in states:
            capturer.restore(states[capturer.name])
