"""A zygote has nothing that a fork would break."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import caesura

SCRIPT = """
import sys, threading
from caesura.errors import InternalError
from caesura.worker.warm import assert_forkable, make_warm
warm = make_warm()
assert_forkable()
assert threading.active_count() == 1
{change}
try:
    assert_forkable()
except InternalError as error:
    print(error)
"""


def said(change: str, tmp_path: Path) -> str:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(caesura.__file__).parents[1]),
        "IPYTHONDIR": str(tmp_path),
        "PYTHONWARNINGS": "ignore",
    }
    script = SCRIPT.format(change=change)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_warm_process_can_be_forked(tmp_path: Path) -> None:
    assert said("", tmp_path) == ""


def test_a_second_thread_is_seen(tmp_path: Path) -> None:
    change = "threading.Thread(target=threading.Event().wait, name='extra', daemon=True).start()"
    assert "extra" in said(change, tmp_path)


def test_a_zeromq_context_is_seen(tmp_path: Path) -> None:
    assert "ZeroMQ" in said("import zmq; zmq.Context.instance()", tmp_path)


def test_an_open_database_is_seen(tmp_path: Path) -> None:
    assert "SQLite" in said("import sqlite3; connection = sqlite3.connect(':memory:')", tmp_path)
