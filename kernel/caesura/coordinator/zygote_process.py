"""A zygote as a process: start it with a socket to talk to it.

What lives here: the process, its socket and its log. What must not: messages. Only what a start takes is imported: the
first zygote imports while its coordinator does.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from caesura.coordinator.interpreters import interpreter
from caesura.errors import EnvironmentFault

_LOG_LIMIT_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class ZygoteProcess:
    """A zygote that was just started for ``environment``. It ends when ``connection`` is closed.

    What it says on stderr is in the file ``log`` from the byte ``log_start`` on.
    """

    environment: Mapping[str, Any]
    executable: str
    process: subprocess.Popen[bytes]
    connection: socket.socket
    log: Path
    log_start: int


def open_log(path: Path) -> int:
    """A descriptor that appends to ``path`` (mode 0600); a file beyond 4 MB is put aside as ``.1`` first."""
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > _LOG_LIMIT_BYTES:
            os.replace(path, path.with_name(path.name + ".1"))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def start(environment: Mapping[str, Any], variables: Mapping[str, str], home: Path, name: str) -> ZygoteProcess:
    """A zygote for ``environment`` that sees ``variables``; EnvironmentFault if its Python cannot be started.

    ``name`` tells its log from those of other environments.
    """
    executable = interpreter(environment)
    log = home / "logs" / f"zygote-{name}.log"
    ours, theirs = socket.socketpair()
    descriptor = open_log(log)
    log_start = os.fstat(descriptor).st_size
    (home / "run").mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        process = subprocess.Popen(
            [executable, "-m", "caesura.worker.zygote", "--fd", str(theirs.fileno())],
            env=dict(variables),
            cwd=home / "run",  # -m puts it on sys.path: it must hold no modules
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    except OSError as error:
        ours.close()
        raise EnvironmentFault(f"{executable} cannot be started: {error.strerror}") from error
    finally:
        theirs.close()
        os.close(descriptor)
    return ZygoteProcess(environment, executable, process, ours, log, log_start)
