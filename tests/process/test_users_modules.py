"""Modules of the user's own, and modules made at run time, before and after a move."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from notebooks import Home, Notebook

pytestmark = pytest.mark.process

COUNTER = """
import logging, threading
count = 0
cache = {}
names = []
MARK = object()
lock = threading.Lock()
log = logging.getLogger(__name__)
class Settings:
    level = 1
    def __init__(self): self.seen = []
settings = Settings()
def add(name, into=names, mark=MARK):
    global count
    count += 1
    cache[name] = count
    into.append(name)
    settings.seen.append(name)
    return mark is MARK and into is names
"""


@pytest.fixture
def make_notebook(make_home: Callable[..., Home], tmp_path: Path) -> Callable[..., Notebook]:
    def make(**env: str) -> Notebook:
        (tmp_path / "counter.py").write_text(COUNTER)
        made = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always").notebook(cwd=tmp_path, **env)
        made.run("import asyncio, caesura, os, sys, types")
        return made

    return make


def moved(notebook: Notebook, code: str) -> str:
    cell = notebook.submit(code)
    result = notebook.wait(cell)
    assert result.error is None, result.error
    assert notebook.moves(cell), notebook.home.request("decisions", cell_id=cell)
    return result.text


def test_globals_and_classes_of_a_module_move(make_notebook: Callable[..., Notebook]) -> None:
    notebook = make_notebook()
    notebook.run(
        "import counter\nfrom counter import cache, Settings\nmine = counter.Settings()\n"
        "counter.add('a'); counter.Settings.level = 5; counter.extra = [cache]; counter.names.append('x')"
    )
    question = (
        "await asyncio.sleep(0.1)\n"
        "print(counter.add('b'), counter.count, counter.cache, counter.names, counter.settings.seen, Settings.level)\n"
        "print(cache is counter.cache, counter.extra[0] is cache, isinstance(mine, counter.Settings))"
    )
    assert moved(notebook, question) == ("True 2 {'a': 1, 'b': 2} ['a', 'x', 'b'] ['a', 'b'] 5\nTrue True True\n")
    assert (
        moved(notebook, "import counter as again; await asyncio.sleep(0.1); print(again.count, again is counter)")
        == "2 True\n"
    )


def test_a_module_global_that_cannot_move_holds_by_its_name(make_notebook: Callable[..., Notebook]) -> None:
    notebook = make_notebook()
    notebook.run("import counter, sqlite3; counter.cache['conn'] = sqlite3.connect(':memory:')")
    cell = notebook.submit("await caesura.event('go')")
    reason = notebook.wait_for_state(cell, "held")["reason"]
    assert "counter" in reason
    assert "['conn'] → sqlite3.Connection" in reason
    notebook.home.command("events", "send", "go")
    assert notebook.wait(cell).error is None


def test_a_module_that_was_edited_meanwhile_is_said_in_the_cell(
    make_notebook: Callable[..., Notebook], tmp_path: Path
) -> None:
    notebook = make_notebook()
    notebook.run("import counter; counter.add('a')")
    cell = notebook.submit("x = await caesura.event('go'); print(counter.count, counter.version)")
    notebook.wait_for_state(cell, "released")
    (tmp_path / "counter.py").write_text(COUNTER + "version = 2\n")
    notebook.home.command("events", "send", "go")
    result = notebook.wait(cell)
    assert result.text == "1 2\n"
    assert "counter.py) was edited while this session was away" in result.stream("stderr")
    assert notebook.run("print(counter.count)").stream("stderr") == ""


def test_an_edited_module_is_refused_when_that_is_set(make_notebook: Callable[..., Notebook], tmp_path: Path) -> None:
    notebook = make_notebook(CAESURA_EDITED_MODULES="refuse")
    notebook.run("import counter")
    cell = notebook.submit("x = await caesura.event('go'); print(counter.count)")
    notebook.wait_for_state(cell, "released")
    (tmp_path / "counter.py").write_text(COUNTER + "version = 2\n")
    notebook.home.command("events", "send", "go")
    error = notebook.wait(cell).error
    assert error is not None
    assert "The module counter" in error["evalue"]
    assert "Undo the edit" in error["evalue"]


def test_a_wrong_setting_is_named(make_notebook: Callable[..., Notebook], tmp_path: Path) -> None:
    home = make_notebook().home
    first = home.notebook(cwd=tmp_path, CAESURA_EDITED_MODULES="never").run("1")
    assert "CAESURA_EDITED_MODULES is 'never'; it has to be one of warn, refuse" in first.stream("stderr")


def test_packages_reloads_run_files_and_modules_made_at_run_time(
    make_notebook: Callable[..., Notebook], tmp_path: Path
) -> None:
    package = tmp_path / "parts"
    package.mkdir()
    (package / "__init__.py").write_text("from .inner import Thing, things\n")
    (package / "inner.py").write_text("things = []\nclass Thing: pass\n")
    (tmp_path / "script.py").write_text(
        "total = 3\nclass Scripted: pass\ndef bump():\n    global total\n    total += 1\n    return total\n"
    )
    notebook = make_notebook()
    result = notebook.run(
        "import parts, importlib\n"
        "old = parts.Thing(); parts.things.append(old)\n"
        "importlib.reload(parts.inner); new = parts.inner.Thing()\n"
        "%run script.py\n"
        "scripted = Scripted()\n"
        "made = types.ModuleType('made'); sys.modules['made'] = made\n"
        "exec('n = 1\\ndef up():\\n    global n\\n    n += 1\\n    return n', made.__dict__)\n"
        "up = made.up; sys.modules['forbidden'] = None; sys.path.append('/nowhere')"
    )
    assert result.error is None, result.error
    question = (
        "await asyncio.sleep(0.1)\n"
        "print(parts.things[0] is old, isinstance(old, parts.Thing), isinstance(new, parts.inner.Thing),"
        " isinstance(new, parts.Thing), parts.inner.things)\n"
        "import made as again\n"
        "print(up(), made.n, again is made, sys.modules['forbidden'], '/nowhere' in sys.path)\n"
        "print(isinstance(scripted, Scripted), bump(), bump.__globals__['total'])"
    )
    assert moved(notebook, question) == "True True True False []\n2 2 True None True\nTrue 4 4\n"
    assert moved(notebook, question) == "True True True False []\n3 3 True None True\nTrue 5 5\n"
