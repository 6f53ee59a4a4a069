"""Everything that people start kernels with, and programs that have none."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from notebooks import DEADLINE_S, Home, until

pytestmark = pytest.mark.process

CELLS = (
    "import asyncio, caesura, os\n@caesura.remote\ndef double(number):\n    return number * 2",
    "pid = os.getpid()\nresult = await double(21)\nprint('result', result)",
    "print('moved', caesura.current().moves, pid != os.getpid())\nresult",
)


class Jupyter:
    """Jupyter's own commands, which find the kernelspec ``caesura`` as ``caesura install`` wrote it."""

    def __init__(self, home: Home, prefix: Path) -> None:
        installed = home.command("install", "--prefix", str(prefix))
        assert installed.returncode == 0, installed.stderr
        self.environ = home.environ(JUPYTER_PATH=str(prefix / "share" / "jupyter"), JUPYTER_PLATFORM_DIRS="1")
        self.folder = prefix

    def run(self, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *words],
            env=self.environ,
            cwd=self.folder,
            input=typed,
            capture_output=True,
            text=True,
            timeout=2 * DEADLINE_S,
            check=False,
        )

    def write_notebook(self, *cells: str) -> Path:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata.kernelspec = {"name": "caesura", "display_name": "Caesura", "language": "python"}
        path = self.folder / "notebook.ipynb"
        nbformat.write(notebook, path)
        return path


@pytest.fixture
def jupyter(make_home: Callable[..., Home], tmp_path: Path) -> Jupyter:
    folder = tmp_path / "prefix"
    folder.mkdir()
    return Jupyter(make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always"), folder)


def expect_outputs(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    assert [output.text for output in cells[1].outputs] == ["result 42\n"]
    printed, value = cells[2].outputs
    assert re.fullmatch(r"moved 0 True\n", printed.text)
    assert value.data["text/plain"] == "42"
    assert [cell.execution_count for cell in cells] == [1, 2, 3]


def test_jupyter_execute(jupyter: Jupyter) -> None:
    path = jupyter.write_notebook(*CELLS)
    done = jupyter.run("jupyter", "execute", "--inplace", str(path))
    assert done.returncode == 0, done.stderr
    expect_outputs(path)


def test_jupyter_nbconvert(jupyter: Jupyter) -> None:
    pytest.importorskip("nbconvert")
    path = jupyter.write_notebook(*CELLS)
    done = jupyter.run("jupyter", "nbconvert", "--to", "notebook", "--execute", "--output", "done.ipynb", str(path))
    assert done.returncode == 0, done.stderr
    expect_outputs(jupyter.folder / "done.ipynb")


def test_jupyter_execute_shows_the_error_of_a_cell_that_moved(jupyter: Jupyter) -> None:
    path = jupyter.write_notebook(CELLS[0], "await double(1)\n1 / 0", "print('not run')")
    done = jupyter.run("jupyter", "execute", "--inplace", str(path))
    assert done.returncode != 0
    assert "ZeroDivisionError" in done.stderr
    assert "1 / 0" in done.stderr


def test_jupyter_console(jupyter: Jupyter) -> None:
    pytest.importorskip("jupyter_console")
    typed = (
        "import asyncio, os, caesura\n"
        "pid = os.getpid()\n"
        "await asyncio.sleep(0.1); print('moved', pid != os.getpid())\n"
        "name = input('who? ')\n"
        "Ada\n"
        "print('hello', name)\n"
        "6 * 7\n"
        "1 / 0\n"
        "exit\n"
    )
    done = jupyter.run("jupyter", "console", "--simple-prompt", "--kernel", "caesura", typed=typed)
    assert done.returncode == 0, done.stderr
    assert "moved True" in done.stdout
    assert "who? " in done.stdout
    assert "hello Ada" in done.stdout
    assert "Out[6]: 42" in done.stdout
    assert "ZeroDivisionError" in done.stderr


PROGRAM = """
import asyncio
import sys
import caesura

factor = 3

@caesura.remote
def triple(number):
    print("tripling", number)
    return number * factor

@caesura.remote
async def fails(number):
    raise LookupError("no", number)

async def main():
    print(await asyncio.gather(*(triple(i) for i in range(4))))
    try:
        await fails(1)
    except LookupError as error:
        print("caught", error.args)
    try:
        await caesura.event("nobody", timeout=0.2)
    except TimeoutError:
        print("nobody came")
    print("asked", flush=True)
    print("got", await caesura.event("approval"))
    with caesura.hold("nothing to hold here"):
        await asyncio.sleep(0)

asyncio.run(main())
"""


def test_a_program_under_plain_python_is_a_client(home: Home, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, str(program)], env=home.environ(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines: list[str] = []
        while "asked\n" not in lines:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            lines.append(line)
        until_sent(home)
        rest, errors = process.communicate(timeout=DEADLINE_S)
        lines += rest.splitlines(keepends=True)
    assert process.returncode == 0, errors
    printed = [line for line in lines if line.startswith("tripling")]
    assert sorted(printed) == [f"tripling {i}\n" for i in range(4)]
    assert [line for line in lines if line not in printed] == [
        "[0, 3, 6, 9]\n",
        "caught ('no', 1)\n",
        "nobody came\n",
        "asked\n",
        "got {'by': 'Ada'}\n",
    ]
    assert home.request("events") == []


def until_sent(home: Home) -> None:
    """Answer the event as soon as somebody waits for it."""
    until(lambda: [event["name"] for event in home.request("events")] == ["approval"], "the program waits")
    sent = home.command("events", "send", "approval", "--json", json.dumps({"by": "Ada"}))
    assert sent.returncode == 0, sent.stderr


@pytest.mark.parametrize("name", ["fan-out", "polling"])
def test_an_example_runs_under_plain_python(home: Home, name: str) -> None:
    notebook = nbformat.read(Path(__file__).parents[2] / "examples" / f"{name}.ipynb", as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    indented = "\n".join(f"    {line}" for line in code.splitlines())
    program = home.path.parent / "example.py"
    program.write_text(f"async def notebook():\n{indented}\n\nimport asyncio\nasyncio.run(notebook())\n")
    done = subprocess.run(
        [sys.executable, str(program)],
        env=home.environ(),
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = {"fan-out": "Turin     17 °C", "polling": "invoices: done after 3 looks"}
    assert expected[name] in done.stdout


def test_workers_can_be_spawned_instead_of_forked(make_home: Callable[..., Home]) -> None:
    home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always", CAESURA_START_METHOD="spawn")
    notebook = home.notebook()
    notebook.run(CELLS[0])
    assert notebook.run(CELLS[1]).text == "result 42\n"
    assert notebook.run(CELLS[2]).value == "42"
    assert notebook.run("os.getppid()").value == str(home.coordinator_pid())
