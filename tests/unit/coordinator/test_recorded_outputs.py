"""Outputs stay until they are confirmed, in order and with the cell that they belong to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from world import CLIENT, World

from caesura.coordinator import commands as do
from caesura.wire import messages as wire

MakeWorld = Callable[..., World]
PATH = "/notes/report.ipynb"


def outputs(world: World, session_id: str, after: int = 0) -> dict[str, Any]:
    """What the extension gets; each output with its message's type and content."""
    world.request("outputs", session_id=session_id, after=after)
    world.run_until(lambda: world.answer() is not None, "the answer")
    (reply,) = (message for to, message in world.told if to == CLIENT and isinstance(message, wire.Reply))
    for output in reply.result["outputs"]:
        if "first" in output:
            frames = [bytes(frame) for frame in reply.buffers[output["first"] :][: output["parts"]]]
            output["msg_type"] = json.loads(frames[0])["msg_type"]
            output["content"] = json.loads(frames[3])
    return dict(reply.result)


def streams(world: World, session_id: str, after: int = 0) -> list[str]:
    """The cells under which something was printed, in order."""
    found = outputs(world, session_id, after)["outputs"]
    return [output["cell_id"] for output in found if output.get("msg_type") == "stream"]


def confirm(world: World, session_id: str, up_to: int) -> None:
    world.request("confirm", session_id=session_id, up_to=up_to)
    world.run_until(lambda: world.answer() is not None, "the answer")


def run(world: World, session_id: str, code: str = "pass") -> str:
    cell = world.run(session_id, code)
    world.pass_time(1)
    return cell


def test_outputs_are_there_after_they_were_sent_with_the_cell_of_the_notebooks_file(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open(name=PATH)
    cells = [run(world, session), run(world, session)]
    found = outputs(world, session)
    assert streams(world, session) == cells
    assert {cell["cell_id"]: cell["notebook_cell"] for cell in found["cells"]} == {
        cell: f"cell-{cell}" for cell in cells
    }
    assert {cell["state"] for cell in found["cells"]} == {"done"}
    assert found["name"] == PATH


def test_confirmed_outputs_are_gone_and_later_ones_are_not(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open(name=PATH)
    run(world, session)
    confirm(world, session, outputs(world, session)["last"])
    assert outputs(world, session)["outputs"] == []
    later = run(world, session)
    assert streams(world, session) == [later]


def test_the_outputs_of_a_notebook_without_a_path_are_not_kept(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open()
    run(world, session)
    assert outputs(world, session)["outputs"] == []


def test_a_waiting_cell_is_told_with_its_place_in_the_notebook(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open(name=PATH)
    cell = run(world, session, "wait")
    confirm(world, session, outputs(world, session)["last"])
    found = outputs(world, session)
    assert found["outputs"] == []
    assert [(cell["cell_id"], cell["state"]) for cell in found["cells"]] == [(cell, "released")]


def test_an_error_that_only_the_coordinator_can_say_is_kept_too_and_sent_once(make_world: MakeWorld) -> None:
    world = make_world(policy="never")
    session = world.open(name=PATH)
    cell = world.run(session, "loop")
    world.settle()
    world.kill(session)
    world.pass_time(1)
    (error,) = [output for output in outputs(world, session)["outputs"] if output["msg_type"] == "error"]
    assert (error["cell_id"], error["content"]["ename"]) == (cell, "WorkerDied")
    sent = [each for each in world.front if isinstance(each, do.FrontSend) and b'"error"' in each.frames[0]]
    assert len(sent) == 1
    world.kill_core()
    world.come_back(session)
    world.pass_time(1)
    assert len([each for each in world.front if isinstance(each, do.FrontSend) and b'"error"' in each.frames[0]]) == 1


def test_outputs_of_a_restarted_and_of_an_ended_kernel_are_still_given(make_world: MakeWorld) -> None:
    world = make_world()
    session = world.open(name=PATH)
    cell = run(world, session)
    world.restart(session)
    world.pass_time(100)
    assert session not in world.core.sessions
    assert streams(world, session) == [cell]


def test_beyond_the_quota_the_oldest_go_and_their_cell_says_so(make_world: MakeWorld) -> None:
    world = make_world(outputs_bytes=1500)
    session = world.open(name=PATH)
    cells = [run(world, session) for _ in range(20)]
    found = outputs(world, session)["outputs"]
    dropped = [output for output in found if "dropped" in output]
    kept = [output["cell_id"] for output in found if "content" in output]
    assert [output["cell_id"] for output in dropped] + kept == cells
    assert {output["dropped"]["reason"] for output in dropped} == {"quota"}
    assert world.session(session).kept_bytes <= 1500


def test_a_session_that_is_not_there_is_said(make_world: MakeWorld) -> None:
    world = make_world()
    world.request("outputs", session_id="nobody")
    world.settle()
    assert "There is no session 'nobody'" in world.answer()


@pytest.mark.parametrize("steps", range(0, 40, 2))
def test_a_killed_coordinator_keeps_every_output_once(make_world: MakeWorld, steps: int) -> None:
    world = make_world(policy="never")
    session = world.open(name=PATH)
    first = run(world, session)
    second = world.run(session, "pass")
    for _ in range(steps):
        if not world.step():
            break
    was_recorded = world.look(lambda records: records.cell(session, second)) is not None
    world.kill_core()
    world.come_back(session)
    world.pass_time(1)
    third = run(world, session)
    assert streams(world, session) == [first, *([second] if was_recorded else []), third]


@pytest.mark.parametrize("steps", range(4))
def test_a_coordinator_killed_in_a_confirmation_has_it_or_not(make_world: MakeWorld, steps: int) -> None:
    world = make_world()
    session = world.open(name=PATH)
    first = run(world, session)
    last = outputs(world, session)["last"]
    second = run(world, session)
    world.request("confirm", session_id=session, up_to=last)
    for _ in range(steps):
        world.step()
    world.kill_core()
    world.come_back(session)
    world.pass_time(1)
    assert streams(world, session) in ([first, second], [second])
    assert streams(world, session, after=last) == [second]
