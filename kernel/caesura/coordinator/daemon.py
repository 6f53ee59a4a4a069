"""``python -m caesura.coordinator``: the coordinator as a daemon.

What lives here: the command line, the lock, leaving the terminal, the log, signals. What must not: what it does then
(``server.py``).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import logging
import logging.handlers
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from caesura import config
from caesura.coordinator import settings as settings_module
from caesura.errors import CaesuraError, CoordinatorUnavailable
from caesura.store.home import Home, open_home

log = logging.getLogger(__name__)

_LOG_BYTES: Final = 4 << 20
_LOG_FILES: Final = 3
_SWITCH_S: Final = 0.0005
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


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
        loaded = settings_module.load(rest, os.environ)
        lock = _lock(home)
    except CaesuraError as error:
        print(f"caesura: {error}", file=sys.stderr)
        return 0 if known.unless_running and isinstance(error, CoordinatorUnavailable) else 1
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, lock)
        if known.foreground:
            return _run(home, loaded, lock, None, is_warm=known.warm)
        return _daemonise(home, loaded, lock, is_warm=known.warm)


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


def _daemonise(home: Home, loaded: settings_module.Caesura, lock: int, *, is_warm: bool) -> int:
    """Leave a daemon behind; returns in the first process, when the daemon listens or could not."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)
        status = 1
        try:
            os.setsid()
            status = _run(home, loaded, lock, theirs, is_warm=is_warm)
        finally:
            os._exit(status)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        said = pipe.read().decode("utf-8", "replace")
    if said == "ok":
        os._exit(0)  # whoever started us waits for it, and there is nothing to clear away
    print(f"caesura: {said or 'the coordinator ended while it started; its log may say why'}", file=sys.stderr)
    return 1


def _run(home: Home, loaded: settings_module.Caesura, lock: int, ready: int | None, *, is_warm: bool) -> int:
    os.umask(0o077)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    _log_to(home, loaded.log_level, to_terminal=ready is None)
    try:
        asyncio.run(_serve(home, loaded, ready, is_warm=is_warm))
    except CaesuraError as error:
        log.error("could not start: %s", error)
        _tell(ready, str(error))
        if ready is None:
            print(f"caesura: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        log.exception("ended by an error of its own")
        _tell(ready, f"the coordinator failed: {error!r}")
        return 1
    finally:
        logging.shutdown()
    return 0


async def _serve(home: Home, loaded: settings_module.Caesura, ready: int | None, *, is_warm: bool) -> None:
    # The loop and the records' thread hand work over several times for each cell: neither may wait 5 ms for the other.
    sys.setswitchinterval(_SWITCH_S)
    from caesura.coordinator.processes import WorkerProcesses

    processes = WorkerProcesses(
        home=home.path,
        socket=config.socket_path(home.path),
        hash_seed=home.hash_seed,
        start_method=loaded.start_method,
        on_exit=lambda worker_id, pid, status: server.effects.worker_exited(worker_id, pid, status),
    )
    if is_warm:
        # Who starts us is about to open a kernel with this Python. Its zygote imports while we do.
        processes.warm_up({"executable": sys.executable, "prefix": sys.prefix, "env": dict(os.environ)})

    from caesura.coordinator.server import Server
    from caesura.store.writer import Writer

    writer = Writer(home.records_path)
    try:
        server = Server(home, loaded, writer, processes)
        await server.start()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.stop)
        log.info("coordinator %d of %s listens at %s", os.getpid(), home.path, server.socket_path)
        if ready is not None:
            _tell(ready, "ok")
            _leave_terminal(home)
        await server.run()
    finally:
        writer.close()
    log.info("ended")


def _tell(ready: int | None, text: str) -> None:
    """The process that waits hears how the start went; nothing after that."""
    if ready is not None:
        with contextlib.suppress(OSError):
            os.write(ready, text.encode("utf-8", "replace"))
            os.close(ready)


def _leave_terminal(home: Home) -> None:
    descriptor = os.open(os.devnull, os.O_RDWR)
    said = os.open(home.logs_path / "coordinator.stderr.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(descriptor, 0)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.close(descriptor)
    os.close(said)


def _log_to(home: Home, level: str, *, to_terminal: bool) -> None:
    root = logging.getLogger()
    root.setLevel(level.upper())
    path = home.logs_path / "coordinator.log"
    handler: logging.Handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8"
    )
    path.chmod(0o600)
    handlers = [handler, logging.StreamHandler()] if to_terminal else [handler]
    for each in handlers:
        each.setFormatter(logging.Formatter(_FORMAT))
        root.addHandler(each)
