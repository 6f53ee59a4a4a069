"""What the server extension answers, and to whom."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from caesura.config import connection_path, socket_path, write_connection
from caesura.model import PROTOCOL
from caesura.starting import running
from notebooks import Home, until

Fetch = Callable[..., Any]

PATHS = [
    ("caesura", "status"),
    ("caesura", "events"),
    ("caesura", "sessions"),
    ("caesura", "sessions", "s1", "outputs"),
]


async def test_without_a_coordinator_the_status_is_empty_and_none_is_started(jp_fetch: Fetch, home: Home) -> None:
    response = await jp_fetch("caesura", "status")
    assert response.code == 200
    assert json.loads(response.body) == {"coordinator": None, "workers": [], "sessions": [], "cells": []}
    assert not home.path.exists()


async def test_without_a_coordinator_nobody_waits_for_an_event(jp_fetch: Fetch) -> None:
    assert json.loads((await jp_fetch("caesura", "events")).body) == {"events": []}


async def test_without_a_home_no_session_is_kept_and_no_coordinator_is_started(jp_fetch: Fetch, home: Home) -> None:
    assert json.loads((await jp_fetch("caesura", "sessions")).body) == {"sessions": []}
    assert not home.path.exists()


@pytest.mark.process
@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        (("nobody", "outputs"), None, "There is no session 'nobody'"),
        (("nobody", "outputs"), {"up_to": "all"}, "up_to"),
        (("nobody",), {"path": "a.ipynb"}, "There is no notebook 'nobody'"),
    ],
)
async def test_what_is_wrong_about_a_request_for_a_session_is_said(
    jp_fetch: Fetch, started: Callable[[], None], path: tuple[str, ...], body: Any, named: str
) -> None:
    started()
    options = {} if body is None else {"method": "POST", "body": json.dumps(body)}
    with pytest.raises(HTTPClientError) as failed:
        await jp_fetch("caesura", "sessions", *path, **options)
    assert failed.value.code == 400
    assert named in json.loads(failed.value.response.body)["message"]


@pytest.mark.process
async def test_the_status_is_that_of_the_coordinator(jp_fetch: Fetch, home: Home, started: Callable[[], None]) -> None:
    started()
    status = json.loads((await jp_fetch("caesura", "status")).body)
    assert status["coordinator"]["pid"] == home.coordinator_pid()
    assert status["coordinator"]["home"] == str(home.path)
    assert status["cells"] == []


@pytest.mark.process
async def test_a_coordinator_that_was_killed_counts_as_none(
    jp_fetch: Fetch, home: Home, started: Callable[[], None]
) -> None:
    started()
    home.kill_coordinator()
    # The system closes the sockets of a process when the last of its threads is gone, which may be a moment later.
    until(lambda: running(home.path) is None, "nobody listens")
    assert json.loads((await jp_fetch("caesura", "status")).body)["coordinator"] is None


async def test_a_coordinator_that_does_not_answer_is_said_and_not_a_crash(jp_fetch: Fetch, home: Home) -> None:
    with hangs_up(home.path), pytest.raises(HTTPClientError) as failed:
        await jp_fetch("caesura", "status")
    assert failed.value.code == 503
    assert "coordinator" in json.loads(failed.value.response.body)["message"]


@contextlib.contextmanager
def hangs_up(home: Path) -> Iterator[None]:
    """Somebody who listens at the coordinator's place and closes every connection."""
    home.mkdir(mode=0o700)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path = socket_path(home)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    listening.bind(str(path))
    listening.listen()
    write_connection(home, {"pid": os.getpid(), "socket": str(path), "protocol": PROTOCOL, "version": "", "started": 0})

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                listening.accept()[0].close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        connection_path(home).unlink()
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        listening.close()


@pytest.mark.parametrize("path", PATHS, ids="/".join)
async def test_nobody_is_answered_without_a_token(jp_fetch: Fetch, path: tuple[str, str]) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch(*path, headers={"Authorization": ""})
    assert refused.value.code == 403


@pytest.mark.parametrize("path", PATHS, ids="/".join)
async def test_nobody_is_answered_with_a_wrong_token(jp_fetch: Fetch, path: tuple[str, str]) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch(*path, headers={"Authorization": "token wrong"})
    assert refused.value.code == 403


async def test_an_authorizer_that_says_no_is_heard(jp_fetch: Fetch, jp_serverapp: Any) -> None:
    asked = []

    def refuse(handler: object, user: object, action: str, resource: str) -> bool:
        asked.append((action, resource))
        return False

    jp_serverapp.authorizer.is_authorized = refuse
    with pytest.raises(HTTPClientError) as refused:
        await jp_fetch("caesura", "status")
    assert refused.value.code == 403
    assert asked == [("read", "caesura")]
