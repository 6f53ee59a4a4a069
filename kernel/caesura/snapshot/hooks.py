"""Functions of the user's that the interpreter calls: hooks of :mod:`sys` and :mod:`threading`, names in builtins, and
what stands in place of a function of builtins or :mod:`sys`."""

from __future__ import annotations

import builtins
import sys
import threading
import types
from collections.abc import Iterator
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot.capturing import Capturer, is_same

_OF_THE_SHELL: Final = frozenset({"get_ipython", "exit", "quit", "display", "__IPYTHON__", "_"})
"""Names that IPython puts into builtins while a cell runs."""

_HOOKS: Final = frozenset({"displayhook", "excepthook", "breakpointhook", "unraisablehook"})
_AT_IMPORT: Final = {module.__name__: dict(vars(module)) for module in (builtins, sys)}


def _hook(module: Any, name: str) -> Capturer:
    def restore(hook: Any) -> None:
        setattr(module, name, hook)

    return Capturer(f"{module.__name__}.{name}", lambda: getattr(module, name), restore, from_new=True)


def _builtins() -> dict[str, Any]:
    return {name: value for name, value in vars(builtins).items() if name not in _OF_THE_SHELL}


def _set_builtins(saved: dict[str, Any]) -> None:
    vars(builtins).update(saved)


def _functions_of_sys() -> dict[str, Any]:
    functions = (name for name, value in _AT_IMPORT["sys"].items() if isinstance(value, types.BuiltinFunctionType))
    return {name: vars(sys)[name] for name in functions if name in vars(sys) and name not in _HOOKS}


def _set_functions_of_sys(saved: dict[str, Any]) -> None:
    vars(sys).update(saved)


def replaced() -> Iterator[tuple[str, object]]:
    """``module:name`` and the function or class there before somebody put another value in its place."""
    for module, known in _AT_IMPORT.items():
        now = vars(sys.modules[module])
        for name, old in known.items():
            is_shells = module == "builtins" and name in _OF_THE_SHELL
            if now.get(name) is not old and callable(old) and not is_shells and not is_same(now.get(name), old):
                yield f"{module}:{name}", old


def at_import(place: str) -> object:
    """What :func:`replaced` named, in this process; None if there is no such thing."""
    module, _, name = place.partition(":")
    return _AT_IMPORT.get(module, {}).get(name)


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
    Capturer("functions of sys", _functions_of_sys, _set_functions_of_sys, from_new=True),
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
