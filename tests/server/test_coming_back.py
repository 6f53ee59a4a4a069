"""A notebook outlives its Jupyter Server, and what it printed meanwhile is there for its cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from jupyter_server_process import JupyterServer, send_cell, value_of

from notebooks import Home, until

pytestmark = pytest.mark.process

Serve = Callable[..., JupyterServer]

WAITING = "import caesura, asyncio\nprint('one')\nanswer = await caesura.event('go')\nprint('two', answer)"


@pytest.fixture
def serve(home: Home) -> Iterator[Serve]:
    """Starts servers; all are ended."""
    servers: list[JupyterServer] = []

    def start(*settings: str) -> JupyterServer:
        servers.append(JupyterServer(home, *settings))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


def session_of(server: JupyterServer, name: str = "report.ipynb") -> dict[str, Any]:
    (found,) = server.get(f"caesura/sessions?path={name}")["sessions"]
    return dict(found)


def wait_for_cell(home: Home, cell: str, state: str) -> None:
    until(
        lambda: any(each["cell_id"] == cell and each["state"] == state for each in home.request("cells")),
        f"the cell is {state}; {home.describe()}",
    )


def printed(server: JupyterServer, session_id: str, after: int = 0) -> list[tuple[str, str]]:
    """The notebook's cell and the text of each recorded print."""
    found = server.get(f"caesura/sessions/{session_id}/outputs?after={after}")
    cells = {cell["cell_id"]: cell["notebook_cell"] for cell in found["cells"]}
    return [
        (cells[output["cell_id"]], output["message"]["content"]["text"])
        for output in found["outputs"]
        if output["message"]["header"]["msg_type"] == "stream"
    ]


def test_a_notebook_outlives_a_server_that_stops_and_one_that_is_killed(serve: Serve, home: Home) -> None:
    server = serve()
    client = server.client(server.open("report.ipynb"))
    value_of(client, "kept = {'a': 1}")
    cell = send_cell(client, WAITING, "the-cell")
    until(lambda: home.request("events"), "the cell waits")
    server.stop()
    (kept,) = home.request("sessions")
    assert (kept["state"], kept["path"]) == ("kept", str(server.notes / "report.ipynb"))
    assert [each["notebook_cell"] for each in kept["cells"]] == ["the-cell"]
    assert "report.ipynb" in home.command("sessions").stdout

    again = serve()
    kernel = again.open("report.ipynb")
    until(lambda: again.kernel(kernel)["execution_state"] == "busy", "the server knows that the cell waits")
    assert session_of(again)["session_id"] == kept["session_id"]
    assert printed(again, kept["session_id"]) == [("the-cell", "one\n")]
    home.request("send_event", name="go", value=7)
    wait_for_cell(home, cell, "done")
    until(lambda: again.kernel(kernel)["execution_state"] == "idle", "the server knows that it is over")
    assert printed(again, kept["session_id"]) == [("the-cell", "one\n"), ("the-cell", "two 7\n")]
    last = session_of(again)["outputs"]["last"]
    again.post(f"caesura/sessions/{kept['session_id']}/outputs", {"up_to": last})
    assert printed(again, kept["session_id"]) == []
    client = again.client(kernel)
    assert value_of(client, "kept, answer") == "({'a': 1}, 7)"

    cell = send_cell(client, WAITING, "another-cell")
    until(lambda: home.request("events"), "the cell waits")
    again.kill()
    until(lambda: [each["state"] for each in home.request("sessions")] == ["kept"], "it is kept once more")
    home.request("send_event", name="go", value=8)
    wait_for_cell(home, cell, "done")
    until(lambda: home.status()["workers"] == [], "nobody has it open, so it takes no process")
    (kept,) = home.request("sessions")
    assert kept["variables"] == ["kept", "answer"]
    assert kept["outputs"]["count"]
    dropped = home.command("sessions", "drop", kept["session_id"])
    assert dropped.returncode == 0, dropped.stderr
    assert home.request("sessions") == []
