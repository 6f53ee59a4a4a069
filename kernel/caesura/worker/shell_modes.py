"""What magics have switched in IPython's shell and no setting shows: each a pair of functions."""

from __future__ import annotations

from typing import Any

State = dict[str, Any]

_RELOADER = ("enabled", "check_all", "autoload_obj", "modules", "skip_modules")
_LOG = ("logfname", "log_output", "timestamp", "log_raw_input", "log_active")


def capture_modes(shell: Any) -> State:
    """``%xmode``, ``%pdb``, ``set_custom_exc``, ``%logstart``."""
    state: State = {"traceback": shell.InteractiveTB.mode, "debugger": shell.call_pdb}
    if shell.custom_exceptions:
        state["exceptions"] = shell.custom_exceptions, shell.CustomTB
    if shell.logger.logfile is not None:
        state["log"] = {name: getattr(shell.logger, name) for name in _LOG}
    return state


def restore_modes(shell: Any, state: State) -> None:
    if shell.InteractiveTB.mode != state["traceback"]:
        shell.InteractiveTB.set_mode(state["traceback"])
    shell.call_pdb = state["debugger"]
    if "exceptions" in state:
        shell.custom_exceptions, shell.CustomTB = state["exceptions"]
    if "log" in state:
        logger, log = shell.logger, dict(state["log"])
        is_active = log.pop("log_active")
        logger.logstart(logmode="append", **log)
        logger.log_active = is_active


def capture_reloading(shell: Any) -> State | None:
    """``%autoreload``, ``%aimport``; None if the extension is not loaded."""
    reloader = _reloader(shell)
    return (
        None if reloader is None else {name: getattr(reloader, name) for name in _RELOADER if hasattr(reloader, name)}
    )


def restore_reloading(shell: Any, state: State | None) -> None:
    reloader = _reloader(shell)
    if reloader is not None and state is not None:
        for name, value in state.items():
            setattr(reloader, name, value)


def _reloader(shell: Any) -> Any:
    return getattr(shell.magics_manager.registry.get("AutoreloadMagics"), "_reloader", None)


def capture_hidden(shell: Any) -> list[str]:
    """Variables that ``%who`` does not list."""
    hidden, missing = shell.user_ns_hidden, object()
    return [name for name, value in shell.user_ns.items() if hidden.get(name, missing) is value]


def restore_hidden(shell: Any, names: list[str]) -> None:
    shell.user_ns_hidden.update({name: shell.user_ns[name] for name in names if name in shell.user_ns})
