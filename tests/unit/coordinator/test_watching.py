"""Who watches hears of what changed, and only of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from world import CLIENT, World

from caesura.coordinator.watching import BACKLOG_BYTES, BEHIND_S, EVERY_S
from caesura.wire import messages as wire

MakeWorld = Callable[..., World]


def watch(world: World, stream: str = "", after: int = 0) -> dict[str, Any]:
    world.request("watch", stream=stream, after=after)
    world.settle()
    found = world.answer()
    assert isinstance(found, dict), found
    return found


def changes(world: World) -> list[dict[str, Any]]:
    """What was pushed since the last look."""
    found = [message.data for to, message in world.told if to == CLIENT and isinstance(message, wire.Event)]
    world.told.clear()
    return [data for data in found if "gone" in data]


def states(found: list[dict[str, Any]]) -> list[str]:
    return [cell["state"] for change in found for cell in change["cells"]]


def test_who_begins_to_watch_gets_all_that_there_is(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open(name="/n/a.ipynb")
    cell = world.run(session, "wait")
    world.settle()
    shown = watch(world)
    assert shown["whole"]
    assert [each["name"] for each in shown["sessions"]] == ["/n/a.ipynb"]
    assert [(each["cell_id"], each["state"]) for each in shown["cells"]] == [(cell, "released")]
    assert shown["cells"][0]["notebook_cell"] == f"cell-{cell}"
    assert [each["name"] for each in shown["calls"]] == ["go"]
    assert shown["sessions"][0]["is_away"]


def test_a_change_is_pushed_and_nothing_else(make_world: MakeWorld) -> None:
    world = make_world()
    waits, _ = world.open(link=1), world.open(link=2)
    world.run(waits, "wait")
    world.settle()
    shown = watch(world)
    changes(world)
    world.send()
    world.pass_time(1)
    found = changes(world)
    assert states(found)[-1] == "done"
    assert {each["session_id"] for change in found for each in change["sessions"]} == {waits}
    assert ["calls", shown["calls"][0]["op_id"]] in [gone for change in found for gone in change["gone"]]
    assert [change["n"] for change in found] == sorted({change["n"] for change in found})


def test_nothing_is_pushed_while_nothing_changes_or_nobody_watches(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "wait")
    watch(world)
    world.pass_time(1)
    changes(world)
    world.pass_time(100)
    assert changes(world) == []
    world.act(world.core.client_lost, CLIENT)
    world.send()
    world.pass_time(1)
    assert changes(world) == []
    assert ("watch",) not in world.timers


def test_who_lost_the_connection_gets_what_came_after_its_number(make_world: MakeWorld) -> None:
    world = make_world()
    first, second = world.open(link=1), world.open(link=2)
    world.run(first, "wait")
    other = world.run(second, "wait")
    world.settle()
    before = watch(world)
    world.act(world.core.client_lost, CLIENT)
    world.interrupt(second)
    world.pass_time(1)
    again = watch(world, before["stream"], before["n"])
    assert not again["whole"]
    assert [each["cell_id"] for each in again["cells"]] == [other]
    assert again["n"] > before["n"]
    assert [kind for kind, _ in again["gone"]] == ["calls"]
    assert watch(world, again["stream"], again["n"])["cells"] == []
    assert watch(world, "another coordinator's", again["n"])["whole"]


def test_many_sessions_are_looked_at_in_pieces(make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caesura.coordinator.watching.AT_ONCE", 2)
    world = make_world()
    sessions = [world.open(link=link) for link in range(1, 6)]
    watch(world)
    changes(world)
    for session in sessions:
        world.run(session, "wait")
    world.pass_time(60)
    found = changes(world)
    assert {each["session_id"] for change in found for each in change["cells"]} == set(sessions)
    assert all(len(change["sessions"]) <= 2 for change in found)


def test_time_without_a_process_is_counted(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "wait")
    world.settle()
    world.pass_time(30)
    assert watch(world)["freed_s"] == pytest.approx(30, abs=1)


def test_who_watches_already_hears_of_what_a_newcomer_was_told(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    watch(world)
    world.run(session, "wait")
    world.settle()
    world.told.clear()
    newcomer = wire.Request(number=1, method="watch", params={})
    world.act(world.core.rpc.request, CLIENT + 1, newcomer)
    world.settle()
    world.pass_time(1)
    assert "released" in states(changes(world))


def test_what_changes_while_somebody_asks_comes_after_the_answer(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.run(session, "wait")
    world.settle()
    world.request("watch")
    world.send()
    world.pass_time(1)
    numbers = [
        message.data["n"] if isinstance(message, wire.Event) else message.result["n"]
        for to, message in world.told
        if to == CLIENT and isinstance(message, wire.Event | wire.Reply)
    ]
    assert isinstance(world.told[0][1], wire.Reply)
    assert numbers == sorted(numbers)
    assert len(numbers) > 1


def test_who_leaves_before_the_answer_is_not_watching(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    world.request("watch")
    world.act(world.core.client_lost, CLIENT)
    world.settle()
    world.run(session, "wait")
    world.settle()
    assert ("watch",) not in world.timers


def test_who_comes_back_after_more_than_is_remembered_gets_all(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caesura.coordinator.watching._GONE", 2)
    world = make_world()
    session = world.open()
    before = watch(world)
    for _ in range(4):
        world.run(session, "wait")
        world.pass_time(1)
        world.send()
        world.pass_time(1)
    assert len([gone for change in changes(world) for gone in change["gone"]]) >= 4
    assert watch(world, before["stream"], before["n"])["whole"]
    assert not watch(world, before["stream"], world.core.watching._number)["whole"]


def test_of_the_frames_of_a_suspended_cell_the_way_is_pushed_and_the_variables_are_told_who_asks(
    make_world: MakeWorld,
) -> None:
    world = make_world()
    cell = world.run(world.open(), "wait")
    world.settle()
    assert watch(world)["cells"][0]["chain"] == [{"function": "ask", "cell": 1, "line": 3}]
    world.request("frames", id=cell)
    found: Any = world.answer()
    assert found[0]["variables"] == [["n", "int", "3"]]
    world.send()
    world.pass_time(1)
    world.request("frames", id=cell)
    assert world.answer() == []
    assert watch(world)["cells"][0]["chain"] == []


def test_who_does_not_read_is_told_nothing_more_and_then_only_how_things_are_by_then(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    watch(world)
    world.pass_time(1)
    changes(world)
    unread = {CLIENT: BACKLOG_BYTES + 1}
    world.core.backlog_of = lambda link: unread.get(link, 0)
    cells = [world.run(session, "x") for _ in range(5)]
    for _ in range(20):
        world.pass_time(1)
    assert changes(world) == []
    unread.clear()
    world.pass_time(2 * BEHIND_S)
    (caught_up,) = changes(world)
    assert not caught_up["whole"]
    assert {cell["cell_id"]: cell["state"] for cell in caught_up["cells"]} == dict.fromkeys(cells, "done")
    after = world.run(session, "x")
    world.pass_time(EVERY_S)
    world.pass_time(EVERY_S)
    assert {cell["cell_id"] for change in changes(world) for cell in change["cells"]} == {after}


def test_others_do_not_wait_for_who_does_not_read(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    watch(world)
    world.core.watching.watch(CLIENT + 1, "", 0, lambda shown: None)
    world.settle()
    world.core.backlog_of = lambda link: BACKLOG_BYTES + 1 if link == CLIENT + 1 else 0
    world.run(session, "x")
    world.pass_time(1)
    changes(world)
    world.run(session, "x")
    world.settle()
    world.pass_time(EVERY_S)
    assert "done" in states(changes(world))


def test_what_is_gone_for_too_long_makes_who_was_behind_get_all_again(
    make_world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caesura.coordinator.watching._GONE", 2)
    world = make_world()
    session = world.open()
    watch(world)
    changes(world)
    world.core.backlog_of = lambda link: BACKLOG_BYTES + 1
    for _ in range(4):
        world.run(session, "wait")
        world.pass_time(1)
        world.send()
        world.pass_time(1)
    assert changes(world) == []
    world.core.backlog_of = lambda link: 0
    world.pass_time(2 * BEHIND_S)
    caught_up = changes(world)[0]
    assert caught_up["whole"]
    assert states([caught_up]) == ["done"] * 4
