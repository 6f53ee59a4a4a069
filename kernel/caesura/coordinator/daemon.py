"""``python -m caesura.coordinator``: the coordinator as a daemon.

What lives here: the command line, the lock, leaving the caller, the first zygote. Only what that takes is imported:
the zygote imports while the coordinator does. What must not: what the daemon does then (``serving.py``).
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from caesura import config
from caesura.coordinator import interpreters, zygote_process
from caesura.coordinator.zygote_process import ZygoteProcess
from caesura.errors import CaesuraError, CoordinatorUnavailable, EnvironmentFault
from caesura.store.home import Home, open_home


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the coordinator of a home; the exit status. Errors are one text on stderr."""
    parser = argparse.ArgumentParser(
        prog="python -m caesura.coordinator",
        description="The coordinator of a Caesura home. Kernels start it by themselves.",
        epilog="Settings of jupyter_caesura_config.py can be given as well: --workers=2 --Caesura.burst_after_s=0.5",
    )
    parser.add_argument("--home", type=Path, help="the home directory (default: $CAESURA_HOME, or Jupyter's data)")
    parser.add_argument("--warm", action="store_true", help="start the workers' zygote of this Python at once")
    parser.add_argument("--foreground", action="store_true", help="stay in the terminal, and log to it")
    parser.add_argument("--unless-running", action="store_true", help="no error if the home's coordinator runs already")
    known, rest = parser.parse_known_args(arguments)
    try:
        home = open_home(known.home or config.home_directory(os.environ))
        lock = _lock(home)
    except CaesuraError as error:
        print(f"caesura: {error}", file=sys.stderr)
        return 0 if known.unless_running and isinstance(error, CoordinatorUnavailable) else 1
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, lock)
        if known.foreground:
            return _run(home, rest, lock, None, is_warm=known.warm)
        return _daemonise(home, rest, lock, is_warm=known.warm)


def _lock(home: Home) -> int:
    """The descriptor that holds ``run/lock``; CoordinatorUnavailable, naming the other one, if there is one."""
    path = home.run_path / "lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with os.fdopen(descriptor, "r") as file:
            pid = file.read().strip() or "unknown"
        raise CoordinatorUnavailable(
            f"A coordinator runs already for the home {home.path} (pid {pid}). "
            "Use that one, stop it with `caesura stop`, or point CAESURA_HOME at another directory."
        ) from None
    return descriptor


def _daemonise(home: Home, flags: Sequence[str], lock: int, *, is_warm: bool) -> int:
    """Leave a daemon behind; returns in the first process, when the daemon listens or could not."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        status = 1
        try:
            os.setsid()
            status = _run(home, flags, lock, theirs, is_warm=is_warm)
        finally:
            os._exit(status)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read().decode("utf-8", "replace")
    if said == "ok":
        os._exit(0)  # whoever started us waits for it, and there is nothing to clear away
    print(f"caesura: {said or 'the coordinator ended while it started; its log may say why'}", file=sys.stderr)
    return 1


def _run(home: Home, flags: Sequence[str], lock: int, ready: int | None, *, is_warm: bool) -> int:
    os.umask(0o077)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    zygote = _start_zygote(home) if is_warm else None
    from caesura.coordinator import serving

    return serving.run(home, flags, ready, zygote)


def _start_zygote(home: Home) -> ZygoteProcess | None:
    """The zygote of this Python, which who starts us is about to open a kernel with. What is wrong with it, who asks
    for it will hear."""
    environment = {"executable": sys.executable, "prefix": sys.prefix, "env": dict(os.environ)}
    with contextlib.suppress(EnvironmentFault):
        socket = config.socket_path(home.path)
        variables = interpreters.process_variables(environment, home=home.path, socket=socket, hash_seed=home.hash_seed)
        variables = interpreters.zygote_variables(variables, "")
        return zygote_process.start(environment, variables, home.path, interpreters.environment_key(environment))
    return None
