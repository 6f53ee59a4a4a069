"""Connections to the front end (comms), and the widgets behind them: open after a move under the ids they had.

The front end knows of no move: it has its half of every comm. Nothing is imported for it.
"""

from __future__ import annotations

import sys
import types
from typing import Any

_WIDGETS = "ipywidgets.widgets.widget"


def capture(shell: Any) -> dict[str, Any]:
    """The open comms, the targets that the notebook has registered, and the widgets, by id."""
    manager = shell.kernel.comm_manager
    widgets = sys.modules.get(_WIDGETS)
    return {
        "comms": dict(manager.comms),
        "targets": {name: target for name, target in manager.targets.items() if _is_of_notebook(shell, target)},
        "widgets": dict(getattr(widgets, "_instances", {})),
    }


def _is_of_notebook(shell: Any, target: Any) -> bool:
    function = getattr(target, "__func__", target)
    return isinstance(function, types.FunctionType) and function.__globals__ is shell.user_ns


def restore(shell: Any, state: dict[str, Any]) -> None:
    manager = shell.kernel.comm_manager
    manager.comms.update(state["comms"])
    manager.targets.update(state["targets"])
    if state["widgets"]:
        widgets: Any = sys.modules[_WIDGETS]
        widgets._instances.update(state["widgets"])
