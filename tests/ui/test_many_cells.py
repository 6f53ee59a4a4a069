"""A thousand cells that change all the time leave JupyterLab responsive. What the coordinator says is made up here."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from lab import Page

from made_up_cells import CELLS, cell, news

pytestmark = [pytest.mark.process, pytest.mark.slow]

CHANGED_AT_ONCE = 100
CHANGES = 30


def whole() -> dict[str, Any]:
    return {"type": "state", **news(1, [cell(number, 0) for number in range(CELLS)], 160.0, is_whole=True)}


def change(turn: int) -> dict[str, Any]:
    first = turn * CHANGED_AT_ONCE
    cells = [cell((first + number) % CELLS, turn) for number in range(CHANGED_AT_ONCE)]
    return {"type": "change", **news(turn + 2, cells, 160.0 + turn / 10, is_whole=False)}


def coordinator_of(tab: Page) -> Any:
    """The end of the stream that the coordinator has, in the hands of the test; it has said what there is."""
    sockets: list[Any] = []
    tab.at.route_web_socket("**/caesura/api/stream**", lambda socket: sockets.append(socket))
    tab.at.reload()
    tab.show_panel()
    while not sockets:
        tab.at.wait_for_timeout(50)
    sockets[-1].send(json.dumps(whole()))
    return sockets[-1]


def test_a_thousand_cells_that_change_ten_times_a_second_leave_the_page_responsive(
    page: Callable[..., Page], picture: Callable[[Page, str], None]
) -> None:
    tab = page()
    socket = coordinator_of(tab)
    tab.line().first.wait_for()
    assert tab.line().count() < 60  # of a thousand
    measured = tab.at.context.new_cdp_session(tab.at)
    measured.send("Performance.enable", {"timeDomain": "threadTicks"})
    before_s = busy_s(measured)
    for turn in range(CHANGES):
        socket.send(json.dumps(change(turn)))
        tab.at.wait_for_timeout(100)
    each_s = (busy_s(measured) - before_s) / CHANGES
    tab.at.evaluate("document.querySelector('#caesura-panel .jp-Caesura-list').scrollTop = 40000")
    tab.line("score").first.wait_for()
    picture(tab, "panel-thousand")
    print(f"processor time of the page's main thread for each change: {each_s * 1000:.0f} ms")
    assert 0 < each_s < 0.05


def busy_s(measured: Any) -> float:
    """Processor time that the page's main thread has taken: what else the machine does is not counted."""
    metrics = measured.send("Performance.getMetrics")["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


def test_a_search_finds_one_of_a_thousand(page: Callable[..., Page]) -> None:
    tab = page()
    coordinator_of(tab)
    tab.panel.get_by_label("Search cells").fill("total_777")
    tab.line("total_777").wait_for()
    assert tab.line().count() == 1
