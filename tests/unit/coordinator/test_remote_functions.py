"""Functions on the pool: run, suspended, retried, uncertain."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from world import World

MakeWorld = Callable[..., World]


@pytest.mark.parametrize("policy", ["always", "never"])
def test_nested_functions_finish_on_one_worker(make_world: MakeWorld, policy: str) -> None:
    world = make_world(workers=1, policy=policy)
    session = world.open()
    cell = world.run(session, "call call pass")
    world.pass_time(10)
    assert world.trace == ["before", "function before", "function before", "function after 21", "after 21"]
    assert world.state(session, cell) == "done"
    moves = world.look(lambda records: records.moves(cell_id=cell))
    assert bool(moves) == (policy == "always")
    assert {found.kind for found in world.core.sessions.values()} == {"notebook"}


def test_what_a_function_prints_appears_under_the_calling_cell_and_its_status_does_not(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    cell = world.run(session, "call pass")
    world.pass_time(5)
    assert world.states(cell) == ["busy", "idle"]
    assert world.printed(cell) == ["", "function "]


def test_a_function_whose_worker_died_is_uncertain(make_world: MakeWorld) -> None:
    world = make_world(policy="never", workers=2)
    session = world.open()
    world.run(session, "call loop")
    world.settle()
    world.kill_function()
    world.settle()
    assert world.trace[-1].startswith("after loop may have run in part or in whole")
    (operation,) = world.look(lambda records: records.operations())
    assert operation.state == "uncertain"


def test_a_function_with_retries_is_begun_again(make_world: MakeWorld) -> None:
    world = make_world(policy="never", workers=2)
    session = world.open()
    world.run(session, 'call loop with {"retries": 1}')
    world.settle()
    world.kill_function()
    world.settle()
    assert world.trace == ["before", "function before", "function before"]
    world.kill_function()
    world.settle()
    assert "It was begun 2 times" in world.trace[-1]


def test_a_suspended_function_outlives_every_process(make_world: MakeWorld) -> None:
    world = make_world(workers=1)
    session = world.open()
    cell = world.run(session, "call wait")
    world.pass_time(5)
    assert world.alive() == []
    world.kill_core()
    world.come_back(session)
    world.pass_time(1)
    world.send(7)
    world.pass_time(5)
    assert world.trace == ["before", "function before", "function after 7", "after 21"]
    assert world.state(session, cell) == "done"


def test_a_running_function_goes_on_while_the_coordinator_is_killed(make_world: MakeWorld) -> None:
    world = make_world(workers=2)
    session = world.open()
    world.run(session, "call loop")
    world.pass_time(5)
    world.kill_core()
    world.come_back(session)
    world.pass_time(5)
    assert world.trace == ["before", "function before"]
    (worker,) = world.alive()
    worker._finish("ok")
    world.pass_time(5)
    assert world.trace == ["before", "function before", "after 21"]


def test_a_result_that_was_recorded_just_before_the_coordinator_died_is_not_lost(make_world: MakeWorld) -> None:
    world = make_world(workers=1)
    session = world.open()
    world.run(session, "call pass")
    world.run_to("FunctionDone")
    world.run_to("recorded")
    world.kill_core()
    world.come_back(session)
    world.pass_time(5)
    assert world.trace == ["before", "function before", "after 21"]


def test_a_function_whose_caller_is_restarted_is_ended(make_world: MakeWorld) -> None:
    world = make_world(workers=2, policy="never")
    session = world.open()
    world.run(session, "call loop")
    world.settle()
    world.restart(session)
    world.pass_time(5)
    assert world.alive() == []
    assert world.look(lambda records: [row.kind for row in records.sessions()]) == ["notebook"]
