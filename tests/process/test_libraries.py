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


@pytest.mark.parametrize(
    "code",
    [
        "import pandas\nkept = pandas.DataFrame({'a': [1, 2]})",
        "import networkx\nkept = networkx.path_graph(4)",
        "import pydantic\nclass Model(pydantic.BaseModel):\n    a: int = 1\nkept = Model()",
        "import sqlalchemy\nkept = sqlalchemy.create_engine('sqlite://')",
        "import multiprocessing, concurrent.futures, ssl, logging.config, unittest.mock\nkept = unittest.mock.Mock()",
        "import anyio, zmq, tornado.web, psutil, jsonschema\nkept = 1",
    ],
    ids=lambda code: code.split("\n")[0].removeprefix("import "),
)
def test_what_a_library_registers_when_it_is_imported_holds_nothing(notebook: Notebook, code: str) -> None:
    pytest.importorskip(code.split("\n")[0].removeprefix("import ").split(",")[0])
    assert notebook.run(f"import asyncio\n{code}").error is None
    cell = notebook.submit("await asyncio.sleep(0.2)\ntype(kept).__name__")
    assert notebook.wait(cell).error is None
    assert notebook.moves(cell), notebook.home.request("decisions", cell_id=cell)
