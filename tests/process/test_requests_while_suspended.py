"""What clients ask while a cell of the notebook is suspended, and what a cell asks its user."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from notebooks import DEADLINE_S, Home, Notebook, until

pytestmark = pytest.mark.process


@pytest.fixture
def notebook(make_home: Callable[..., Home]) -> Notebook:
    made = make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always").notebook()
    made.run("import asyncio, caesura, os\nnumber = 41")
    return made


def reply(notebook: Notebook, msg_id: str) -> dict[str, Any]:
    """The content of the shell reply to ``msg_id``."""

    def found() -> dict[str, Any] | None:
        notebook._pump(0.02)
        return notebook._replies.get(msg_id)

    return dict(until(found, "the reply is there")["content"])


def answer_inputs(notebook: Notebook, *answers: str) -> list[dict[str, Any]]:
    """Answer the cell's questions one by one; the questions."""
    asked = []
    for answer in answers:
        question = notebook.client.get_stdin_msg(timeout=DEADLINE_S)
        assert question["msg_type"] == "input_request"
        asked.append(question["content"])
        notebook.client.input(answer)
    return asked


def test_requests_wait_for_the_suspended_cell_and_are_answered_in_order(notebook: Notebook) -> None:
    cell = notebook.submit("await caesura.event('go')\nnumber += 1\nprint('done')")
    notebook.wait_for_state(cell, "released")
    client = notebook.client
    asked = [
        client.is_complete("for x in y:"),
        client.complete("numb", 4),
        client.inspect("number", 6),
        client.history(hist_access_type="tail", n=1),
        client.comm_info(),
        client.execute("number", user_expressions={"n": "number"}),
    ]
    info = client.kernel_info()
    assert reply(notebook, info)["status"] == "ok"
    assert notebook.cell(cell)["state"] == "released"
    assert not any(msg_id in notebook._replies for msg_id in asked)

    assert notebook.home.command("events", "send", "go").returncode == 0
    assert notebook.wait(cell).text == "done\n"
    is_complete, complete, inspect, history, comms, executed = (reply(notebook, msg_id) for msg_id in asked)
    assert is_complete["status"] == "incomplete"
    assert "number" in complete["matches"]
    assert "42" in inspect["data"]["text/plain"]
    assert len(history["history"]) == 1
    assert comms == {"comms": {}, "status": "ok"}
    assert executed["user_expressions"]["n"]["data"]["text/plain"] == "42"
    assert list(notebook._replies)[-6:] == asked


def test_the_control_channel_answers_while_a_cell_is_suspended(notebook: Notebook) -> None:
    cell = notebook.submit("await caesura.event('go')")
    notebook.wait_for_state(cell, "released")
    client = notebook.client
    message = client.session.msg("kernel_info_request")
    client.control_channel.send(message)
    answered = client.control_channel.get_msg(timeout=DEADLINE_S)
    assert answered["parent_header"]["msg_id"] == message["header"]["msg_id"]
    notebook.home.command("events", "send", "go")
    assert notebook.wait(cell).status == "ok"


def test_input_and_getpass_ask_the_client(notebook: Notebook) -> None:
    cell = notebook.submit(
        "import getpass\nname = input('name? ')\nword = getpass.getpass('word? ')\nprint(name, word)",
        allow_stdin=True,
    )
    assert answer_inputs(notebook, "Ada", "secret") == [
        {"prompt": "name? ", "password": False},
        {"prompt": "word? ", "password": True},
    ]
    assert notebook.wait(cell).text == "Ada secret\n"


def test_input_asks_the_same_client_after_a_move(notebook: Notebook) -> None:
    cell = notebook.submit(
        "import getpass\n"
        "pid = os.getpid()\n"
        "first = input('first? ')\n"
        "await caesura.event('go')\n"
        "second = input('second? ')\n"
        "third = getpass.getpass('third? ')\n"
        "print(first, second, third, pid != os.getpid())",
        allow_stdin=True,
    )
    answer_inputs(notebook, "1")
    notebook.wait_for_state(cell, "released")
    notebook.home.command("events", "send", "go")
    assert [question["prompt"] for question in answer_inputs(notebook, "2", "3")] == ["second? ", "third? "]
    assert notebook.wait(cell).text == "1 2 3 True\n"


def test_input_is_refused_after_a_move_as_before_when_the_client_allows_none(notebook: Notebook) -> None:
    result = notebook.run("await asyncio.sleep(0.05)\ninput('anybody? ')")
    assert result.error is not None
    assert result.error["ename"] == "StdinNotImplementedError"


def test_a_cell_that_waits_for_input_is_interrupted(notebook: Notebook) -> None:
    cell = notebook.submit("await asyncio.sleep(0.05)\ninput('anybody? ')", allow_stdin=True)
    assert notebook.client.get_stdin_msg(timeout=DEADLINE_S)["content"]["prompt"] == "anybody? "
    started = time.monotonic()
    notebook.interrupt()
    result = notebook.wait(cell)
    assert time.monotonic() - started < 1.5
    assert result.error is not None
    assert result.error["ename"] == "KeyboardInterrupt"
    assert notebook.run("number").value == "41"


def test_two_clients_of_one_kernel_see_each_cell_and_get_their_own_replies(notebook: Notebook) -> None:
    other = BlockingKernelClient(connection_file=notebook.manager.connection_file)  # with a session of its own
    other.load_connection_file()
    other.start_channels()
    try:
        other.wait_for_ready(timeout=DEADLINE_S)
        mine = notebook.submit("print('mine'); x = await caesura.event('go'); print(x)")
        notebook.wait_for_state(mine, "released")
        theirs = other.execute("print('theirs', number)", allow_stdin=False)
        notebook.home.command("events", "send", "go", "--json", "5")
        assert notebook.wait(mine).text == "mine\n5\n"
        got = other.get_shell_msg(timeout=DEADLINE_S)
        assert got["parent_header"]["msg_id"] == theirs
        texts: dict[str, str] = {}
        idle: set[str] = set()
        while {mine, theirs} - idle:
            message = other.get_iopub_msg(timeout=DEADLINE_S)
            parent = message["parent_header"].get("msg_id", "")
            if message["msg_type"] == "stream":
                texts[parent] = texts.get(parent, "") + message["content"]["text"]
            if message["content"].get("execution_state") == "idle":
                idle.add(parent)
        assert texts == {mine: "mine\n5\n", theirs: "theirs 41\n"}
        with pytest.raises(Empty):
            other.get_shell_msg(timeout=0)
    finally:
        other.stop_channels()
