"""What happened to a cell is told from how it was and how it is, once each, in order."""

from __future__ import annotations

from typing import Any

import pytest

from caesura_server.happenings import Happening, Picture, happened

Cell = dict[str, Any]
STARTED = 1000.0


def cell(state: str, moves: int = 0, resumes: int = 0, **more: Any) -> Cell:
    fields = {"cell_id": "c", "session_id": "s", "created": 1001.0, "since": 1002.0, "reason": "", "kind": "notebook"}
    return {**fields, "state": state, "moves": moves, "resumes": resumes, **more}


def message(*cells: Cell, now: float = 1003.0, **more: Any) -> dict[str, Any]:
    lists: dict[str, Any] = {"sessions": [], "workers": [], "gone": []}
    return {**lists, "cells": list(cells), "now": now, "store_bytes": 0, **more}


def session(*, is_away: bool) -> dict[str, Any]:
    return {"session_id": "s", "is_away": is_away}


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def picture(told: list[str]) -> Picture:
    def tell(happening: Happening) -> None:
        told.append(f"{happening.what} {happening.cell['state']}")

    return Picture(STARTED, tell)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (cell("running"), cell("released", 1), ["suspended"]),
        (cell("released", 1), cell("due", 1), []),
        (cell("loading", 1), cell("running", 1, 1), ["resumed"]),
        (cell("released", 1), cell("done", 1, 1), ["resumed", "done"]),
        (cell("released", 1), cell("failed", 1), ["done"]),
        (cell("released", 1), cell("released", 3, 2), ["resumed", "suspended", "resumed", "suspended"]),
        (cell("running"), cell("done", 2, 2), ["suspended", "resumed", "suspended", "resumed", "done"]),
        (cell("failed", 1, 1), cell("running", 1, 2), ["resumed"]),
        (cell("blocked"), cell("held"), ["held"]),
        (cell("held"), cell("held"), []),
        (cell("held"), cell("held", since=1002.5), ["held"]),
        (cell("done"), cell("done"), []),
    ],
)
def test_from_one_message_to_the_next(before: Cell, after: Cell, expected: list[str]) -> None:
    assert [str(what) for what in happened(before, after)] == expected


def test_a_cell_that_was_sent_after_the_server_started_is_told_from_its_beginning(
    picture: Picture, told: list[str]
) -> None:
    picture.take(message(cell("done", 1, 1), whole=True))
    assert told == ["suspended done", "resumed done", "done done"]


def test_what_happened_before_the_server_started_is_not_told(picture: Picture, told: list[str]) -> None:
    picture.take(message(cell("released", 4, 3, created=999.0), whole=True))
    assert told == []
    picture.take(message(cell("done", 4, 4, created=999.0)))
    assert told == ["resumed done", "done done"]


def test_what_happened_while_the_connection_was_lost_is_told_after_it(picture: Picture, told: list[str]) -> None:
    picture.take(message(cell("running"), whole=True))
    picture.lost()
    picture.take(message(cell("released", 1), whole=True))
    assert told == ["suspended released"]


def test_a_cell_whose_kernel_was_shut_down_is_over(picture: Picture, told: list[str]) -> None:
    picture.take(message(cell("running"), cell("done", cell_id="d"), whole=True))
    picture.take(message(gone=[["cells", "s/c"], ["cells", "s/d"], ["sessions", "s"]]))
    assert told == ["done done", "done cancelled"]


def test_the_seconds_without_a_process_add_up_over_messages_and_never_become_less(picture: Picture) -> None:
    picture.take(message(sessions=[session(is_away=True)], now=1010.0, whole=True))
    assert picture.worker_seconds_saved(1012.0) == 2.0
    picture.take(message(sessions=[session(is_away=True)], now=1013.0))
    picture.take(message(sessions=[session(is_away=False)], now=1014.0))
    assert picture.worker_seconds_saved(1020.0) == 4.0
    picture.take(message(sessions=[session(is_away=True)], now=1020.0))
    picture.take(message(gone=[["sessions", "s"]], now=1021.0))
    assert picture.worker_seconds_saved(1030.0) == 5.0
