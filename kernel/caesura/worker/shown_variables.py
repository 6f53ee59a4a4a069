"""The names of a notebook's variables, for lists of saved sessions."""

from __future__ import annotations

import types
from typing import Any, Final

_MOST: Final = 200


def named_variables(shell: Any) -> list[str]:
    """The variables that the user has made, in their order: no modules, no private ones, 200 at the most."""
    hidden = shell.user_ns_hidden
    names: list[str] = []
    for name, value in shell.user_ns.items():
        if name.startswith("_") or isinstance(value, types.ModuleType) or hidden.get(name, hidden) is value:
            continue
        names.append(name)
        if len(names) == _MOST:
            break
    return names
