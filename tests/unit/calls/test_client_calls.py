"""Calls of a program without a kernel, over a connection to a coordinator."""

from __future__ import annotations

import asyncio
import pickle
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import remote_functions as functions

import caesura
from caesura.calls import client_backend
from caesura.calls.backend import install
from caesura.calls.client_backend import ClientBackend
from caesura.client import ConnectionLost, Link
from caesura.errors import CallFailed, OperationUncertain, UsageError
from caesura.wire.messages import Event, Reply, Request

Behaviour = Callable[[Link, Request], bool]


class Coordinator:
    """The other end of a connection; ``behave(link, request)`` answers, and ends the connection by False."""

    def __init__(self) -> None:
        self.behave: Behaviour = answer
        self.requests: queue.Queue[Request] = queue.Queue()
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._ends: list[socket.socket] = []

    def open_link(self, home: Path, *, role: str) -> Link:
        ours, theirs = socket.socketpair()
        self.connections += 1
        self._ends.append(theirs)
        thread = threading.Thread(target=self._serve, args=(Link(theirs),))
        self._threads.append(thread)
        thread.start()
        return Link(ours)

    def _serve(self, link: Link) -> None:
        with link:
            try:
                while isinstance(request := link.receive(), Request):
                    self.requests.put(request)
                    if not self.behave(link, request):
                        return
            except ConnectionLost:
                return

    def close(self) -> None:
        for end in self._ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # ended by itself
        for thread in [*self._threads, *(t for t in threading.enumerate() if t.name == "caesura-answers")]:
            thread.join(10)


def end_of(request: Request, value: object = None, **fields: Any) -> Reply:
    result = {"op_id": request.params["op_id"], "ok": True, "at": 1.0, "uncertain": False, "text": "", **fields}
    return Reply(number=request.number, result=result, buffers=(pickle.dumps(value),))


def answer(link: Link, request: Request) -> bool:
    if request.method != "call":
        link.send(Reply(number=request.number, result={"cancelled": True}))
        return True
    function, arguments, keywords = pickle.loads(bytes(request.buffers[0]))
    link.send(end_of(request, function.local(*arguments, **keywords)))
    return True


@pytest.fixture
def coordinator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Coordinator]:
    coordinator = Coordinator()
    monkeypatch.setattr(client_backend, "ensure_coordinator", lambda home, environ, **options: {})
    monkeypatch.setattr(client_backend, "open_link", coordinator.open_link)
    install(ClientBackend(tmp_path, {"LANG": "C"}))
    yield coordinator
    install(None)
    coordinator.close()


def test_a_call_gives_its_result(coordinator: Coordinator) -> None:
    async def program() -> list[int]:
        return list(await asyncio.gather(*(functions.double(n) for n in range(5))))

    assert asyncio.run(program()) == [0, 2, 4, 6, 8]
    assert asyncio.run(program()) == [0, 2, 4, 6, 8]
    assert coordinator.connections == 1
    params = coordinator.requests.get_nowait().params
    assert (params["kind"], params["key"]) == ("function", "function:remote_functions.double")
    assert params["environment"]["env"] == {"LANG": "C"}
    assert params["environment"]["executable"]


def test_calls_join_a_task_group(coordinator: Coordinator) -> None:
    async def program() -> list[int]:
        async with asyncio.TaskGroup() as group:
            tasks: list[Any] = [group.create_task(functions.double(n), name=f"call {n}") for n in (1, 2)]  # type: ignore[arg-type]
        assert tasks[0].get_name() == "call 1"
        return [task.result() for task in tasks]

    assert asyncio.run(program()) == [2, 4]


def test_what_a_function_prints_is_printed_here(coordinator: Coordinator, capsys: pytest.CaptureFixture[str]) -> None:
    def talk(link: Link, request: Request) -> bool:
        link.send(Event(name="output", data={"name": "stdout", "text": "from the function\n"}))
        link.send(Event(name="output", data={"name": "stderr", "text": "a warning\n"}))
        return answer(link, request)

    async def program() -> int:
        return await functions.double(1)

    coordinator.behave = talk
    assert asyncio.run(program()) == 2
    printed = capsys.readouterr()
    assert printed.out == "from the function\n"
    assert printed.err == "a warning\n"


def test_a_refused_call_raises_what_the_coordinator_said(coordinator: Coordinator) -> None:
    def refuse(link: Link, request: Request) -> bool:
        link.send(Reply(number=request.number, error="no such kind", error_type="UsageError"))
        return True

    async def program() -> None:
        await caesura.event("x")

    coordinator.behave = refuse
    with pytest.raises(UsageError, match="no such kind"):
        asyncio.run(program())


def test_a_lost_connection_leaves_calls_uncertain_and_the_next_one_connects_again(coordinator: Coordinator) -> None:
    coordinator.behave = lambda _link, _request: False

    async def program() -> int:
        with pytest.raises(OperationUncertain, match="Nobody knows"):
            await functions.double(1)
        coordinator.behave = answer
        return await functions.double(2)

    assert asyncio.run(program()) == 4
    assert coordinator.connections == 2


def test_a_cancelled_call_is_given_up_at_the_coordinator(coordinator: Coordinator) -> None:
    coordinator.behave = lambda link, request: request.method == "call" or answer(link, request)

    async def program() -> str:
        call = functions.double(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        return call.op_id

    op_id = asyncio.run(program())
    methods = [coordinator.requests.get(timeout=10) for _ in range(2)]
    assert [request.method for request in methods] == ["call", "cancel_call"]
    assert methods[1].params == {"op_id": op_id}


def test_a_failure_is_raised(coordinator: Coordinator) -> None:
    def fail(link: Link, request: Request) -> bool:
        reply = end_of(request, ok=False, text="it was not run")
        link.send(Reply(number=reply.number, result=reply.result, buffers=(b"",)))
        return True

    async def program() -> None:
        await functions.double(1)

    coordinator.behave = fail
    with pytest.raises(CallFailed, match="it was not run"):
        asyncio.run(program())
