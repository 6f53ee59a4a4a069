"""The process in which a snapshot is loaded to see whether it can be: nothing of it runs, and all it prints is lost.

It ends without unwinding, so that what was loaded does not clean up what belongs to the session itself.
"""

from __future__ import annotations

import asyncio
import gc
import math
import os
import resource
import signal
import socket
import traceback
from typing import NoReturn

from caesura.errors import SnapshotRefused
from caesura.snapshot import registered
from caesura.wire import Decoder
from caesura.wire import messages as wire
from caesura.worker.start import enter
from caesura.worker.warm import Warm
from caesura.worker.worker import Worker

_READ_BYTES = 1 << 18


class _TryingWorker(Worker):
    def try_load(self, attach: wire.Attach) -> None:
        """Load a snapshot as :meth:`run` would, and do nothing else. Errors as from :func:`resume.load`."""
        asyncio.set_event_loop(self._loop)
        self._load(attach, self._set_up(attach))


def run_trial(warm: Warm, connection: socket.socket) -> NoReturn:
    """Load what is asked for on ``connection`` and say how that went."""
    wanted, attach = _request(connection)
    signal.alarm(math.ceil(wanted.limit_s) + 1)  # in case nobody is there any more who would end this
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.disable()
    try:
        enter(wanted.env, wanted.cwd)
        warm.kernel.shell.init_environment()
        worker = _TryingWorker(warm.kernel, warm.settings)
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        registered.leave_recipes_alone()
        worker.try_load(attach)
    except BaseException as error:  # noqa: BLE001  whatever it is, it is what is to be found out
        answer = wire.Tried(error=_told(error), places=_places(error))
    else:
        answer = wire.Tried()
    connection.sendall(b"".join(wire.pack(answer)))
    os._exit(0)


def _request(connection: socket.socket) -> tuple[wire.Try, wire.Attach]:
    decoder = Decoder()
    found: list[wire.Message] = []
    while len(found) < 2:
        data = connection.recv(_READ_BYTES)
        if not data:
            os._exit(0)  # it is not needed any more
        found += [wire.unpack(body, buffers) for body, buffers in decoder.feed(data)]
    wanted, attach = found
    assert isinstance(wanted, wire.Try)
    assert isinstance(attach, wire.Attach)
    return wanted, attach


def _told(error: BaseException) -> str:
    cause = error.__cause__ if isinstance(error, SnapshotRefused) else None
    return "".join(traceback.format_exception_only(cause or error)).strip()


def _places(error: BaseException) -> list[str]:
    found: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        frames = [frame.f_code.co_qualname for frame, _ in traceback.walk_tb(cause.__traceback__)]
        found = frames[::-1] + found
        cause = cause.__cause__
    return found
