"""The subcommands that change something: cancel, resume, park, events send, start, stop."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time

from caesura.cli.context import Context
from caesura.client import Client, ConnectionLost, NoCoordinator
from caesura.errors import CoordinatorUnavailable, UsageError, WouldLoseState
from caesura.starting import ensure_coordinator, running

_STOP_S = 15.0
_POLL_S = 0.02


def cancel(context: Context) -> int:
    found = context.tell("cancel", cell_id=context.cell_id(context.options.cell))
    context.give(found)
    context.say(f"The cell {context.options.cell} is being cancelled.")
    return 0


def resume(context: Context) -> int:
    found = context.tell("resume", cell_id=context.cell_id(context.options.cell))
    context.give(found)
    context.say(f"The cell {context.options.cell} goes on from its last snapshot.")
    if isinstance(found, dict) and found.get("warning"):
        context.say(str(found["warning"]))
    return 0


def park(context: Context) -> int:
    found = context.ask("park", of=context.notebook(context.options.session))
    context.give(found)
    context.say(f"{found['name'] or found['session_id']} is parked: it takes no process until it is used again.")
    return 0


def restart(context: Context) -> int:
    try:
        found = context.tell("restart_worker", of=context.options.worker, force=bool(context.options.force))
    except WouldLoseState as error:
        raise WouldLoseState(f"{error} To do that: caesura restart {context.options.worker} --force") from error
    context.give(found)
    said = "has been ended; what its session had is lost" if found["lost"] else "is replaced; its session was saved"
    context.say(f"The worker {found['pid']} {said}.")
    return 0


def send_event(context: Context) -> int:
    options = context.options
    if options.error is not None:
        found = context.tell("send_event", name=options.name, error=options.error)
    else:
        found = context.tell("send_event", name=options.name, value=_value(options.value))
    context.give(found)
    answered = found.get("answered", 0) if isinstance(found, dict) else 0
    context.say(f"{options.name}: {answered} {'await' if answered == 1 else 'awaits'} answered.")
    return 0


def _value(text: str | None) -> object:
    """The JSON value in ``text``, None without one; UsageError if it is not JSON."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is not JSON: {error}. A text needs its own quotation marks: --json '\"yes\"'."
        ) from None


def start(context: Context) -> int:
    was_running = running(context.home) is not None
    found = ensure_coordinator(context.home, context.environ)
    context.give(found)
    context.say(
        f"The coordinator {'already runs' if was_running else 'runs'}: pid {found['pid']}, home {context.home}."
    )
    return 0


def stop(context: Context) -> int:
    connection = running(context.home)
    if connection is None:
        context.give({"stopped": False})
        context.say(f"No coordinator runs for the home {context.home}.")
        return 0
    pid = int(connection["pid"])
    is_forced = bool(context.options.force)
    try:
        with Client(context.home, timeout_s=_STOP_S) as client, contextlib.suppress(ConnectionLost):
            client.request("stop", force=is_forced)
    except NoCoordinator:
        pass  # it ended by itself in this moment
    except CoordinatorUnavailable:
        if not is_forced:
            raise
        os.kill(pid, signal.SIGKILL)  # it listens but does not answer
    _wait_for_end(pid)
    context.give({"stopped": True, "pid": pid})
    context.say(f"The coordinator {pid} has stopped.")
    return 0


def _wait_for_end(pid: int) -> None:
    until = time.monotonic() + _STOP_S
    while _runs(pid):
        if time.monotonic() > until:
            raise CoordinatorUnavailable(f"The coordinator {pid} does not end. Look at `caesura logs`.")
        time.sleep(_POLL_S)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # the pid is somebody else's now
    try:  # a zombie whose parent does not look has ended too
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except OSError:
        return True
