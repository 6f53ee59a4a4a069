"""What the policy decides in the real system, and what it writes down about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from notebooks import Home

pytestmark = [pytest.mark.process, pytest.mark.slow]


def test_mean_suspends_the_slow_call_always_and_the_quick_one_never(make_home: Callable[..., Home]) -> None:
    home = make_home(CAESURA_WORKERS="2")
    notebook = home.notebook(CAESURA_POLICY="mean:1")
    notebook.run(
        "import caesura, time\n"
        "@caesura.remote\n"
        "def quick():\n"
        "    time.sleep(0.05)\n"
        "@caesura.remote\n"
        "def slow():\n"
        "    time.sleep(3)\n"
    )
    quick = [notebook.submit("await quick()") for _ in range(10)]
    slow = [notebook.submit("await slow()") for _ in range(10)]
    for cell in quick:
        assert notebook.wait(cell).error is None
        assert notebook.moves(cell) == []
    for cell in slow:
        assert notebook.wait(cell).error is None
        assert len(notebook.moves(cell)) == 1
    for cells in (quick, slow):
        measured: list[float] = []
        for number, cell in enumerate(cells):
            decision = home.request("decisions", cell_id=cell)[-1]
            assert decision["reason"]
            assert decision["threshold_s"] == 1
            if number >= 2:
                mean = sum(measured) / len(measured)
                assert abs(decision["predicted_mean"] - mean) <= 0.2 * mean, (decision, measured)
            measured.append(decision["actual_s"])


def test_hints_decide_about_cells_and_move_with_them(make_home: Callable[..., Home]) -> None:
    home = make_home(CAESURA_WORKERS="2")
    notebook = home.notebook(CAESURA_POLICY="mean:5")
    notebook.run(
        "import asyncio, caesura\n"
        "@caesura.remote\n"
        "async def work():\n"
        "    caesura.progress(1, 4)\n"
        "    await asyncio.sleep(0.2)\n"
        "    caesura.progress(4, 4)\n"
        "    return 7\n"
    )
    released = notebook.submit("%%release\nawait work()")
    held = notebook.submit("%%hold\nawait work().expect(600)")
    hinted = notebook.submit("with caesura.expect(60):\n    value = await work() + await work()\nvalue")
    assert [notebook.wait(cell).value for cell in (released, held, hinted)] == ["7", "7", "14"]
    assert [len(notebook.moves(cell)) for cell in (released, held, hinted)] == [1, 0, 2]
    decisions = home.request("decisions", cell_id=hinted)
    assert all("ends in" in decision["reason"] for decision in decisions)


def test_an_unknown_policy_is_said_in_the_cell_and_nothing_else_stops_working(home: Home) -> None:
    notebook = home.notebook(CAESURA_POLICY="sometimes")
    result = notebook.run("1 + 1")
    assert result.value == "2"
    shown = result.stream("stderr")
    assert "sometimes" in shown
    assert "always" in shown
    assert "Traceback" not in shown
    assert notebook.run("2").stream("stderr") == ""
