"""What stays in a worker when a session moves: each has a name, under which the next worker has its own."""

from __future__ import annotations

from typing import Any

from caesura.snapshot.files import standard_streams


def anchored(kernel: Any, loop: object, driver: object) -> dict[str, object]:
    """``driver`` is the coroutine of the main task (None between cells)."""
    shell, streams = kernel.shell, standard_streams()
    found: dict[str, object] = {
        "loop": loop,
        "kernel": kernel,
        "shell": shell,
        "namespace": shell.user_ns,
        "user_module": shell.user_module,
        "history": shell.history_manager,
        "displayhook": shell.displayhook,
        "display_pub": shell.display_pub,
        "display_formatter": shell.display_formatter,
        "events": shell.events,
        "magics": shell.magics_manager,
        "aliases": shell.alias_manager,
        "extensions": shell.extension_manager,
        "payloads": shell.payload_manager,
        "completer": shell.Completer,
        "compile": shell.compile,
        "exiter": shell.exiter,
        "comms": kernel.comm_manager,
        "session": kernel.session,
        **{name: streams[name] for name in ("stdin", "stdout", "stderr")},
        "original stdout": streams["__stdout__"],
        "original stderr": streams["__stderr__"],
        "original stdin": streams["__stdin__"],
        "parent of the kernel": kernel._shell_parent,
        "identities of the kernel": kernel._shell_parent_ident,
        "parent of the shell": shell._parent_header,
        "parent of the displayhook": shell.displayhook._parent_header,
        "parent of the display_pub": shell.display_pub._parent_header,
    }
    for name in ("stdout", "stderr"):
        variable = getattr(streams[name], "variable", None)
        if variable is not None:
            found[f"parent of {name}"] = variable
    for magics in shell.magics_manager.registry.values():
        if isinstance(magics, type) or not type(magics).__module__.startswith(("IPython.", "ipykernel.")):
            continue
        found[f"magics {type(magics).__name__}"] = magics
    if driver is not None:
        found["driver"] = driver
    return {name: value for name, value in found.items() if value is not None}
