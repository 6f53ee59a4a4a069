"""What every worker of an environment needs and no user has touched: imported and made once, before a fork."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from caesura import __version__, frames
from caesura.errors import InternalError
from caesura.snapshot import interpreter
from caesura.store import blob_layout
from caesura.worker import shell_state
from caesura.worker.configuration import NotebookSettings, make_settings
from caesura.worker.kernel import CaesuraKernel, make_kernel

_USED_BY_MANY_CELLS = (
    "jedi",
    "caesura.snapshot",
    "caesura.calls",
    "caesura.worker.worker",
    "IPython.core.completer",
    "IPython.core.logger",
    "IPython.extensions.storemagic",
    "bdb",
    "IPython.core.ultratb",
    "concurrent.futures.thread",
    "multiprocessing.resource_tracker",
    "sqlite3",
    "pexpect",
    "random",
)


@dataclass(frozen=True)
class Warm:
    """A kernel with its shell and the reader of a notebook's settings."""

    kernel: CaesuraKernel
    settings: NotebookSettings


def make_warm(announce: Callable[[CaesuraKernel], None] = lambda kernel: None) -> Warm:
    """Import and make everything; nothing in it hinders a fork.

    ``announce(kernel)`` is called as soon as the kernel can say what it is, which is half way.
    """
    drop_start_directory()
    CaesuraKernel.implementation_version = __version__
    kernel = make_kernel()
    announce(kernel)
    for name in _USED_BY_MANY_CELLS:
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # optional: the worker does without
    _use_once(kernel)
    settings = make_settings()
    settings.make_debugger_interruptible()
    interpreter.prepare()
    blob_layout.content_hashes(b"-")  # looks at the processor
    return Warm(kernel, settings)


def _use_once(kernel: Any) -> None:
    """What is made or imported on first use; the first traceback alone costs 0.3 s."""
    shell = kernel.shell
    _ = shell.Completer, kernel.kernel_info
    shell_state.capture(shell, shell_state.baseline_of(shell))
    try:
        exec(compile("raise KeyError", "<warm>", "exec"), {})  # noqa: S102
    except KeyError as error:
        shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)


def frames_fault() -> str:
    """Why suspended frames are not available in this interpreter; empty if they are."""
    return frames.unavailable_reason() or ""


def drop_start_directory() -> None:
    """Take the directory off ``sys.path`` that ``python -m`` put there; ipykernel has the current one in its place."""
    if sys.path and not sys.flags.safe_path and sys.path[0] == os.getcwd():
        del sys.path[0]


def assert_forkable() -> None:
    """InternalError if this process has something that a fork would break: see the table in the architecture."""
    if threading.active_count() > 1:
        names = sorted(thread.name for thread in threading.enumerate())
        raise InternalError(f"a zygote has threads: {', '.join(names)}")
    zmq = sys.modules.get("zmq")
    if zmq is not None and getattr(zmq.Context, "_instance", None) is not None:
        raise InternalError("a zygote has a ZeroMQ context")
    asyncio_events = sys.modules.get("asyncio.events")
    if asyncio_events is not None and asyncio_events._get_running_loop() is not None:
        raise InternalError("a zygote has an event loop")
    sqlite3 = sys.modules.get("sqlite3")
    if sqlite3 is not None and any(isinstance(each, sqlite3.Connection) for each in gc.get_objects()):
        raise InternalError("a zygote has an open SQLite file")


def freeze_objects() -> None:
    """Take what is there out of the collector's sight, so that children share its pages, and look through it once."""
    from caesura.snapshot import warm_modules

    warm_modules.remember()
    gc.collect()
    gc.freeze()
