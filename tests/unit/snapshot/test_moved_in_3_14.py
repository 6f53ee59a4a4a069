"""What CPython 3.14 brought: it moves, or it is named."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from snapshot_notebook import PRELUDE, Notebook, run

from caesura.errors import CannotMove
from caesura.snapshot import explain

pytestmark = pytest.mark.skipif(sys.version_info < (3, 14), reason="this Python has none of it yet")

PROGRAMS = {
    "a template string": """
name = 'Ada'
template = t'Hello {name!r:>8}, {await turn()}'
await turn()
found = [(each.value, each.expression, each.conversion, each.format_spec) for each in template.interpolations]
result = template.strings, found
""",
    "a partial with a placeholder": """
import functools
f = functools.partial(divmod, functools.Placeholder, 7)
await turn()
result = f(23)
""",
    "except without parentheses, return in finally of an inner function": """
async def f():
    try:
        await turn()
        raise KeyError('k')
    except ValueError, KeyError:
        return await turn(), 'caught'
result = await f()
""",
    "a pool of threads with an initializer": """
import concurrent.futures
pool = concurrent.futures.ThreadPoolExecutor(1, initializer=list.append, initargs=([], 1))
await turn()
result = pool.submit(divmod, 23, 7).result()
pool.shutdown()
""",
    "who awaits whom": """
import asyncio
async def child(): return await turn()
async def outer():
    return await asyncio.gather(child(), asyncio.shield(child()))
task = asyncio.create_task(outer(), name='outer')
await turn()
def names(graph):
    return sorted((each.future.get_name() if hasattr(each.future, 'get_name') else '-', names(each))
                  for each in graph.awaited_by)
children = [each for each in asyncio.all_tasks() if each.get_coro().__name__ == 'child']
graph = sorted(names(asyncio.capture_call_graph(each)) for each in children)
result = graph, await task
""",
}

UNMOVABLE = {
    "an interpreter": ("from concurrent import interpreters\nthing = interpreters.create()", "thing.close()"),
    "a queue between interpreters": ("from concurrent import interpreters\nthing = interpreters.create_queue()", ""),
    "a pool of interpreters": (
        "from concurrent.futures import InterpreterPoolExecutor\nthing = InterpreterPoolExecutor(1)",
        "thing.shutdown()",
    ),
    "a compressed file": ("from compression import zstd\nthing = zstd.open(path, 'wb')", "thing.close()"),
    "a compressor": ("from compression import zstd\nthing = zstd.ZstdCompressor()", ""),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_moving_it_changes_nothing(name: str, tmp_path: Path) -> None:
    straight, _ = run(PROGRAMS[name], tmp_path, moving=False)
    moved, moves = run(PROGRAMS[name], tmp_path, moving=True)
    assert moves > 0
    assert moved == straight


@pytest.mark.parametrize("name", UNMOVABLE)
def test_it_holds_the_cell_with_its_name(name: str, tmp_path: Path) -> None:
    make, end = UNMOVABLE[name]
    notebook = Notebook(tmp_path)
    notebook.execute(PRELUDE)
    notebook.execute(f"path = {str(tmp_path / 'file')!r}\n{make}\n")
    notebook.execute("await turn()")
    try:
        with pytest.raises(CannotMove) as failure:
            notebook.save()
        assert explain(failure.value, notebook.root(), notebook.anchors()).path.startswith("thing")
    finally:
        notebook.execute(end)
        notebook.forget()
