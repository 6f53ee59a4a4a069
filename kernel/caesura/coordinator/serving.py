"""The daemon at work: its settings, its log, its signals, and the server until it ends.

What must not live here: how it came to be a daemon (``daemon.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import logging.handlers
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

from caesura import config
from caesura.coordinator import settings as settings_module
from caesura.coordinator.zygote_process import ZygoteProcess
from caesura.errors import CaesuraError
from caesura.store.home import Home

log = logging.getLogger(__name__)

_LOG_BYTES: Final = 4 << 20
_LOG_FILES: Final = 3
_SWITCH_S: Final = 0.0005
_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def run(home: Home, flags: Sequence[str], ready: int | None, zygote: ZygoteProcess | None) -> int:
    """Be the coordinator until it ends; the exit status.

    ``ready`` is the pipe where somebody waits for "ok" or what went wrong; None in the foreground. ``zygote`` was
    started for this Python already.
    """
    try:
        loaded = settings_module.load(flags, os.environ)
        _log_to(home, loaded.log_level, to_terminal=ready is None)
    except CaesuraError as error:
        _fail(ready, str(error))
        return 1
    try:
        asyncio.run(_serve(home, loaded, ready, zygote))
    except CaesuraError as error:
        log.error("could not start: %s", error)
        _fail(ready, str(error))
        return 1
    except Exception as error:
        log.exception("ended by an error of its own")
        _tell(ready, f"the coordinator failed: {error!r}")
        return 1
    finally:
        logging.shutdown()
    return 0


async def _serve(home: Home, loaded: settings_module.Caesura, ready: int | None, zygote: ZygoteProcess | None) -> None:
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
    if zygote is not None:
        processes.take(zygote)

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


def _fail(ready: int | None, text: str) -> None:
    _tell(ready, text)
    if ready is None:
        print(f"caesura: {text}", file=sys.stderr)


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
