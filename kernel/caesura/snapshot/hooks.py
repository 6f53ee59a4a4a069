"""Functions of the user's that the interpreter calls: hooks of :mod:`sys` and :mod:`threading`, names in builtins."""

from __future__ import annotations

import builtins
import sys
import threading
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot.capturing import Capturer

_OF_THE_SHELL: Final = frozenset({"get_ipython", "exit", "quit", "display", "__IPYTHON__", "_"})
"""Names that IPython puts into builtins while a cell runs."""


def _hook(module: Any, name: str) -> Capturer:
    def restore(hook: Any) -> None:
        setattr(module, name, hook)

    return Capturer(f"{module.__name__}.{name}", lambda: getattr(module, name), restore, from_new=True)


def _builtins() -> dict[str, Any]:
    return {name: value for name, value in vars(builtins).items() if name not in _OF_THE_SHELL}


def _set_builtins(saved: dict[str, Any]) -> None:
    vars(builtins).update(saved)


def _monitoring_tools() -> dict[int, str]:
    monitoring = getattr(sys, "monitoring", None)  # from 3.12 on
    if monitoring is None:
        return {}
    return {number: name for number in range(6) if (name := monitoring.get_tool(number)) is not None}


def _no_tools(tools: dict[int, str]) -> CannotMove:
    """The functions that a tool has registered cannot be asked for."""
    names = ", ".join(tools.values())
    return CannotMove(f"the tool {names} of sys.monitoring", remedy="Free its id before the await.")


CAPTURERS: Final = (
    Capturer("builtins", _builtins, _set_builtins, from_new=True),
    # not sys.excepthook: IPython sets its own for each statement, and puts back after it what was there
    _hook(sys, "unraisablehook"),
    _hook(sys, "breakpointhook"),
    _hook(threading, "excepthook"),
    Capturer("tools of sys.monitoring", _monitoring_tools, from_new=True, holds=_no_tools),
    Capturer("trace function of threads", threading.gettrace, threading.settrace, from_new=True),
    Capturer("profile function of threads", threading.getprofile, threading.setprofile, from_new=True),
    Capturer("profile function", sys.getprofile, sys.setprofile, from_new=True),
    Capturer("trace function", sys.gettrace, sys.settrace, from_new=True),
)
