"""A notebook gives the same outputs under plain ``python3``, under Caesura, and with a move at every block (I11)."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
from runs import CellRun, run

from notebooks import Home

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(300)]

HERE = Path(__file__).parent
EXAMPLES = sorted((HERE.parents[1] / "examples").glob("*.ipynb"))
NOTEBOOKS = sorted((HERE / "notebooks").glob("*.ipynb"))

NEEDS = {"libraries": ("networkx", "pandas", "pydantic", "ipywidgets")}
"""What a notebook imports that not every environment has."""

_plain: dict[Path, list[CellRun]] = {}


def plain(path: Path, make_home: Callable[..., Home]) -> list[CellRun]:
    """The notebook under ``python3``, run once for all comparisons."""
    if path not in _plain:
        _plain[path] = run(path, make_home(CAESURA_WORKERS="2"), "python3")
    return _plain[path]


def together(paths: list[Path]) -> list[object]:
    """Those of one notebook run in one process, for which the plain kernel has to run it once."""
    return [pytest.param(path, id=path.stem, marks=pytest.mark.xdist_group(path.stem)) for path in paths]


@pytest.mark.parametrize("policy", ["never", "auto", "always"])
@pytest.mark.parametrize("path", together([*NOTEBOOKS, *EXAMPLES]))
def test_the_outputs_are_those_of_a_plain_kernel(path: Path, policy: str, make_home: Callable[..., Home]) -> None:
    for library in NEEDS.get(path.stem, ()):
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    expected = plain(path, make_home)
    home = make_home(CAESURA_WORKERS="2", CAESURA_POLICY=policy)
    found = run(path, home, "caesura")
    for one, other in zip(expected, found, strict=True):
        assert (other.execution_count, other.outputs) == (one.execution_count, one.outputs), one.source
    moves = sum(len(cell.moves) for cell in found)
    if policy == "never":
        assert moves == 0
    if policy == "always":
        assert moves > 0


@pytest.mark.parametrize("path", together(EXAMPLES))
def test_nine_of_ten_blocks_of_an_example_are_moved_under_always(path: Path, make_home: Callable[..., Home]) -> None:
    cells = run(path, make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always"), "caesura")
    blocks = sum(len(cell.decisions) for cell in cells)
    moves = [move for cell in cells for move in cell.moves]
    assert blocks > 0
    assert len(moves) >= 0.9 * blocks
    assert all(move["from_pid"] != move["to_pid"] for move in moves)
