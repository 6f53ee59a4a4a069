"""Cells that leave their worker while they wait.

The names below are what a notebook uses. They are loaded when they are first asked for, because the stub of every
notebook, and tools that only want a part, import this package too.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from caesura.calls import Call, current, event, expect, hold, progress, remote
    from caesura.errors import CaesuraError, CallFailed, CannotMove, OperationUncertain, UsageError
    from caesura.snapshot import leave_behind, register_reducer, reopen

__version__ = "0.1.0"

__all__ = [
    "CaesuraError",
    "Call",
    "CallFailed",
    "CannotMove",
    "OperationUncertain",
    "UsageError",
    "__version__",
    "current",
    "event",
    "expect",
    "hold",
    "leave_behind",
    "progress",
    "register_reducer",
    "remote",
    "reopen",
]

_MODULES = {
    **dict.fromkeys(("Call", "current", "event", "expect", "hold", "progress", "remote"), "caesura.calls"),
    **dict.fromkeys(("leave_behind", "register_reducer", "reopen"), "caesura.snapshot"),
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES.get(name, "caesura.errors")), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
