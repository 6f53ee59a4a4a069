"""What a saved session's manifest says for those who do not load it: names of variables, and what answers the questions
that clients ask of a notebook without using its variables."""

from __future__ import annotations

import types
from typing import Any, Final

from IPython.core.inputtransformer2 import TransformerManager

_MOST: Final = 200


def about_session(shell: Any) -> dict[str, Any]:
    """``variables``: their names; ``comms``: the target of each open one; ``history``: its file and the session's
    number there, None if there is none; ``has_plain_input``: whether code is read as IPython does it by itself."""
    history = shell.history_manager
    has_file = history.enabled and str(history.hist_file) != ":memory:"
    return {
        "variables": named_variables(shell),
        "comms": {comm_id: comm.target_name for comm_id, comm in shell.kernel.comm_manager.comms.items()},
        "history": {"file": str(history.hist_file), "session": history.session_number} if has_file else None,
        "has_plain_input": _has_plain_input(shell.input_transformer_manager),
    }


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


def _has_plain_input(manager: Any) -> bool:
    plain = TransformerManager()
    return type(manager) is TransformerManager and all(
        getattr(manager, name) == getattr(plain, name)
        for name in ("cleanup_transforms", "line_transforms", "token_transformers")
    )
