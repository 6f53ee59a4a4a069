"""Every construct, moved at each of its suspension points, ends as if it had never been moved."""

from __future__ import annotations

import pytest
from frame_carrier import move, pack
from frame_driving import Outcome, ended_by, finish, step
from frame_suite import CONSTRUCTS

from caesura import frames


def straight(name: str) -> Outcome:
    log: list[object] = []
    return finish(CONSTRUCTS[name](log), None, log)


def moved(name: str, at: range) -> tuple[Outcome, int]:
    """How it ended when it was moved at the suspension points of ``at``, and how many points it has."""
    log: list[object] = []
    coroutine = CONSTRUCTS[name](log)
    answer: object = None
    points = 0
    while True:
        if points in at:
            old, before = log, list(log)
            coroutine, log, answer = move((coroutine, log, answer))
            assert old == before, "the original ran"
        try:
            answer = step(coroutine, answer)
        except StopIteration as stop:
            return Outcome(stop.value, None, [], log), points
        except Exception as error:
            return ended_by(error, log), points
        points += 1


def test_frames_are_available() -> None:
    assert frames.unavailable_reason() is None


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_moved_once_at_each_suspension_point(name: str) -> None:
    expected = straight(name)
    points = moved(name, range(0))[1]
    assert points
    for point in range(points + 1):
        outcome, passed = moved(name, range(point, point + 1))
        assert (point, outcome) == (point, expected)
        assert passed == points


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_moved_at_every_suspension_point(name: str) -> None:
    outcome, _ = moved(name, range(1000))
    assert outcome == straight(name)


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_reading_changes_nothing(name: str) -> None:
    log: list[object] = []
    coroutine = CONSTRUCTS[name](log)
    answer = step(coroutine, None)
    pack(coroutine)
    outcome = finish(coroutine, answer, log)
    assert outcome == straight(name)
