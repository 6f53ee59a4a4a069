"""The ``threading.local`` objects of installed modules, and what of them is plain.

What must not live here: which of it belongs to a session (``thread_settings.py``).
"""

from __future__ import annotations

import marshal
import os
import sys
import threading
import types
from collections.abc import Iterable
from typing import Any, Final

Place = tuple[str, str]
"""A module and the name in it."""

_contents: Final = vars(types.ModuleType)["__dict__"].__get__
"""Of a module. To ask a lazy one for it would load it."""


def found_in(modules: Iterable[tuple[str, object]]) -> dict[Place, threading.local]:
    """Those that are named in these modules; the standard library's hold no settings."""
    return {
        (module_name, name): value
        for module_name, module in modules
        if issubclass(type(module), types.ModuleType) and module_name.partition(".")[0] not in sys.stdlib_module_names
        for name, value in list(_contents(module).items())
        if issubclass(type(value), threading.local)
    }


def plain_values(local: threading.local) -> dict[str, tuple[Any, bytes]]:
    """Each attribute that this thread has and that is made of plain builtin values alone, with a fingerprint.

    Numbers of this process or thread are none.
    """
    found = {}
    for name, value in list(vars(local).items()):
        if type(value) is int and value in (os.getpid(), threading.get_ident(), threading.get_native_id()):
            continue
        try:
            found[name] = value, marshal.dumps(value)
        except ValueError:
            continue  # an object
    return found
