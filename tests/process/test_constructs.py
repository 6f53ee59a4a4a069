"""Constructs whose move depends on more than the snapshot: the whole way through coordinator and workers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from notebooks import Home

pytestmark = pytest.mark.process


@pytest.fixture
def always(make_home: Callable[..., Home]) -> Home:
    return make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always")


def test_two_thousand_nested_awaits_move(always: Home) -> None:
    notebook = always.notebook()
    cell = notebook.submit(
        "import asyncio, caesura, sys\n"
        "sys.setrecursionlimit(10_000)\n"
        "async def deep(n):\n"
        "    if n:\n"
        "        return await deep(n - 1) + 1\n"
        "    await asyncio.sleep(0.5)\n"
        "    return sys.getrecursionlimit()\n"
        "await deep(2000), caesura.current().moves"
    )
    result = notebook.wait(cell)
    assert result.error is None
    assert result.value == "(12000, 1)"


def test_a_loop_over_a_dict_an_open_with_and_an_exception_on_its_way_move(always: Home) -> None:
    notebook = always.notebook()
    cell = notebook.submit(
        "import asyncio, caesura, contextlib\n"
        "@contextlib.asynccontextmanager\n"
        "async def resource(name):\n"
        "    await asyncio.sleep(0.2)\n"
        "    try:\n"
        "        yield name\n"
        "    finally:\n"
        "        await asyncio.sleep(0.2)\n"
        "        print('closed', name)\n"
        "table = {'a': 1, 'b': 2}\n"
        "try:\n"
        "    async with resource('r'):\n"
        "        for key, value in table.items():\n"
        "            print(key, value)\n"
        "            await asyncio.sleep(0.2)\n"
        "            table['b'] = 20\n"
        "            if key == 'b':\n"
        "                table['c'] = 3\n"
        "except RuntimeError as error:\n"
        "    await asyncio.sleep(0.2)\n"
        "    print(error)\n"
        "caesura.current().moves"
    )
    result = notebook.wait(cell)
    assert result.error is None
    assert result.text == "a 1\nb 20\nclosed r\ndictionary changed size during iteration\n"
    assert result.value == "5"


def test_an_error_after_a_move_shows_the_lines_of_the_cell(always: Home) -> None:
    notebook = always.notebook()
    cell = notebook.submit(
        "import asyncio\nasync def work(n):\n    await asyncio.sleep(0.2)\n    return 1 / n  # this line\nawait work(0)"
    )
    result = notebook.wait(cell)
    assert result.error is not None
    assert result.error["ename"] == "ZeroDivisionError"
    text = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(result.error["traceback"]))
    assert "----> 4     return 1 / n  # this line" in text
    assert "----> 5 await work(0)" in text
