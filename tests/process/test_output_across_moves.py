"""What a cell shows, and what it holds open, is the same whether it moves between two lines or not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from notebooks import Home, Notebook

pytestmark = pytest.mark.process


@pytest.fixture
def notebook(make_home: Callable[..., Home], tmp_path: Path) -> Notebook:
    made = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always").notebook(cwd=tmp_path)
    made.run(
        "import asyncio, caesura, os\n"
        "@caesura.remote\n"
        "def slow(value):\n"
        "    return value * 2\n"
        "async def hop():\n"
        "    before = os.getpid()\n"
        "    await asyncio.sleep(0.05)\n"
        "    assert os.getpid() != before\n"
    )
    return made


def test_a_display_is_updated_from_another_process(notebook: Notebook) -> None:
    result = notebook.run(
        "from IPython.display import display\n"
        "handle = display('first', display_id='shown')\n"
        "await hop()\n"
        "handle.update('second')\n"
        "await hop()\n"
        "display('third', display_id='shown', update=True)\n"
        "display('other')"
    )
    assert result.error is None
    shown = [
        (message["msg_type"], message["content"]["data"]["text/plain"], message["content"]["transient"])
        for message in result.messages
        if message["msg_type"] in {"display_data", "update_display_data"}
    ]
    assert shown == [
        ("display_data", "'first'", {"display_id": "shown"}),
        ("update_display_data", "'second'", {"display_id": "shown"}),
        ("update_display_data", "'third'", {"display_id": "shown"}),
        ("display_data", "'other'", {}),
    ]


def test_a_progress_bar_goes_on_in_one_line(notebook: Notebook) -> None:
    result = notebook.run(
        "from tqdm import tqdm\n"
        "async def step(bar):\n"
        "    await slow(1)\n"
        "    bar.update()\n"
        "for i in tqdm(range(3), desc='loop'):\n"
        "    await hop()\n"
        "with tqdm(total=4, desc='fan') as bar:\n"
        "    await asyncio.gather(*(step(bar) for _ in range(4)))\n"
        "caesura.current().moves >= 4"
    )
    assert result.error is None
    assert result.value == "True"
    bars = re.findall(r"(loop|fan): *\d+%\|[^|]*\| (\d/\d)", result.stream("stderr"))
    assert [figures for name, figures in bars if name == "loop"][-1] == "3/3"
    assert [figures for name, figures in bars if name == "fan"][-1] == "4/4"
    assert bars == sorted(bars, key=lambda bar: (bar[0] != "loop", bar[1]))
    assert result.stream("stderr").count("\n") == 2


def test_a_chain_of_three_hundred_awaits_moves(notebook: Notebook) -> None:
    result = notebook.run(
        "async def deep(n):\n"
        "    if n == 0:\n"
        "        await hop()\n"
        "        return 0\n"
        "    return 1 + await deep(n - 1)\n"
        "print(await deep(300), caesura.current().moves)"
    )
    assert result.error is None
    assert result.text == "300 1\n"


def test_an_error_deep_in_a_chain_shows_every_function(notebook: Notebook) -> None:
    result = notebook.run(
        "async def inner():\n    await hop()\n    raise KeyError('deep')\n"
        "async def middle():\n    try:\n        await inner()\n    except KeyError as error:\n"
        "        await hop()\n        raise ValueError('middle') from error\n"
        "await middle()"
    )
    assert result.error is not None
    assert result.error["ename"] == "ValueError"
    trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(result.error["traceback"]))
    for words in ("await middle()", "await inner()", "raise KeyError('deep')", "direct cause", "raise ValueError"):
        assert words in trace


def test_a_file_that_is_open_around_an_await_goes_on_where_it_was(notebook: Notebook, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("".join(f"line {i}\n" for i in range(6)))
    result = notebook.run(
        "with open('in.txt') as source, open('out.txt', 'w') as target:\n"
        "    for line in source:\n"
        "        target.write(line.upper())\n"
        "        await hop()\n"
        "print(source.closed, target.closed, caesura.current().moves)"
    )
    assert result.error is None
    assert result.text == "True True 6\n"
    assert (tmp_path / "out.txt").read_text() == "".join(f"LINE {i}\n" for i in range(6))


def test_an_error_after_a_move_aborts_the_cells_behind_it(notebook: Notebook) -> None:
    failing = notebook.submit("await caesura.event('go')\n1 / 0")
    behind = [notebook.submit("'one'"), notebook.submit("'two'")]
    notebook.wait_for_state(failing, "released")
    assert notebook.home.command("events", "send", "go").returncode == 0
    assert notebook.wait(failing).status == "error"
    assert [notebook.wait(cell).status for cell in behind] == ["aborted", "aborted"]
    assert notebook.run("'three'").value == "'three'"


def test_an_error_after_a_move_aborts_nothing_when_told_so(notebook: Notebook) -> None:
    failing = notebook.submit("await caesura.event('go')\n1 / 0", stop_on_error=False)
    behind = notebook.submit("'one'")
    notebook.wait_for_state(failing, "released")
    assert notebook.home.command("events", "send", "go", "--error", "no").returncode == 0
    assert notebook.wait(failing).status == "error"
    assert notebook.wait(behind).value == "'one'"


def test_what_is_written_elsewhere_goes_on_there(notebook: Notebook) -> None:
    result = notebook.run(
        "import contextlib, io, sys, warnings\n"
        "text, problems = io.StringIO(), io.StringIO()\n"
        "with contextlib.redirect_stdout(text), contextlib.redirect_stderr(problems):\n"
        "    print('one')\n"
        "    await hop()\n"
        "    print('two')\n"
        "    await hop()\n"
        "    warnings.warn('three')\n"
        "print(text.getvalue().split(), 'three' in problems.getvalue())"
    )
    assert result.error is None
    assert result.text == "['one', 'two'] True\n"


def test_a_stream_of_the_users_own_stays_in_its_place(notebook: Notebook, tmp_path: Path) -> None:
    notebook.run(
        "import io, sys\n"
        "class Loud:\n"
        "    def __init__(self, stream): self.stream = stream\n"
        "    def write(self, text): return self.stream.write(text.upper())\n"
        "    def flush(self): self.stream.flush()\n"
        "shown = sys.stdout"
    )
    result = notebook.run("sys.stdout = Loud(shown)\nprint('a')\nawait hop()\nprint('b')\nsys.stdout = shown")
    assert (result.error, result.text) == (None, "A\nB\n")
    notebook.run("sys.stdout = open('log.txt', 'w')\nprint('one')\nawait hop()\nprint('two')")
    notebook.run("print('three')\nsys.stdout.close()\nsys.stdout = shown")
    assert (tmp_path / "log.txt").read_text() == "one\ntwo\nthree\n"
    asked = notebook.run("sys.stdin = io.StringIO('answer')\nawait hop()\nprint(sys.stdin.read())")
    assert (asked.error, asked.text) == (None, "answer\n")
