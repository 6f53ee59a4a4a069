"""What libraries keep beside a notebook's variables moves with it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from notebooks import Home, Notebook

pytestmark = pytest.mark.process


@pytest.fixture
def notebook(make_home: Callable[..., Home]) -> Notebook:
    return make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always").notebook()


def moved(notebook: Notebook, code: str) -> str:
    """What the cell printed, which has moved and not failed."""
    cell = notebook.submit(code)
    result = notebook.wait(cell)
    assert result.error is None, result.error
    assert notebook.moves(cell)
    return result.text


def test_error_handling_and_printing_of_numpy(notebook: Notebook) -> None:
    notebook.run("import asyncio\nimport numpy as np")
    assert (
        moved(
            notebook,
            "np.set_printoptions(precision=2)\n"
            "with np.errstate(divide='raise'):\n"
            "    await asyncio.sleep(0.05)\n"
            "    try:\n"
            "        np.array([1]) / 0\n"
            "    except FloatingPointError:\n"
            "        print('raised')\n"
            "print(np.geterr()['divide'], np.array([1.23456]))",
        )
        == "raised\nwarn [1.23]\n"
    )
    assert (
        moved(notebook, "np.seterr(all='ignore'); await asyncio.sleep(0.05); print(np.geterr()['over'])") == "ignore\n"
    )


def test_a_figure_is_shown_once_and_after_the_move(notebook: Notebook) -> None:
    notebook.run(
        "import asyncio\n%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.rcParams['lines.linewidth'] = 7"
    )
    cell = notebook.submit(
        "plt.plot([1, 2]); plt.show()\n"
        "fig = plt.figure(5); plt.plot([3, 4])\n"
        "await asyncio.sleep(0.05)\n"
        "print(plt.get_fignums(), plt.gcf() is fig, plt.rcParams['lines.linewidth'])\n"
        "plt.title('after');"
    )
    result = notebook.wait(cell)
    assert result.error is None, result.error
    assert len(notebook.moves(cell)) == 1
    assert result.text == "[5] True 7.0\n"
    shown = [message for message in result.messages if message["msg_type"] == "display_data"]
    assert ["image/png" in message["content"]["data"] for message in shown] == [True, True]
