"""What a cell holds or awaits of asyncio is the same after a move."""

from __future__ import annotations

from pathlib import Path

import pytest
from asyncio_cancelling import PROGRAMS as CANCELLING
from asyncio_locks import PROGRAMS as LOCKS
from asyncio_tasks import PROGRAMS as TASKS
from asyncio_waiting import PROGRAMS as WAITING
from snapshot_notebook import PRELUDE, Notebook, moves_that_change_nothing

PROGRAMS = {**WAITING, **CANCELLING, **LOCKS, **TASKS}


@pytest.mark.parametrize("name", PROGRAMS)
def test_moving_a_cell_at_each_of_its_waits_changes_nothing(name: str, tmp_path: Path) -> None:
    assert moves_that_change_nothing(PROGRAMS[name], tmp_path) >= 1


EXECUTOR = """
log = [await asyncio.to_thread(len, "abc")]
await turn()
log.append(await asyncio.get_running_loop().run_in_executor(None, len, "four"))
await turn()
result = log
"""


def test_the_default_executor_is_made_anew_with_other_threads(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    notebook.execute(PRELUDE)
    notebook.execute(EXECUTOR)
    for _ in range(2):
        notebook.loop.settle_until(lambda held=notebook: len(held.namespace["turns"]._getters) == 1)
        executor = notebook.loop._default_executor  # type: ignore[attr-defined]
        notebook = notebook.move()
        executor.shutdown()
        notebook.step()
    notebook.loop._default_executor.shutdown()  # type: ignore[attr-defined]
    assert notebook.task.done()
    assert notebook.namespace["result"] == [3, 4]
    notebook.forget()
