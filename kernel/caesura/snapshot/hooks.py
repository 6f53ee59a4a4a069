"""Functions of the user's that the interpreter calls: hooks of :mod:`sys` and :mod:`threading`; names in builtins."""

from __future__ import annotations

import builtins
import sys
import threading
from collections.abc import Iterator
from typing import Any, Final

from caesura.errors import CannotMove
from caesura.snapshot.capturing import Capturer, is_same
from caesura.snapshot.replaced import OF_THE_SHELL, functions_of

_OF_THE_KERNEL: Final = frozenset({"IPython", "ipykernel", "caesura"})
_AT_IMPORT: Final = {module.__name__: dict(vars(module)) for module in (builtins, sys)}


def _hook(module: Any, name: str) -> Capturer:
    def restore(hook: Any) -> None:
        setattr(module, name, hook)

    return Capturer(f"{module.__name__}.{name}", lambda: getattr(module, name), restore, from_new=True)


def _builtins() -> dict[str, Any]:
    """Those that :mod:`caesura.snapshot.replaced` does not look after."""
    names = vars(builtins).keys() - functions_of("builtins") - OF_THE_SHELL
    return {name: vars(builtins)[name] for name in names}


def _set_builtins(saved: dict[str, Any]) -> None:
    vars(builtins).update(saved)


def replaced() -> Iterator[tuple[str, object]]:
    """``module:name`` and the function or class there before somebody put another value in its place."""
    for module, known in _AT_IMPORT.items():
        now = vars(sys.modules[module])
        for name, old in known.items():
            is_shells = module == "builtins" and name in OF_THE_SHELL
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


def _exception_hook() -> object:
    """What stands in the place of the interpreter's and the kernel's own."""
    hook = sys.excepthook
    owner = type(getattr(hook, "__self__", None)).__module__.partition(".")[0]
    return None if hook is sys.__excepthook__ or owner in _OF_THE_KERNEL else hook


def _no_exception_hook(_: object) -> CannotMove:
    """The kernel sets its own for each statement, also for one that goes on elsewhere."""
    return CannotMove("the function in the place of sys.excepthook", remedy="Put back what was there before the await.")


CAPTURERS: Final = (
    Capturer("builtins", _builtins, _set_builtins, from_new=True),
    Capturer("exception hook", _exception_hook, from_new=True, holds=_no_exception_hook),
    _hook(sys, "unraisablehook"),
    _hook(sys, "breakpointhook"),
    _hook(threading, "excepthook"),
    Capturer("tools of sys.monitoring", _monitoring_tools, from_new=True, holds=_no_tools),
    Capturer("trace function of threads", threading.gettrace, threading.settrace, from_new=True),
    Capturer("profile function of threads", threading.getprofile, threading.setprofile, from_new=True),
    Capturer("profile function", sys.getprofile, sys.setprofile, from_new=True),
    Capturer("trace function", sys.gettrace, sys.settrace, from_new=True),
)
