"""Sockets and child processes that are over, and small objects of the standard library with one way to be made."""

from __future__ import annotations

import importlib
import os
import sys
import types
from typing import Any

from caesura.errors import CannotMove
from caesura.snapshot.forwarding import set_state
from caesura.snapshot.reducing import Pickling, Reduced


def reduce_process(pickler: Pickling, process: Any) -> Reduced:
    """A ``subprocess.Popen`` whose process has ended and been waited for."""
    if process.returncode is None:
        raise CannotMove("subprocess.Popen", remedy="Wait for the process before the await.")
    return object.__new__, (type(process),), dict(vars(process)), None, None, set_state


def reduce_socket(pickler: Pickling, socket: Any) -> Reduced:
    """A socket that is closed."""
    if socket.fileno() != -1:
        remedy = "Close it before the await and open it again after it."
        raise CannotMove("socket.socket", remedy=remedy)
    return make_closed_socket, (type(socket), int(socket.family), int(socket.type), socket.proto)


def make_closed_socket(cls: Any, family: int, kind: int, protocol: int) -> object:
    made = cls(family, kind, protocol)
    made.close()
    return made


def reduce_system_random(pickler: Pickling, generator: Any) -> Reduced:
    """Its numbers come from the system: it has no state."""
    return type(generator), (), dict(vars(generator)) or None, None, None, set_state


def reduce_json_scanner(pickler: Pickling, scanner: Any) -> Reduced:
    names = ("strict", "object_hook", "object_pairs_hook", "parse_float", "parse_int", "parse_constant")
    return make_json_scanner, ({name: getattr(scanner, name) for name in names},)


def make_json_scanner(context: dict[str, Any]) -> object:
    return importlib.import_module("_json").make_scanner(types.SimpleNamespace(**context))


def reduce_environment(pickler: Pickling, environment: Any) -> Reduced:
    """``os.environ``: what it says moves as state of the interpreter."""
    for name in ("environ", "environb"):
        if getattr(os, name, None) is environment:
            return getattr, (os, name)
    return NotImplemented


def reduce_value_of_sys(pickler: Pickling, value: Any) -> Reduced:
    """``sys.version_info`` and its like: each process has its own, and all of them the same."""
    name = type(value).__name__
    return (getattr, (sys, name)) if getattr(sys, name, None) is value else NotImplemented
