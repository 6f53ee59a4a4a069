"""What cannot be moved, in a real kernel: it is moved as its user says, or holds the cell by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from notebooks import Home, Notebook

pytestmark = pytest.mark.process


@pytest.fixture
def notebook(make_home: Callable[..., Home], tmp_path: Path) -> Notebook:
    made = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always").notebook(cwd=tmp_path)
    made.run("import asyncio, caesura, sqlite3, os")
    return made


def test_a_connection_with_a_recipe_and_a_type_with_a_reducer_move(notebook: Notebook) -> None:
    notebook.run(
        "conn = caesura.reopen(sqlite3.connect('data.db'), sqlite3.connect, 'data.db')\n"
        "conn.execute('create table t (n)'); conn.execute('insert into t values (7)'); conn.commit()\n"
        "class Camera:\n"
        "    def __init__(self, port): self.port, self.sock = port, __import__('socket').socket()\n"
        "caesura.register_reducer(Camera, lambda camera: (Camera, (camera.port,)))\n"
        "camera = Camera(3)"
    )
    for _ in range(2):
        cell = notebook.submit(
            "pid = os.getpid(); await asyncio.sleep(0.01)\n"
            "is_other = os.getpid() != pid\n"
            "print(is_other, conn.execute('select n from t').fetchall(), camera.port, camera.sock.fileno() > 0)"
        )
        assert notebook.wait(cell).text == "True [(7,)] 3 True\n"
