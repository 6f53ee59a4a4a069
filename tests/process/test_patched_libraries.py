"""What was replaced in a library at run time is replaced after a move, and what puts it back puts the real one back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from notebooks import Home, Notebook

pytestmark = pytest.mark.process


@pytest.fixture
def notebook(make_home: Callable[..., Home], tmp_path: Path) -> Notebook:
    made = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always").notebook(cwd=tmp_path)
    made.run("import asyncio, os")
    return made


def moved(notebook: Notebook, code: str) -> str:
    cell = notebook.submit(code)
    result = notebook.wait(cell)
    assert result.error is None, result.error
    assert notebook.moves(cell), notebook.home.request("decisions", cell_id=cell)
    return result.text


def test_what_the_kernel_itself_needs_may_be_replaced(notebook: Notebook) -> None:
    places = "json.dumps json.loads pickle.dumps time.time time.monotonic os.listdir"
    code = (
        "import contextlib\n"
        "from unittest import mock\n"
        "async def work():\n"
        "    with contextlib.ExitStack() as stack:\n"
        f"        fakes = {{place: stack.enter_context(mock.patch(place)) for place in {places!r}.split()}}\n"
        "        await asyncio.sleep(0.1)\n"
        "        return {place: fake.call_count for place, fake in fakes.items() if fake.call_count}\n"
        "print(await work())"
    )
    assert moved(notebook, code) == "{}\n"


def test_functions_of_builtins_and_sys_that_are_replaced(notebook: Notebook) -> None:
    code = (
        "import sys\n"
        "from unittest import mock\n"
        "real, real_exit = print, sys.exit\n"
        "with mock.patch('builtins.print') as fake, mock.patch('sys.exit') as fake_exit:\n"
        "    await asyncio.sleep(0.1)\n"
        "    print('unheard'), sys.exit(3)\n"
        "print(fake.mock_calls, fake_exit.mock_calls, real is print, real_exit is sys.exit)"
    )
    assert moved(notebook, code) == "[call('unheard')] [call(3)] True True\n"


def test_a_mock_that_is_open_at_an_await(notebook: Notebook) -> None:
    code = (
        "import shutil, textwrap\n"
        "from unittest import mock\n"
        "real, real_fill = shutil.which, textwrap.TextWrapper.fill\n"
        "async def work():\n"
        "    with mock.patch('shutil.which', return_value='nowhere') as fake, \\\n"
        "            mock.patch.object(textwrap.TextWrapper, 'fill', lambda self, text: 'filled'), \\\n"
        "            mock.patch.dict(os.environ, {'SET': 'inside'}):\n"
        "        shutil.which('a')\n"
        "        await asyncio.sleep(0.1)\n"
        "        print(shutil.which('b'), fake.call_count, textwrap.fill('5'), os.environ['SET'])\n"
        "await work()\n"
        "print(shutil.which is real, textwrap.TextWrapper.fill is real_fill, textwrap.fill('5'), 'SET' in os.environ)"
    )
    assert moved(notebook, code) == "nowhere 2 filled inside\nTrue True 5 False\n"
    assert notebook.run("import pickle; pickle.loads(pickle.dumps(shutil.which)) is shutil.which").value == "True"


def test_a_function_that_was_replaced_in_the_cell_of_its_import(notebook: Notebook) -> None:
    code = (
        "import colorsys, functools, stat, calendar\n"
        "original = colorsys.rgb_to_hsv\n"
        "def fake(*args): return 'fake', original(*args)\n"
        "colorsys.rgb_to_hsv = fake\n"
        "stat.filemode = functools.partial(stat.filemode, 0o100644)\n"
        "stat.of_the_user = fake; calendar.EPOCH = 1984; del colorsys.yiq_to_rgb\n"
        "calendar.TextCalendar.formatweekday = lambda *args: 'fake day'\n"
    )
    notebook.run(code)
    question = (
        "await asyncio.sleep(0.1)\n"
        "print(colorsys.rgb_to_hsv(0, 0, 0), colorsys.rgb_to_hsv is fake, original.__module__, stat.filemode(),\n"
        "      stat.of_the_user is fake, calendar.EPOCH, hasattr(colorsys, 'yiq_to_rgb'),\n"
        "      calendar.TextCalendar().formatweekday(1, 2))"
    )
    for _ in range(2):
        assert moved(notebook, question) == (
            "('fake', (0.0, 0.0, 0)) True colorsys -rw-r--r-- True 1984 False fake day\n"
        )
    notebook.run("colorsys.rgb_to_hsv = original")
    assert moved(
        notebook, "await asyncio.sleep(0.1); print(colorsys.rgb_to_hsv(0, 0, 0), colorsys.rgb_to_hsv is original)"
    ) == ("(0.0, 0.0, 0) True\n")


def test_what_every_process_has_once_is_that_of_the_new_process(notebook: Notebook) -> None:
    code = (
        "import random, sys, threading\n"
        "from os import environ\n"
        "path, draw, thread = sys.path, random.random, threading.main_thread()\n"
        "await asyncio.sleep(0.1)\n"
        "environ['SET'] = 'by the copy'; random.seed(1); expected = random.random(); random.seed(1)\n"
        "print(os.environ['SET'], path is sys.path, draw() == expected, thread is threading.current_thread())"
    )
    assert moved(notebook, code) == "by the copy True True True\n"


def test_a_failed_import_shows_the_traceback_that_plain_python_shows(notebook: Notebook, tmp_path: Path) -> None:
    (tmp_path / "broken_module.py").write_text("1 / 0\n")
    notebook.run("import traceback")
    text = notebook.run(
        "try:\n    import broken_module\nexcept ZeroDivisionError:\n    print(traceback.format_exc())"
    ).text
    assert "importlib" not in text
    assert "caesura" not in text.replace(str(tmp_path), "")
    assert "1 / 0" in text
