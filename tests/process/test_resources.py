"""What cannot be moved, in a real kernel: it is moved as its user says, or holds the cell by name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from notebooks import Home, Notebook, until

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
            "pid = os.getpid(); await asyncio.sleep(0.1)\n"
            "is_other = os.getpid() != pid\n"
            "print(is_other, conn.execute('select n from t').fetchall(), camera.port, camera.sock.fileno() > 0)"
        )
        assert notebook.wait(cell).text == "True [(7,)] 3 True\n", notebook.home.request("decisions", cell_id=cell)


def test_why_names_the_way_to_what_holds_a_cell(notebook: Notebook) -> None:
    notebook.run("class Loader: pass\ndf_loader = Loader(); df_loader._conn = sqlite3.connect(':memory:')")

    def known() -> list[str]:
        notebook.run("pass")  # a look that has used up its budget goes on after the next cell
        return [each["path"] for session in notebook.home.request("why") for each in session["variables"]]

    until(lambda: known() == ["df_loader → ._conn"], "the variable is found between the cells")
    cell = notebook.submit("await caesura.event('go')")
    reason = notebook.wait_for_state(cell, "held")["reason"]
    assert reason.startswith("df_loader → ._conn → sqlite3.Connection: Close it before the await")
    said = notebook.home.command("why", cell, "--variables").stdout
    assert "is held by\n  df_loader → ._conn → sqlite3.Connection\n      Close it" in said
    assert "variables that would hold it:\n  df_loader" in said
    assert "no notebook, session or cell 'nobody'" in notebook.home.command("why", "nobody").stderr
    notebook.home.command("events", "send", "go")
    assert notebook.wait(cell).error is None
    assert "nothing holds it; no cell runs" in notebook.home.command("why").stdout


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody knows whose child it was")
def test_what_a_shell_left_running_holds_the_cell_and_a_daemon_does_not(notebook: Notebook) -> None:
    notebook.run("os.system('sleep 1000 > /dev/null 2>&1 & echo $! > pid.txt');")
    cell = notebook.submit("await caesura.event('go'); os.kill(int(open('pid.txt').read()), 9)")
    assert "sleep → child process" in notebook.wait_for_state(cell, "held")["reason"]
    notebook.home.command("events", "send", "go")
    assert notebook.wait(cell).error is None
    notebook.run("os.system('setsid sleep 1000 > /dev/null 2>&1 & echo $! > pid.txt');")
    cell = notebook.submit("await caesura.event('go'); os.system('kill -9 $(cat pid.txt)');")
    notebook.wait_for_state(cell, "released")
    notebook.home.command("events", "send", "go")
    assert notebook.wait(cell).error is None


def test_a_bare_descriptor_holds_the_cell_wherever_it_is_kept_until_it_is_closed(notebook: Notebook) -> None:
    notebook.run("class Log: pass\nlog = Log(); log.fd = os.open('data.txt', os.O_RDWR | os.O_CREAT)")
    cell = notebook.submit("await caesura.event('go'); os.write(log.fd, b'more'); os.close(log.fd)")
    assert notebook.wait_for_state(cell, "held")["reason"].startswith("log → .fd → open descriptor")
    notebook.home.command("events", "send", "go")
    assert notebook.wait(cell).error is None
    cell = notebook.submit("pid = os.getpid(); await asyncio.sleep(0.1); print(os.getpid() != pid)")
    assert notebook.wait(cell).text == "True\n"


def test_processes_and_connections_of_asyncio_that_are_over_move(notebook: Notebook) -> None:
    notebook.run(
        "async def serve(reader, writer):\n"
        "    writer.write((await reader.readline()).upper())\n"
        "    writer.close(); await writer.wait_closed()\n"
        "pipe = asyncio.subprocess.PIPE\n"
        "child = await asyncio.create_subprocess_shell('cat; echo no >&2', stdin=pipe, stdout=pipe, stderr=pipe)\n"
        "out = await child.communicate(b'in')\n"
        "server = await asyncio.start_server(serve, '127.0.0.1', 0)\n"
        "port = server.sockets[0].getsockname()[1]\n"
        "reader, writer = await asyncio.open_connection('127.0.0.1', port)\n"
        "writer.write(b'abc\\n'); answer = await reader.read()\n"
        "writer.close(); await writer.wait_closed()\n"
        "server.close(); await server.wait_closed()"
    )
    cell = notebook.submit(
        "pid = os.getpid(); await asyncio.sleep(0.1)\n"
        "print(os.getpid() != pid, out, child.returncode, await child.wait(), child.stdout.at_eof())\n"
        "print(answer, reader.at_eof(), writer.is_closing(), writer.get_extra_info('peername') == ('127.0.0.1', port))"
    )
    result = notebook.wait(cell)
    assert result.error is None
    assert result.text == "True (b'in', b'no\\n') 0 0 True\nb'ABC\\n' True True True\n", notebook.home.request(
        "decisions", cell_id=cell
    )


def test_a_process_that_runs_holds_by_name(notebook: Notebook) -> None:
    notebook.run("child = await asyncio.create_subprocess_exec('cat', stdin=asyncio.subprocess.PIPE)")
    cell = notebook.submit("await caesura.event('go')\nawait child.communicate(b'')")
    assert "cat → child process" in notebook.wait_for_state(cell, "held")["reason"]
    notebook.home.command("events", "send", "go")
    assert notebook.wait(cell).error is None
