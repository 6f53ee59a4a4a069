"""A cell that waits in one process ends in another one."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "unit" / "snapshot"
sys.path.insert(0, str(UNIT))

from anyio_programs import PROGRAMS as ANYIO  # noqa: E402
from asyncio_cancelling import PROGRAMS as CANCELLING  # noqa: E402
from asyncio_tasks import PROGRAMS as TASKS  # noqa: E402
from asyncio_waiting import PROGRAMS as WAITING  # noqa: E402
from snapshot_notebook import PRELUDE, Notebook, run  # noqa: E402
from snapshot_programs import PROGRAMS as MANY  # noqa: E402

PROGRAMS = {**MANY, **WAITING, **CANCELLING, **TASKS, **(ANYIO if importlib.util.find_spec("anyio") else {})}

CHILD = """
import json, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from snapshot_notebook import Notebook

folder = Path(sys.argv[2])
notebook = Notebook.load(json.loads((folder / "manifest").read_text()), folder)
notebook.loop.now = json.loads((folder / "now").read_text())
while not notebook.task.done():
    notebook.step()
notebook.task.result()
print(repr(notebook.namespace["result"]))
sys.stdout.flush()
os._exit(0)
"""

BY_MANY_WAYS = [
    "gather",
    "task group, one fails",
    "timeout, with a wait while it is being cancelled",
    "lock, semaphore, condition, event",
    "queue with producer and consumers",
    "async generators and async for",
    "with, async with and an exception on its way",
    "half-consumed generators",
    "classes",
    "context variables",
    "decimal context",
    "cached functions, partials, properties of the standard library",
    "exceptions with cause, group and odd arguments",
    "three hundred nested awaits",
    "a task that was cancelled although its future did not let it",
    "a task factory of the user's, with a class of the user's",
    "an asynchronous generator that is dropped half way",
    "task group with start, start_soon and a failing child",
    "time limits: fail_after, move_on_after, and one that is moved",
    "variables of a run, the default limiter and who runs",
]


@pytest.mark.parametrize("name", [name for name in BY_MANY_WAYS if name in PROGRAMS])
def test_a_cell_ends_in_another_process_as_it_would_have_here(name: str, tmp_path: Path) -> None:
    expected, _ = run(PROGRAMS[name], tmp_path, moving=False)
    notebook = Notebook(tmp_path)
    notebook.execute(PRELUDE)
    notebook.execute(PROGRAMS[name])
    (tmp_path / "manifest").write_text(json.dumps(notebook.save().manifest))
    (tmp_path / "now").write_text(json.dumps(notebook.loop.now))
    notebook.forget()
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(UNIT), str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.stdout) == ("", f"{expected!r}\n")
