"""The first steps of a worker's process, forked or not: environment, directory, log, random numbers."""

from __future__ import annotations

import io
import logging
import os
import random
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from caesura.loop.children import adopt_orphans
from caesura.worker.shelf import shelf
from caesura.worker.spares import SpareChild, wait_for_request
from caesura.worker.surroundings import entered, remember_entering
from caesura.worker.warm import Warm


def run_worker(worker_id: str, warm: Warm, notice: str = "") -> int:
    """Serve a session; the exit code."""
    from caesura.worker.worker import Worker

    if not entered.cwd:  # it was not forked
        remember_entering(os.environ, os.getcwd())
    keep_log()
    adopt_orphans()
    shell: Any = warm.kernel.shell
    shell.init_environment()
    return Worker(warm.kernel, warm.settings).run(worker_id, notice)


def run_spare(warm: Warm, child: SpareChild) -> int:
    """Do what can be done before it is known for whom, wait until somebody is there, then serve him; the exit code."""
    from caesura.worker.worker import Worker

    enter(child.env, child.cwd)
    keep_log()
    adopt_orphans()
    shell: Any = warm.kernel.shell
    shell.init_environment()
    worker = Worker(warm.kernel, warm.settings)
    worker.prepare()
    becoming = wait_for_request(child.connection, warm.settings.stamps())
    if becoming is None:
        os._exit(0)  # nothing has been here
    notice = enter(becoming.env, becoming.cwd)
    shell.init_environment()
    draw_new_random_numbers()
    return worker.run(becoming.worker_id, notice)


def enter(variables: Mapping[str, str], cwd: str) -> str:
    """Become a process of the notebook's: exactly its variables, its directory. A notice if that is not there."""
    os.environ.clear()
    os.environ.update(variables)
    remember_entering(variables, cwd)
    if hasattr(time, "tzset"):
        time.tzset()
    try:
        os.chdir(cwd)
    except OSError as error:
        home = Path.home()
        os.chdir(home)
        return f"The notebook's directory {cwd} cannot be entered ({error.strerror}); this is {home}.\n"
    return ""


def draw_new_random_numbers() -> None:
    """Two forks of one process must not draw the same."""
    random.seed()
    shelf.draw_new_random_numbers()
    numpy_random: Any = sys.modules.get("numpy.random")  # numpy imports it when it is first used
    if numpy_random is not None:
        numpy_random.seed()


def keep_log() -> None:
    """Send our log to what is the error output now, which is the coordinator's log file; the user's logging is left
    alone."""
    log = logging.getLogger("caesura")
    stream = io.TextIOWrapper(io.FileIO(os.dup(2), "w"), encoding="utf-8", write_through=True)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(f"%(asctime)s {os.getpid()} %(name)s %(levelname)s: %(message)s"))
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(logging.DEBUG if os.environ.get("CAESURA_DEBUG") else logging.WARNING)
