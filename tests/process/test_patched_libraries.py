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
    assert notebook.moves(cell), str(notebook.home.request("decisions", cell_id=cell))
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


def test_nobody_calls_what_stands_in_the_place_of_a_function(notebook: Notebook) -> None:
    plain = "os.getpid os.write os.sched_getaffinity builtins.input threading.main_thread"
    wrapping = "importlib.import_module gc.get_referents decimal.getcontext"
    with_effect = "signal.getitimer os.getcwd"
    code = (
        "import importlib\n"
        "from unittest import mock\n"
        "async def work(place, **options):\n"
        "    module, _, name = place.rpartition('.')\n"
        "    owner = importlib.import_module(module)\n"
        "    real = vars(owner)[name]\n"
        "    options = {'wraps': real} if options == {'wraps': None} else options\n"
        "    with mock.patch.object(owner, name, **options) as fake:\n"
        "        await asyncio.sleep(0.05)\n"
        "        found = vars(owner)[name] is fake, fake.call_count\n"
        "    if (*found, vars(owner)[name] is real) != (True, 0, True):\n"
        "        print(place, found, vars(owner)[name] is real)\n"
        f"for place in {plain!r}.split(): await work(place)\n"
        f"for place in {wrapping!r}.split(): await work(place, wraps=None)\n"
        f"for place in {with_effect!r}.split(): await work(place, side_effect=[1, 2])"
    )
    cell = notebook.submit(code)
    result = notebook.wait(cell)
    assert (result.error, result.text, len(notebook.moves(cell))) == (None, "", 10)


def test_what_asyncio_cannot_run_with_is_put_back_and_named(notebook: Notebook) -> None:
    code = "from unittest import mock\nkept = [1, 2]\nwith mock.patch('builtins.len'):\n    await asyncio.sleep(0.05)\n"
    result = notebook.run(code)
    assert "put in the place of builtins.len: the original is back" in result.stream("stderr")
    assert notebook.run("len(kept)").value == "2"


def test_an_environment_that_is_another_dict(notebook: Notebook) -> None:
    code = (
        "from unittest import mock\n"
        "real = os.environ\n"
        "with mock.patch('os.environ', {'ONLY': 'this'}):\n"
        "    await asyncio.sleep(0.05)\n"
        "    print(os.environ, end=' ')\n"
        "os.environ['SET'] = 'after'\n"
        "print(os.environ is real, os.getenv('SET'))\n"
    )
    assert moved(notebook, code) == "{'ONLY': 'this'} True after\n"


def test_a_wrapper_that_says_it_is_the_function_it_replaces(notebook: Notebook) -> None:
    code = (
        "import functools, shutil\n"
        "real = shutil.which\n"
        "@functools.wraps(real)\n"
        "def fake(*args): return 'fake'\n"
        "shutil.which = fake\n"
        "await asyncio.sleep(0.05)\n"
        "print(shutil.which('a'), shutil.which is fake, real is fake.__wrapped__)\n"
        "shutil.which = real\n"
    )
    assert moved(notebook, code) == "fake True True\n"


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
