"""What the coordinator asks the policy, and when it asks again: who wants a worker, what was learned, who came back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from world import World

from caesura.policy import Cost, CostModel, Demand

MakeWorld = Callable[..., World]


class Costly(CostModel):
    """A session that costs minutes to move."""

    def cost(self, size_bytes: int, queue_s: float = 0.0) -> Cost:
        return Cost(100.0, 50.0)


@pytest.fixture
def quiet(make_world: MakeWorld) -> World:
    """Two workers; waits for the event are known to take a minute."""
    world = make_world(workers=2, policy="auto")
    world.core.history.load([("event:go", "event", 60.0, False)] * 40)
    return world


def test_a_long_wait_is_held_while_nobody_else_wants_the_worker(quiet: World) -> None:
    session = quiet.open(1)
    cell = quiet.run(session, "wait")
    quiet.pass_time(5)
    assert quiet.state(session, cell) == "held"
    assert "while nobody else wants the worker" in quiet.session(session).cells[cell].reason


def test_it_is_let_go_when_more_cells_wait_than_there_are_workers(quiet: World) -> None:
    sessions = [quiet.open(link) for link in (1, 2, 3)]
    cells = [quiet.run(session, "wait") for session in sessions[:2]]
    quiet.pass_time(1)
    assert [quiet.state(*pair) for pair in zip(sessions, cells, strict=False)] == ["held", "held"]
    cells.append(quiet.run(sessions[2], "wait"))
    quiet.pass_time(1)
    states = [quiet.state(*pair) for pair in zip(sessions, cells, strict=True)]
    assert sorted(states) == ["held", "held", "released"]


def test_who_is_expected_to_wait_longest_leaves_first(make_world: MakeWorld) -> None:
    world = make_world(workers=2, policy="auto")
    world.core.history.load([("event:go", "event", 60.0, False), ("function:wait", "function", 4.0, False)] * 40)
    first, second, third = world.open(1), world.open(2), world.open(3)
    early = world.run(first, "wait")
    world.pass_time(40)
    late = world.run(second, "wait")
    world.pass_time(0.1)
    world.run(third, "loop")
    world.pass_time(1)
    assert (world.state(first, early), world.state(second, late)) == ("held", "released")


def test_an_idle_notebook_that_could_be_parked_is_nobody_who_wants_a_worker(quiet: World) -> None:
    idle = [quiet.open(link) for link in (1, 2)]
    for session in idle:
        quiet.run(session, "pass")
        quiet.settle()
    waiting = quiet.open(3)
    cell = quiet.run(waiting, "wait")
    quiet.pass_time(1)
    assert quiet.core.pool.demand().queued == 0
    assert quiet.state(waiting, cell) == "held"


def test_what_is_learned_meanwhile_decides_anew_about_who_waits_for_the_same(make_world: MakeWorld) -> None:
    world = make_world(workers=1, policy="auto")
    world.core.history.load([("event:go", "event", 300.0, False)] * 4)
    world.core.pool.demand = lambda: Demand(1, 4)  # type: ignore[method-assign]
    session = world.open()
    world.session(session).cost = Costly()
    cell = world.run(session, "wait")
    world.pass_time(0.01)
    assert world.state(session, cell) == "held"
    before = world.session(session).cells[cell].reason
    world.core.history.add("event:go", "event", 0.5)
    world.act(world.core.decision.learned, "event:go")
    world.pass_time(0.2)
    assert world.session(session).cells[cell].reason == before, "one call more is no news"
    for _ in range(40):
        world.core.history.add("event:go", "event", 9000.0)
    world.act(world.core.decision.learned, "event:go")
    world.pass_time(2)
    assert world.state(session, cell) == "released"


def test_a_call_with_much_data_has_a_history_of_its_own(make_world: MakeWorld) -> None:
    world = make_world(policy="never", workers=2)
    session = world.open()
    for word in ("pass", "pass" + " " * (1 << 17)):
        world.run(session, f"call {word}")
        world.settle()
    assert list(world.core.history.keys()) == [f"function:pass{' ' * (1 << 17)}#64k", "function:pass"]


def test_a_cell_that_has_come_back_is_not_moved_again_at_once(make_world: MakeWorld) -> None:
    world = make_world(workers=1, policy="auto")
    world.core.history.load([("event:go", "event", 60.0, False)] * 40)
    first, second = world.open(1), world.open(2)
    cell = world.run(first, "wait twice")
    world.pass_time(0.01)
    world.run(second, "loop")
    world.pass_time(1)
    assert world.session(first).cells[cell].moves == 1
    world.send()
    world.pass_time(0.01)
    assert world.state(first, cell) == "held"
    assert "has come back lately" in world.session(first).cells[cell].reason
    world.pass_time(1)
    assert world.session(first).cells[cell].moves == 2


def test_mean_compares_what_was_recorded_with_the_threshold_as_the_claim_says(make_world: MakeWorld) -> None:
    world = make_world(workers=1, policy="mean:10")
    session = world.open(1)
    actions = []
    for seconds in (3.0, 3.0, 40.0, 3.0, 3.0):
        cell = world.run(session, "wait")
        world.pass_time(seconds)
        world.send()
        world.settle()
        decisions = world.records.decisions(session_id=session, cell_id=world.session(session).cells[cell].cell_id)
        actions.append((decisions[0].action, decisions[0].predicted_mean, decisions[0].threshold_s))
    assert [action for action, _, _ in actions] == ["hold", "hold", "hold", "suspend", "suspend"]
    assert [threshold_s for _, _, threshold_s in actions] == [10.0] * 5
    assert actions[0][1] is None
    for number, (action, mean_s, threshold_s) in enumerate(actions[1:], 1):
        assert mean_s is not None
        assert (action == "suspend") == (mean_s >= (threshold_s or 0)), (number, actions)
