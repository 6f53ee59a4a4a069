"""What the operating system and the interpreter keep of a session: directory, variables, limits, signals, settings."""

from __future__ import annotations

import csv
import faulthandler
import gc
import importlib
import locale
import os
import signal
import socket
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable
from types import ModuleType
from typing import Any, Final, cast

from caesura.errors import CannotMove
from caesura.snapshot.capturing import Capturer

resource: ModuleType | None
try:
    import resource
except ImportError:
    resource = None

NOT_OF_THE_SESSION: Final = ("CAESURA_", "JPY_", "PYTHONHASHSEED")
"""Variables of the environment that belong to the process."""

_get_handler: Final[Any] = vars(importlib.import_module("_signal"))["getsignal"]
"""The C function: the public one makes an enum member of each handler, which costs more than the rest."""

_SIGNALS: Final = tuple(
    int(number) for number in signal.valid_signals() if number not in (signal.SIGKILL, getattr(signal, "SIGSTOP", 0))
)


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


# --- time zone, file mode, locale -----------------------------------------------------------------------------------


def _time_zone() -> tuple[Any, ...]:
    return time.tzname, time.timezone, time.altzone


def _set_time_zone(saved: tuple[Any, ...]) -> None:
    """The variable TZ is back already; it counts once ``tzset`` was called, which the user had done if this differs."""
    if _time_zone() != saved and hasattr(time, "tzset"):
        time.tzset()


def _umask() -> int:
    mask = os.umask(0o77)
    os.umask(mask)
    return mask


def _locale() -> str:
    return locale.setlocale(locale.LC_ALL)


def _set_locale(name: str) -> None:
    locale.setlocale(locale.LC_ALL, name)


# --- limits and scheduling ------------------------------------------------------------------------------------------


def _limits() -> dict[str, tuple[int, int]] | None:
    if resource is None:
        return None
    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    return {name: resource.getrlimit(getattr(resource, name)) for name in names}


def _set_limits(saved: dict[str, tuple[int, int]]) -> None:
    for name, limits in saved.items():
        cast("Any", resource).setrlimit(getattr(resource, name), limits)


def _priority() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def _set_priority(value: int) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, value)


def _processors() -> frozenset[int] | None:
    return frozenset(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None


def _set_processors(numbers: frozenset[int]) -> None:
    os.sched_setaffinity(0, numbers)


# --- signals --------------------------------------------------------------------------------------------------------


def _handlers() -> dict[int, Any]:
    return {number: _get_handler(number) for number in _SIGNALS}


def _set_handlers(saved: dict[int, Any]) -> None:
    for number, handler in saved.items():
        if handler is not None:
            signal.signal(number, handler)


def _blocked_signals() -> frozenset[int]:
    return frozenset(int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ()))


def _set_blocked_signals(numbers: frozenset[int]) -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, numbers)


def _timers() -> dict[str, bool]:
    return {
        name: True
        for name in ("ITIMER_REAL", "ITIMER_VIRTUAL", "ITIMER_PROF")
        if signal.getitimer(getattr(signal, name))[0]
    }


def _no_timers(timers: dict[str, bool]) -> CannotMove:
    remedy = "Cancel it before the await (signal.alarm(0) or signal.setitimer(which, 0)); asyncio's timers move."
    return CannotMove(f"a timer of signal.setitimer ({', '.join(timers)})", remedy=remedy)


# --- settings of the interpreter ------------------------------------------------------------------------------------


def _collector() -> dict[str, Any]:
    return {
        "enabled": gc.isenabled(),
        "threshold": gc.get_threshold(),
        "debug": gc.get_debug(),
        "callbacks": tuple(gc.callbacks),
    }


def _set_collector(saved: dict[str, Any]) -> None:
    if "enabled" in saved:
        (gc.enable if saved["enabled"] else gc.disable)()
    if "threshold" in saved:
        gc.set_threshold(*saved["threshold"])
    if "debug" in saved:
        gc.set_debug(saved["debug"])
    gc.callbacks.extend(each for each in saved.get("callbacks", ()) if each not in gc.callbacks)


def _set_faulthandler(is_enabled: bool) -> None:
    faulthandler.enable() if is_enabled else faulthandler.disable()


def _no_traced_memory(_: bool) -> CannotMove:
    remedy = "Take its snapshot and call tracemalloc.stop() before the await."
    return CannotMove("what tracemalloc has recorded", remedy=remedy)


def _attribute(name: str) -> Capturer:
    """An attribute of :mod:`sys` that is not there before it is set."""

    def restore(value: Any) -> None:
        setattr(sys, name, value)

    return Capturer(f"sys.{name}", lambda: getattr(sys, name, None), restore, from_new=True)


def _pair(name: str, capture: Callable[[], Any], restore: Callable[[Any], Any]) -> Capturer:
    return Capturer(name, capture, restore, from_new=True)


EARLY: Final = (
    Capturer("environment", _environment, _set_environment, early=True),
    Capturer("time zone", _time_zone, _set_time_zone, early=True),
    Capturer("directory", _directory, _change_directory, early=True),
    Capturer("path", lambda: [str(entry) for entry in sys.path], _set_path, early=True),
    Capturer("locale", _locale, _set_locale, early=True, from_new=True),
    _attribute("dont_write_bytecode"),
)

CAPTURERS: Final = (
    _pair("umask", _umask, os.umask),
    _pair("limits", _limits, _set_limits),
    _pair("priority", _priority, _set_priority),
    _pair("processors", _processors, _set_processors),
    _pair("signal handlers", _handlers, _set_handlers),
    _pair("blocked signals", _blocked_signals, _set_blocked_signals),
    Capturer("signal timers", _timers, from_new=True, holds=_no_timers),
    _pair("collector", _collector, _set_collector),
    _pair("switch interval", sys.getswitchinterval, sys.setswitchinterval),
    _pair("digits of an int", sys.get_int_max_str_digits, sys.set_int_max_str_digits),
    _pair("coroutine origins", sys.get_coroutine_origin_tracking_depth, sys.set_coroutine_origin_tracking_depth),
    _pair("faulthandler", faulthandler.is_enabled, _set_faulthandler),
    Capturer("tracemalloc", tracemalloc.is_tracing, from_new=True, holds=_no_traced_memory),
    _pair("socket timeout", socket.getdefaulttimeout, socket.setdefaulttimeout),
    _pair("size of a csv field", csv.field_size_limit, csv.field_size_limit),
    _pair("stack size of threads", threading.stack_size, threading.stack_size),
    _attribute("tracebacklimit"),
)
