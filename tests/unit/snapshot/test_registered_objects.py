"""Users move their own objects: by a reducer for a type, by a recipe for one object."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from snapshot_notebook import PRELUDE, Notebook

import caesura
from caesura.errors import CannotMove, SnapshotRefused, UsageError
from caesura.snapshot import registered

RESOURCE = """
import caesura
class Resource:
    def __init__(self, name): self.name, self.count = name, 0
    def __reduce__(self): raise TypeError('not me')
class Special(Resource): pass
"""


@pytest.fixture(autouse=True)
def nothing_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registered, "_reducers", {})


def moved(notebook_source: str, cell: str, folder: Path) -> Notebook:
    notebook = Notebook(folder)
    for source in (PRELUDE, notebook_source, cell):
        notebook.execute(source)
    return notebook.move()


def run(notebook_source: str, cell: str, folder: Path) -> dict[str, object]:
    notebook = moved(notebook_source, cell, folder)
    notebook.step()
    notebook.task.result()
    values = dict(notebook.namespace)
    notebook.forget()
    return values


def test_a_registered_reducer_moves_a_type_and_its_subclasses(tmp_path: Path) -> None:
    source = RESOURCE + "caesura.register_reducer(Resource, lambda r: (type(r), (r.name,), {'count': r.count + 1}))"
    cell = (
        "one = Special('x'); two = [one]\nawait turn()\nresult = type(one).__name__, one.name, one.count, two[0] is one"
    )
    assert run(source, cell, tmp_path)["result"] == ("Special", "x", 1, True)


def test_a_registered_reducer_is_there_after_a_move(tmp_path: Path) -> None:
    source = RESOURCE + "caesura.register_reducer(Resource, lambda r: (Resource, (r.name,)))\none = Resource('x')"
    notebook = moved(source, "await turn()\nawait turn()\nresult = one.name", tmp_path)
    notebook.step()
    here = notebook.namespace["Resource"]
    registered._reducers = {here: registered._reducers[here]}  # as in a process of its own
    notebook = notebook.move()
    notebook.step()
    assert notebook.namespace["result"] == "x"
    notebook.forget()


def test_an_object_is_made_again_by_its_recipe_wherever_it_is_referred_to(tmp_path: Path) -> None:
    source = (
        "import sqlite3, caesura\n"
        f"path = {str(tmp_path / 'data.db')!r}\n"
        "conn = sqlite3.connect(path); conn.execute('create table t (n)'); conn.commit()\n"
        "def connect(file, again=True): return sqlite3.connect(file or path)\n"
        "holder = {'conn': caesura.reopen(conn, connect, None, again=True)}"
    )
    cell = (
        "conn.execute('insert into t values (5)'); conn.commit(); old = conn.total_changes\nawait turn()\n"
        "result = conn.execute('select n from t').fetchall(), conn.total_changes, holder['conn'] is conn\n"
        "conn.close()"
    )
    assert run(source, cell, tmp_path)["result"] == ([(5,)], 0, True)


def test_another_object_of_the_same_type_is_refused_as_before(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    notebook.execute(PRELUDE)
    notebook.execute(
        "import sqlite3, caesura\none = caesura.reopen(sqlite3.connect(':memory:'), sqlite3.connect, ':memory:')\n"
        "two = sqlite3.connect(':memory:')"
    )
    notebook.execute("await turn()")
    with pytest.raises(CannotMove, match=r"sqlite3\.Connection"):
        notebook.save()
    notebook.namespace["one"].close()
    notebook.namespace["two"].close()
    notebook.forget()


@pytest.mark.parametrize(
    ("reduce", "text"),
    [
        ("lambda r: 1 / 0", "registered reducer failed: ZeroDivisionError"),
        ("lambda r: 5", "returned 5, not a function"),
    ],
)
def test_a_reducer_that_cannot_be_right_is_named(reduce: str, text: str, tmp_path: Path) -> None:
    notebook = Notebook(tmp_path)
    notebook.execute(PRELUDE)
    notebook.execute(RESOURCE + f"caesura.register_reducer(Resource, {reduce})\none = Resource('x')")
    notebook.execute("await turn()")
    with pytest.raises(CannotMove, match=text):
        notebook.save()
    notebook.forget()


def test_a_recipe_that_fails_is_named_in_the_refusal(tmp_path: Path) -> None:
    source = "import caesura, threading\nclass Thing: pass\ndef again(): raise OSError('no route')\n"
    with pytest.raises(SnapshotRefused, match=r"Thing was not made again: its recipe again raised OSError: no route"):
        moved(source + "thing = caesura.reopen(Thing(), again)", "await turn()", tmp_path)


def test_wrong_arguments_are_refused_with_what_is_wrong() -> None:
    with pytest.raises(UsageError, match="takes a type first"):
        caesura.register_reducer(5, repr)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="type list move as they are"):
        caesura.register_reducer(list, repr)
    with pytest.raises(UsageError, match=r"reducer for _thread\.lock has to be a function"):
        caesura.register_reducer(type(threading.Lock()), 5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="need no recipe"):
        caesura.reopen([], list)
    with pytest.raises(UsageError, match=r"recipe .* has to be a function"):
        caesura.reopen(threading.Lock(), 5)  # type: ignore[arg-type]
