"""A move leaves nothing behind: no warning, no object, no code of the user that runs; and errors look as they did."""

from __future__ import annotations

import gc
import linecache
import sys
import types
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from snapshot_notebook import PRELUDE, Notebook, run

FAILING = """
import traceback
async def inner(n):
    await turn()
    return (
        1 / n
    )

def plain(n, error):
    try:
        raise LookupError(n) from error
    except LookupError:
        raise KeyError(n)

async def outer(n):
    try:
        return await inner(n)
    except ZeroDivisionError as error:
        await turn()
        plain(n, error)

class Manager:
    async def __aenter__(self): await turn()
    async def __aexit__(self, *error): await turn()

try:
    async with Manager():
        await outer(0)
except KeyError as error:
    await turn()
    result = traceback.format_exception(error)
"""


def test_a_traceback_shows_the_lines_of_the_cell(tmp_path: Path) -> None:
    lines = FAILING.splitlines(keepends=True)
    linecache.cache["<cell 1>"] = (len(FAILING), None, lines, "<cell 1>")
    try:
        stayed, _ = run(FAILING, tmp_path, moving=False)
        moved, moves = run(FAILING, tmp_path, moving=True)
    finally:
        del linecache.cache["<cell 1>"]
    assert isinstance(moved, list)
    text = "".join(moved)
    assert "1 / n" in text
    assert "raise LookupError(n) from error" in text
    assert moved == stayed
    assert moves == 5


def waiting(folder: Path, source: str) -> Notebook:
    notebook = Notebook(folder)
    notebook.execute(PRELUDE)
    notebook.execute(source)
    return notebook


def test_a_coroutine_that_nobody_has_awaited_warns_once_and_not_because_of_a_move(tmp_path: Path) -> None:
    notebook = waiting(tmp_path, "async def never(): pass\nfirst = never()\nawait turn()\ndel first\nresult = 1")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for _ in range(3):
            notebook = notebook.move()
        gc.collect()
        assert [str(warning.message) for warning in seen if warning.category is RuntimeWarning] == []
        notebook.step()
        gc.collect()
        messages = [str(warning.message) for warning in seen if warning.category is RuntimeWarning]
        assert messages == ["coroutine 'never' was never awaited"]
    notebook.forget()


HELD = """
log = []
class Marked: pass
def generator(mark):
    try:
        yield mark
    finally:
        log.append("generator")
async def async_generator(mark):
    try:
        yield mark
    finally:
        log.append("async generator")
async def coroutine(mark):
    try:
        with open_thing(mark):
            try:
                raise ValueError(mark)
            except ValueError:
                await turn()
    finally:
        log.append("coroutine")
class open_thing:
    def __init__(self, mark): self.mark = mark
    def __enter__(self): return self
    def __exit__(self, *error): log.append("exit")
mark = Marked()
half = generator(mark); next(half)
half_async = async_generator(mark); await anext(half_async)
pairs = zip(half, iter({"a": mark}.items()))
task = asyncio.create_task(coroutine(mark))
reached = iter({1: mark}); next(reached)
await coroutine(mark)
result = log
"""


def kinds() -> Counter[str]:
    counted = (types.CoroutineType, types.GeneratorType, types.AsyncGeneratorType, types.FrameType, types.TracebackType)
    gc.collect()
    named = ("Marked", "Restoring", "dict_itemiterator", "dict_keyiterator", "SetIterator", "_SessionUnpickler")
    found = (type(obj) for obj in gc.get_objects())
    return Counter(cls.__name__ for cls in found if cls in counted or cls.__name__ in named)


def test_what_was_moved_away_dies_without_running_and_leaves_nothing(tmp_path: Path) -> None:
    notebook = waiting(tmp_path, HELD)
    logs = [notebook.namespace["log"]]
    notebook = notebook.move()
    before = kinds()
    for _ in range(5):
        logs.append(notebook.namespace["log"])
        notebook = notebook.move()
    after = kinds()
    assert after == before
    assert before["Marked"] == 1
    assert logs == [[]] * 6
    notebook.step(), notebook.step()
    assert notebook.task.done()
    assert notebook.namespace["result"] == ["exit", "coroutine"] * 2
    notebook.forget()


def test_a_load_that_is_not_wanted_after_all_runs_nothing(tmp_path: Path) -> None:
    notebook = waiting(tmp_path, HELD)
    manifest = notebook.save().manifest
    for _ in range(2):
        other = Notebook.load(manifest, tmp_path)
        log = other.namespace["log"]
        other.forget()
        del other
        gc.collect()
        assert log == []
    assert notebook.namespace["log"] == []
    notebook.forget()


def test_saving_takes_no_reference(tmp_path: Path) -> None:
    notebook = waiting(tmp_path, HELD)
    mark: Any = notebook.namespace["mark"]
    notebook.save()
    gc.collect()
    before = sys.getrefcount(mark)
    for _ in range(5):
        notebook.save()
    gc.collect()
    assert sys.getrefcount(mark) == before
    notebook.forget()


@pytest.mark.parametrize("action", ["close", "throw"])
def test_what_is_closed_or_thrown_into_after_a_move_handles_it(action: str, tmp_path: Path) -> None:
    notebook = waiting(tmp_path, HELD.replace("await coroutine(mark)", f"await turn()\nhalf.{action}(*arguments)"))
    notebook.namespace["arguments"] = () if action == "close" else (KeyError("thrown"),)
    notebook = notebook.move()
    notebook.step(), notebook.step()
    assert sorted(notebook.namespace["log"]) == ["coroutine", "exit", "generator"]
    if action == "throw":
        with pytest.raises(KeyError, match="thrown"):
            notebook.task.result()
    notebook.forget()
