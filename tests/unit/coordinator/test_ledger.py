"""What is written down of waits, and what clients are told of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from world import World

MakeWorld = Callable[..., World]


def savings(world: World) -> list[dict[str, float]]:
    world.request("savings")
    world.settle()
    found: list[dict[str, float]] = world.answer()
    return found


def test_a_wait_that_was_let_go_freed_its_worker_and_cost_its_move(make_world: MakeWorld) -> None:
    world = make_world(workers=2, policy="fixed:10")
    world.core.memory_of = lambda pid: 80_000_000
    session = world.open()
    world.run(session, "wait")
    world.pass_time(70)
    world.send()
    world.settle()
    (row,) = savings(world)
    assert (row["key"], row["waits"], row["moved"]) == ("event:go", 1, 1)
    assert row["wait_s"] == pytest.approx(70.0)
    assert row["held_s"] == pytest.approx(10.0)
    assert row["freed_s"] == pytest.approx(60.0)
    assert row["freed_byte_s"] == pytest.approx(60.0 * 80_000_000)
    assert row["cost_s"] == pytest.approx(10.0 + row["save_s"] + row["load_s"] + row["delay_s"])
    assert row["never_s"] == pytest.approx(70.0)
    assert row["clairvoyant_s"] < 1


def test_a_wait_that_was_held_cost_what_it_took(make_world: MakeWorld) -> None:
    world = make_world(policy="never")
    session = world.open()
    world.run(session, "wait")
    world.pass_time(30)
    world.send()
    world.settle()
    (row,) = savings(world)
    assert (row["waits"], row["moved"], row["freed_s"]) == (1, 0, 0.0)
    assert row["cost_s"] == row["held_s"] == row["never_s"] == pytest.approx(30.0)


def test_each_wait_of_a_cell_counts_by_itself_and_one_that_was_cut_off_does_not(make_world: MakeWorld) -> None:
    world = make_world(policy="always")
    session = world.open()
    world.run(session, "wait twice")
    world.pass_time(5)
    world.send()
    world.pass_time(5)
    world.interrupt(session)
    world.settle()
    (row,) = savings(world)
    assert (row["waits"], row["wait_s"]) == (1, pytest.approx(5.0))


def test_a_wait_counts_in_full_over_a_restart_of_the_coordinator(make_world: MakeWorld) -> None:
    world = make_world(policy="always")
    session = world.open()
    world.run(session, "wait")
    world.pass_time(20)
    world.kill_core()
    world.come_back(session)
    world.pass_time(30)
    world.send()
    world.settle()
    (row,) = savings(world)
    assert row["wait_s"] == pytest.approx(50.0)
    assert row["freed_s"] == pytest.approx(50.0, abs=0.1)


def test_whether_waits_ended_in_the_predicted_band_is_counted(make_world: MakeWorld) -> None:
    world = make_world(policy="mean:1000")
    world.core.history.load([("event:go", "event", 9.0 + n / 10, False) for n in range(21)])
    session = world.open()
    for seconds in (10.0, 10.1, 300.0):
        world.run(session, "wait")
        world.pass_time(seconds)
        world.send()
        world.settle()
    (row,) = savings(world)
    assert (row["predicted"], row["inside"]) == (3, 2)


# --- history --------------------------------------------------------------------------------------------------------


def ask(world: World, method: str, **params: object) -> object:
    world.request(method, **params)
    world.settle()
    return world.answer()


def test_what_is_known_of_a_call_can_be_seen_and_survives_a_restart(make_world: MakeWorld) -> None:
    world = make_world(policy="never")
    session = world.open()
    for seconds in (3.0, 5.0):
        world.run(session, "wait")
        world.pass_time(seconds)
        world.send()
        world.settle()
    for _ in range(2):
        (known,) = ask(world, "call_history", key="go")  # type: ignore[misc]
        assert (known["key"], known["count"], known["cut_off"]) == ("event:go", 2, 0)
        assert known["last_s"] == pytest.approx([3.0, 5.0])
        assert known["decisions"] == {"hold": 2}
        world.kill_core()
    assert "no history of 'train'" in str(ask(world, "call_history", key="train"))


def test_a_call_that_was_interrupted_is_known_to_take_at_least_so_long(make_world: MakeWorld) -> None:
    world = make_world(policy="never")
    session = world.open()
    world.run(session, "wait")
    world.pass_time(40)
    world.interrupt(session)
    world.settle()
    (known,) = ask(world, "call_history")  # type: ignore[misc]
    assert (known["count"], known["cut_off"], known["last_s"]) == (1, 1, [pytest.approx(40.0)])


def test_what_was_learned_can_be_forgotten_for_good(make_world: MakeWorld) -> None:
    world = make_world(policy="never")
    world.core.history.load([("function:f", "function", 3.0, False)])
    session = world.open()
    world.run(session, "wait")
    world.settle()
    world.send()
    world.settle()
    assert ask(world, "forget_history", key="event:go") == {"forgotten": 1}
    assert "no history" in str(ask(world, "forget_history", key="event:go"))
    assert [one["key"] for one in ask(world, "call_history")] == ["function:f"]  # type: ignore[attr-defined]
    ask(world, "forget_history")
    world.kill_core()
    assert ask(world, "call_history") == []


@pytest.mark.parametrize("mark", ["%%release", "%%hold"])
def test_what_is_decided_by_hand_has_the_prediction_of_its_call(make_world: MakeWorld, mark: str) -> None:
    world = make_world(policy="auto")
    world.core.history.load([("event:go", "event", seconds, False) for seconds in (28.0, 30.0, 32.0) * 10])
    session = world.open()
    cell = world.run(session, f"{mark}\nwait")
    world.pass_time(30)
    world.send()
    world.settle()
    assert world.state(session, cell) == "done"
    (row,) = savings(world)
    assert (row["key"], row["predicted"], row["inside"]) == ("event:go", 1, 1)
