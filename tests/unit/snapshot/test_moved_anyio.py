"""What a cell holds or awaits of anyio is the same after a move."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio_programs import PROGRAMS
from snapshot_notebook import PRELUDE, Notebook, moves_that_change_nothing

pytest.importorskip("anyio")


@pytest.fixture(autouse=True)
def _no_threads_are_left() -> Iterator[None]:
    """A process that is left by ``os._exit`` leaves its idle threads behind; here they have to be told."""
    yield
    for thread in threading.enumerate():
        if thread.name == "AnyIO worker thread":
            thread.queue.put_nowait(None)  # type: ignore[attr-defined]  # anyio's class of threads
            thread.join()


@pytest.mark.parametrize("name", PROGRAMS)
def test_moving_a_cell_at_each_of_its_waits_changes_nothing(name: str, tmp_path: Path) -> None:
    assert moves_that_change_nothing(PROGRAMS[name], tmp_path) >= 1


THREADS = """
import anyio, anyio.to_thread
log = [await anyio.to_thread.run_sync(len, "abc")]
await turn()
log.append(await anyio.to_thread.run_sync(len, "four"))
await turn()
result = log
"""


def test_a_thread_that_anyio_keeps_for_jobs_stays_behind_and_another_one_takes_its_place(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    notebook.execute(PRELUDE)
    notebook.execute(THREADS)
    for _ in range(2):
        notebook.loop.settle_until(lambda held=notebook: len(held.namespace["turns"]._getters) == 1)
        notebook = notebook.move()
        notebook.step()
    assert notebook.task.done()
    assert notebook.namespace["result"] == [3, 4]
    notebook.forget()
