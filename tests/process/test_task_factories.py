"""A task factory that a notebook sets makes the notebook's tasks, also after moves, and not the cell's own."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from notebooks import Home

pytestmark = pytest.mark.process

FACTORY = """
import asyncio
loop = asyncio.get_running_loop()

def factory(loop, coro, **options):
    if coro.__name__ != "work":
        raise RuntimeError(f"not a task of mine: {coro.__name__}")
    return asyncio.Task(coro, loop=loop, **options)

loop.set_task_factory(factory)
"""

WORK = """
async def work(i):
    await asyncio.sleep(0.1)
    return i

print(await asyncio.gather(work(1), work(2)), loop.get_task_factory() is factory)
"""

EAGER = """
loop.set_task_factory(asyncio.eager_task_factory)
print(await asyncio.gather(work(3), work(4)), asyncio.current_task().done())
"""


@pytest.mark.parametrize("policy", ["always", "never"])
def test_cells_run_and_move_under_any_task_factory(policy: str, make_home: Callable[..., Home]) -> None:
    notebook = make_home(CAESURA_WORKERS="2", CAESURA_POLICY=policy).notebook()
    notebook.run(FACTORY)
    sources = {WORK: "[1, 2] True\n"}
    if sys.version_info >= (3, 12):
        sources[EAGER] = "[3, 4] False\n"
    for source, expected in sources.items():
        cell = notebook.submit(source)
        result = notebook.wait(cell)
        assert (result.error, result.text) == (None, expected)
        assert bool(notebook.moves(cell)) is (policy == "always")
    cell = notebook.submit("print(asyncio.current_task().get_coro().__name__)")
    assert notebook.wait(cell).error is None
