"""What a session has in IPython's shell besides its variables: captured as plain values, and put into a new shell.

Each part is a small pair of functions in :data:`_PARTS`. What users register with the shell (magics, callbacks,
formatters, transformers) moves if it was made in the notebook; what an extension registers comes back with it.
"""

from __future__ import annotations

import contextlib
import functools
import io
import linecache
import types
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from caesura.worker import comm_state, shell_modes, standard_streams

State = dict[str, Any]

_HISTORY_VALUES = (
    "input_hist_parsed",
    "input_hist_raw",
    "output_hist",
    "output_hist_reprs",
    "dir_hist",
    "outputs",
    "exceptions",
    "_i00",
    "_i",
    "_ii",
    "_iii",
)
_SHELL_VALUES = ("execution_count", "last_execution_succeeded", "exit_now", "keepkernel_on_exit", "_last_traceback")
_EVENTS = ("pre_execute", "post_execute", "pre_run_cell", "post_run_cell")
_TRANSFORMERS = ("input_transformers_post", "ast_transformers")
_LINE_TRANSFORMERS = ("cleanup_transforms", "line_transforms", "token_transformers")
_PLAIN = (bool, int, float, str, bytes, type(None))


class Part(NamedTuple):
    capture: Callable[[Any], Any]
    restore: Callable[[Any, Any], None]


def capture(shell: Any, baseline: State) -> State:
    """The shell's state; ``baseline`` is what :func:`baseline_of` gave for the fresh shell."""
    state = {name: part.capture(shell) for name, part in _PARTS.items()}
    state["callbacks"] = _capture_callbacks(shell, baseline["registered"])
    state["formatters"] = _capture_formatters(shell, baseline["registered"])
    state["settings"] = {
        name: values
        for name, now in settings_of(shell).items()
        if (
            values := {
                key: value
                for key, value in now.items()
                if baseline["settings"].get(name, {}).get(key, _MISSING) != value
            }
        )
    }
    return state


def baseline_of(shell: Any) -> State:
    """A fresh shell, for comparison."""
    return {"settings": settings_of(shell), "registered": registered_by(shell)}


def restore(shell: Any, state: State) -> None:
    """Put a captured state into a fresh shell."""
    _restore_settings(shell, state["settings"])
    for name, part in _PARTS.items():
        if name in state:  # an earlier version may not have kept it
            part.restore(shell, state[name])
    _restore_callbacks(shell, state["callbacks"])
    _restore_formatters(shell, state["formatters"])


# --- settings (%config, %autoawait, %xmode) -------------------------------------------------------------------------

_MISSING = object()


def settings_of(shell: Any) -> State:
    """The configurable values of the shell and its parts that are plain, by class and trait."""
    found: State = {}
    for configurable in _configurables(shell):
        values = {}
        present = configurable._trait_values  # what was set or asked for; no default is made for this
        for name in _config_names(configurable.__class__):
            if name in present:
                value = present[name]
                if isinstance(value, _PLAIN) or (isinstance(value, list) and all(isinstance(v, _PLAIN) for v in value)):
                    values[name] = value
        found[_name_of(configurable)] = values
    return found


@functools.cache
def _config_names(cls: type) -> tuple[str, ...]:
    return tuple(cast("Any", cls).class_trait_names(config=True))


def _configurables(shell: Any) -> list[Any]:
    return [*shell.configurables, *shell.display_formatter.formatters.values()]


def _name_of(configurable: Any) -> str:
    return type(configurable).__name__


# --- what was there when the session began --------------------------------------------------------------------------


def registered_by(shell: Any) -> State:
    """What is registered with the shell now, for comparison: callbacks, transformers and formatters."""
    return {
        "callbacks": {name: list(functions) for name, functions in _registries(shell).items()},
        "formatters": {
            mime: dict(formatter.type_printers) for mime, formatter in shell.display_formatter.formatters.items()
        },
    }


def _registries(shell: Any) -> dict[str, list[Any]]:
    found = {name: shell.events.callbacks[name] for name in _EVENTS if name in shell.events.callbacks}
    found.update({name: getattr(shell, name) for name in _TRANSFORMERS})
    manager = shell.input_transformer_manager
    found.update({name: getattr(manager, name) for name in _LINE_TRANSFORMERS})
    return found


def _restore_settings(shell: Any, settings: State) -> None:
    for configurable in _configurables(shell):
        for name, value in settings.get(_name_of(configurable), {}).items():
            setattr(configurable, name, value)


# --- history, counters, displays ------------------------------------------------------------------------------------


def _capture_history(shell: Any) -> State:
    history = shell.history_manager
    return {"session_number": history.session_number, **{name: getattr(history, name) for name in _HISTORY_VALUES}}


def _restore_history(shell: Any, state: State) -> None:
    history = shell.history_manager
    for name in _HISTORY_VALUES:
        setattr(history, name, state[name])
    history.begin(state["session_number"])
    hidden = {"In": history.input_hist_parsed, "_ih": history.input_hist_parsed, "_dh": history.dir_hist}
    shell.user_ns_hidden.update({**hidden, "Out": history.output_hist, "_oh": history.output_hist})


def _capture_values(shell: Any) -> State:
    found = {name: getattr(shell, name) for name in _SHELL_VALUES if hasattr(shell, name)}
    hook = shell.displayhook
    return {
        "shell": found,
        "hook": {name: getattr(hook, name) for name in ("_", "__", "___") if hasattr(hook, name)},
        "payload": list(shell.payload_manager._payload),
        "flags": shell.compile.flags,
    }


def _restore_values(shell: Any, state: State) -> None:
    for name, value in state["shell"].items():
        if name != "exit_now":
            setattr(shell, name, value)
    for name, value in state["hook"].items():
        setattr(shell.displayhook, name, value)
    shell.payload_manager._payload = list(state["payload"])
    shell.compile.flags = state["flags"]


def _capture_sources(shell: Any) -> State:
    """The text of the cells, so that tracebacks show lines of those that ran elsewhere."""
    cache: dict[str, Any] = linecache.cache
    return {
        name: (number, "".join(cache[name][2]))
        for name, number in shell.compile._filename_map.items()
        if len(cache.get(name, ())) > 1  # a shorter entry says how to get the lines, and is not a cell's
    }


def _restore_sources(shell: Any, state: State) -> None:
    for name, (number, text) in state.items():
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        shell.compile._filename_map[name] = number


# --- what users register --------------------------------------------------------------------------------------------


def _is_of_notebook(shell: Any, value: object) -> bool:
    function = getattr(value, "__func__", value)
    if isinstance(function, types.FunctionType):
        return function.__globals__ is shell.user_ns
    return type(value).__module__ == "__main__"


def _capture_magics(shell: Any) -> State:
    manager = shell.magics_manager
    found = {
        kind: {name: function for name, function in magics.items() if _is_of_notebook(shell, function)}
        for kind, magics in manager.magics.items()
    }
    return {"functions": found, "aliases": list(shell.alias_manager.aliases)}


def _restore_magics(shell: Any, state: State) -> None:
    for kind, magics in state["functions"].items():
        shell.magics_manager.magics[kind].update(magics)
    present = dict(shell.alias_manager.aliases)
    for name in present.keys() - {name for name, _ in state["aliases"]}:
        shell.alias_manager.undefine_alias(name)
    for name, command in state["aliases"]:
        if present.get(name) != command:
            shell.alias_manager.soft_define_alias(name, command)


def _capture_callbacks(shell: Any, new: State) -> State:
    """All functions of each list that has others than when the session began, in their order."""
    found = {}
    for name, functions in _registries(shell).items():
        if list(functions) != new["callbacks"].get(name, []):
            found[name] = list(functions)
    return found


def _restore_callbacks(shell: Any, state: State) -> None:
    for name, functions in _registries(shell).items():
        if name in state:
            present = list(functions)
            # What an extension has registered again here stands for what it had registered there.
            functions[:] = [next((each for each in present if each == saved), saved) for saved in state[name]]


def _capture_formatters(shell: Any, new: State) -> State:
    found = {}
    for mime, formatter in shell.display_formatter.formatters.items():
        before = new["formatters"].get(mime, {})
        printers = {
            kind: function
            for kind, function in formatter.type_printers.items()
            if before.get(kind) is not function and not _is_of_kernel(function)
        }
        if printers or formatter.deferred_printers:
            found[mime] = {"types": printers, "names": dict(formatter.deferred_printers)}
    return found


def _is_of_kernel(function: Any) -> bool:
    """Whether the shell or the inline backend set it, as the settings say that they should."""
    module = getattr(function, "__module__", None) or type(function).__module__
    return str(module).startswith(("IPython.", "matplotlib_inline."))


def _restore_formatters(shell: Any, state: State) -> None:
    for mime, printers in state.items():
        formatter = shell.display_formatter.formatters.get(mime)
        if formatter is not None:
            formatter.type_printers.update(printers["types"])
            formatter.deferred_printers.update(printers["names"])


def extensions_of(shell: Any) -> list[str]:
    """The extensions that are loaded; objects of theirs are what a snapshot refers to."""
    return sorted(shell.extension_manager.loaded)


def load_extensions(shell: Any, names: list[str]) -> None:
    """Load those that are not loaded yet, before a snapshot is."""
    # What an extension says when it is loaded it has said already.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for name in names:
            if name not in shell.extension_manager.loaded:
                shell.extension_manager.load_extension(name)


_PARTS: dict[str, Part] = {
    "comms": Part(comm_state.capture, comm_state.restore),
    "history": Part(_capture_history, _restore_history),
    "values": Part(_capture_values, _restore_values),
    "sources": Part(_capture_sources, _restore_sources),
    "magics": Part(_capture_magics, _restore_magics),
    "modes": Part(shell_modes.capture_modes, shell_modes.restore_modes),
    "reloading": Part(shell_modes.capture_reloading, shell_modes.restore_reloading),
    "hidden": Part(shell_modes.capture_hidden, shell_modes.restore_hidden),
    "streams": Part(standard_streams.capture, standard_streams.restore),
}
