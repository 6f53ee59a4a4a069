"""The websocket that the panel listens to, and what it does, on a real coordinator with real kernels."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError
from tornado.websocket import WebSocketClientConnection

from caesura.client import Link
from caesura.wire import messages
from caesura_server import stream
from notebooks import DEADLINE_S, Home, Notebook, until

Fetch = Callable[..., Any]
Connect = Callable[..., Awaitable[WebSocketClientConnection]]
Message = dict[str, Any]


@pytest.fixture
def notebook(home: Home, request: pytest.FixtureRequest) -> Notebook:
    """A kernel, started before the loop of the test runs, which jupyter_client's blocking ways do not stand."""
    return home.notebook(CAESURA_POLICY=request.param)


async def next_message(websocket: WebSocketClientConnection) -> Message | None:
    text = await asyncio.wait_for(websocket.read_message(), DEADLINE_S)
    return None if text is None else dict(json.loads(text))


async def until_cell(websocket: WebSocketClientConnection, *states: str) -> Message:
    """The first message that says that a cell is in one of the states."""
    while True:
        message = await next_message(websocket)
        assert message is not None, f"closed with {websocket.close_code} before {states}"
        if any(cell["state"] in states for cell in message["cells"]):
            return message


async def post(jp_fetch: Fetch, *path: str, body: object = None, method: str = "POST") -> Any:
    options = {"body": json.dumps(body)} if method == "POST" else {}
    return json.loads((await jp_fetch("caesura", "api", *path, method=method, **options)).body)


async def test_without_a_coordinator_it_says_so_and_closes(jp_ws_fetch: Connect, home: Home) -> None:
    websocket = await jp_ws_fetch("caesura", "api", "stream")
    message = await next_message(websocket)
    assert message is not None
    assert message["coordinator"] is None
    assert await next_message(websocket) is None
    assert websocket.close_code == 4404
    websocket.close()
    assert not home.path.exists()


async def test_nobody_is_connected_without_a_token(jp_fetch: Fetch) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("caesura", "api", "stream", headers={"Authorization": ""})
    assert refused.value.code == 403


async def test_nobody_is_connected_whom_the_authorizer_refuses(jp_fetch: Fetch, jp_serverapp: Any) -> None:
    jp_serverapp.authorizer.is_authorized = lambda handler, user, action, resource: resource != "caesura"
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("caesura", "api", "stream")
    assert refused.value.code == 403


async def test_a_page_that_does_not_read_takes_no_memory_of_the_server(
    jp_ws_fetch: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    monkeypatch.setattr(stream, "watch", lambda home, stream, after: Link(theirs))
    websocket = await jp_ws_fetch("caesura", "api", "stream")  # tornado's client reads one message ahead
    change = {"whole": False, "sessions": [], "cells": [], "noise": secrets.token_hex(1 << 17)}
    packed = b"".join(bytes(part) for part in messages.pack(messages.Event(name="change", data=change)))
    count = (64 << 20) // len(packed)
    taken = 0

    async def send() -> None:
        nonlocal taken
        for _ in range(count):
            await asyncio.get_running_loop().sock_sendall(ours, packed)
            taken += 1

    sending = asyncio.create_task(send())
    before = -1
    while before < taken:  # until nothing more is taken, or everything was
        before = taken
        await asyncio.wait({sending}, timeout=0.5)
    assert taken < count / 2
    for _ in range(count):
        message = await next_message(websocket)
        assert message is not None
        assert message["noise"] == change["noise"]
    await sending
    websocket.close()
    assert await asyncio.wait_for(asyncio.to_thread(until_closed, ours), DEADLINE_S) == b""


def until_closed(ours: socket.socket) -> bytes:
    ours.settimeout(DEADLINE_S)
    with ours:
        return ours.recv(1)


@pytest.mark.process
@pytest.mark.parametrize("notebook", ["always"], indirect=True)
async def test_a_cell_is_followed_from_its_wait_to_its_end_over_a_lost_connection(
    jp_ws_fetch: Connect, jp_fetch: Fetch, home: Home, notebook: Notebook
) -> None:
    websocket = await jp_ws_fetch("caesura", "api", "stream")
    first = await next_message(websocket)
    assert first is not None
    assert (first["type"], first["cells"]) == ("state", [])
    cell = notebook.submit(
        "import caesura\nasync def ask(key, n):\n    print(await caesura.event('go'))\nawait ask('abc', 3)"
    )
    away = await until_cell(websocket, "released")
    way = [(each["function"], each["cell"], each["line"]) for each in away["cells"][0]["chain"]]
    assert way[:2] == [("<module>", 1, 4), ("ask", 1, 3)]
    frames = json.loads((await jp_fetch("caesura", "api", "cells", cell)).body)["frames"]
    assert frames[1]["variables"] == [["key", "str", "(hidden)"], ["n", "int", "3"]]
    websocket.close()
    await asyncio.to_thread(home.request, "send_event", name="go", value=1)
    await asyncio.to_thread(until, lambda: notebook.cell(cell)["state"] == "done", "the cell is done")
    params = {"stream": away["stream"], "after": str(away["n"])}
    websocket = await jp_ws_fetch("caesura", "api", "stream", params=params)
    rest = await next_message(websocket)
    assert rest is not None
    assert rest["type"] == "change"
    assert [each["state"] for each in rest["cells"]] == ["done"]
    story = json.loads((await jp_fetch("caesura", "api", "cells", cell)).body)
    assert len(story["moves"]) == 1
    assert story["frames"] == []
    assert story["decisions"][-1]["action"] == "suspend"
    websocket.close()


@pytest.mark.process
@pytest.mark.parametrize("notebook", ["never"], indirect=True)
async def test_what_the_panel_offers_is_done(jp_ws_fetch: Connect, jp_fetch: Fetch, notebook: Notebook) -> None:
    websocket = await jp_ws_fetch("caesura", "api", "stream")
    cell = notebook.submit("import caesura\nprint(await caesura.event('go', schema={'type': 'integer'}))")
    await until_cell(websocket, "held")
    await post(jp_fetch, "cells", cell, "release")
    away = await until_cell(websocket, "released")
    assert any(session["is_away"] for session in away["sessions"])
    with pytest.raises(HTTPClientError) as wrong:
        await post(jp_fetch, "events", "go", body={"value": "text"})
    assert "does not fit" in json.loads(wrong.value.response.body)["message"]
    await post(jp_fetch, "cells", cell, "bring_back")
    back = await until_cell(websocket, "held")
    (worker,) = [each for each in back["workers"] if each["state"] == "attached"]
    moved = await post(jp_fetch, "workers", worker["worker_id"], "restart", body={})
    assert (moved["pid"], moved["lost"]) == (worker["pid"], False)
    pid = worker["pid"]
    while pid == worker["pid"]:  # changes of a tenth of a second come as one
        (again,) = [each for each in (await until_cell(websocket, "held"))["cells"] if each["cell_id"] == cell]
        pid = again["worker_pid"]
    assert await post(jp_fetch, "events", "go", body={"value": 7}) == {"answered": 1}
    await until_cell(websocket, "done")
    cell = notebook.submit("import asyncio; await asyncio.sleep(1000)")
    await until_cell(websocket, "held")
    await post(jp_fetch, "cells", cell, "interrupt")
    await until_cell(websocket, "failed")
    calls = json.loads((await jp_fetch("caesura", "api", "history")).body)["calls"]
    assert [(each["key"], each["count"]) for each in calls] == [("event:go", 1)]
    assert (await post(jp_fetch, "store"))["store"]["bytes"] >= 0
    websocket.close()
