"""What holds a session is named, and what does not hold it is not."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from loop_session import Session

from caesura.model import Obstacle, OnOp


async def waiting_for(session: Session) -> None:
    await session.operation("a")


def until(condition: Callable[[], bool]) -> None:
    ticks = threading.Event()
    for _ in range(2000):
        if condition():
            return
        ticks.wait(0.005)
    pytest.fail("the condition did not come true")


def test_a_session_that_only_waits_has_none(session: Session) -> None:
    assert session.block_of(waiting_for(session)).obstacles == ()


def test_a_busy_thread_is_named_with_the_function_that_it_runs(session: Session) -> None:
    started, stop = threading.Event(), threading.Event()

    def download() -> None:
        started.set()
        stop.wait()

    thread = threading.Thread(target=download, name="loader")
    thread.start()
    started.wait()
    try:
        (obstacle,) = session.block_of(waiting_for(session)).obstacles
        assert obstacle.kind == "thread"
        assert obstacle.path == "loader"
        assert "download()" in obstacle.detail
        session.loop.own_threads.add(thread)
        assert session.loop.block().obstacles == ()
    finally:
        stop.set()
        thread.join()


def test_an_executor_holds_only_while_it_works(session: Session) -> None:
    stop = threading.Event()
    with ThreadPoolExecutor(2) as executor:
        job = executor.submit(stop.wait)
        try:
            assert [o.kind for o in session.block_of(waiting_for(session)).obstacles] == ["thread"]
        finally:
            stop.set()
        job.result()
        until(lambda: session.loop.block().obstacles == ())


def test_a_thread_with_an_event_loop_holds_only_while_that_has_something_to_do(session: Session) -> None:
    other = asyncio.new_event_loop()
    thread = threading.Thread(target=other.run_forever, name="theirs", daemon=True)
    thread.start()

    async def wait_long() -> None:
        await asyncio.Event().wait()

    try:
        session.start(waiting_for(session))
        until(lambda: session.until_blocked().obstacles == ())
        job = asyncio.run_coroutine_threadsafe(wait_long(), other)
        assert [obstacle.path for obstacle in session.loop.block().obstacles] == ["theirs"]
        job.cancel()
        until(lambda: session.loop.block().obstacles == ())
        other.call_soon_threadsafe(other.call_later, 3600, print)
        until(lambda: [obstacle.path for obstacle in session.loop.block().obstacles] == ["theirs"])
    finally:
        other.call_soon_threadsafe(other.stop)
        thread.join()
        other.close()


def test_an_awaited_job_of_an_executor_holds(session: Session) -> None:
    stop = threading.Event()

    async def cell() -> None:
        await asyncio.to_thread(stop.wait)

    task = session.start(cell())
    obstacles = session.until_blocked().obstacles
    assert Obstacle("executor job", detail="1 awaited") in [
        Obstacle(obstacle.kind, detail=obstacle.detail) for obstacle in obstacles
    ]
    stop.set()
    session.loop.on_blocked = None
    session.loop.run_until_complete(task)
    session.loop.run_until_complete(session.loop.shutdown_default_executor())


def test_a_descriptor_that_the_loop_watches_holds_and_its_peer_is_named(session: Session) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        session.loop.add_reader(ours, print)
        (obstacle,) = session.block_of(waiting_for(session)).obstacles
        assert obstacle.kind == "socket"
        assert obstacle.detail == "connected to a socket pair"
        session.loop.remove_reader(ours)
        assert session.loop.block().obstacles == ()


def test_a_pipe_that_the_loop_watches_holds(session: Session) -> None:
    read, write = os.pipe()
    session.loop.add_reader(read, print)
    (obstacle,) = session.block_of(waiting_for(session)).obstacles
    assert obstacle.kind == "descriptor"
    assert "pipe" in obstacle.detail
    session.loop.remove_reader(read)
    os.close(read)
    os.close(write)


def test_an_open_connection_holds_and_its_peer_is_named(session: Session) -> None:
    async def cell() -> None:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            connected.append(True)
            await session.operation("a")
        finally:
            writer.close()
            await writer.wait_closed()

    connected: list[bool] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        task = session.start(cell())
        session.until_blocked()
        while not connected:
            session.until_blocked()
        obstacles = session.loop.block().obstacles
        assert [(obstacle.kind, obstacle.detail) for obstacle in obstacles] == [
            ("socket", f"connected to 127.0.0.1:{port}")
        ]
        session.loop.operations["a"][0].set_result(None)
        session.loop.on_blocked = None
        session.loop.run_until_complete(task)


def test_a_child_process_holds_until_it_has_ended(session: Session) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        (obstacle,) = session.block_of(waiting_for(session)).obstacles
        assert obstacle.kind == "child process"
        assert f"pid {child.pid}" in obstacle.detail
        session.loop.own_children.add(child.pid)
        assert session.loop.block().obstacles == ()
        session.loop.own_children.clear()
    finally:
        child.communicate(b"\n")
    assert session.loop.block().obstacles == ()


def test_a_signal_handler_of_the_loop_holds(session: Session) -> None:
    session.loop.add_signal_handler(signal.SIGUSR1, print)
    (obstacle,) = session.block_of(waiting_for(session)).obstacles
    assert obstacle.kind == "signal handler"
    session.loop.remove_signal_handler(signal.SIGUSR1)


def test_a_hold_gives_its_reason_and_ends_with_its_block(session: Session) -> None:
    async def cell() -> None:
        with session.loop.holds.hold("a licence of the machine"):
            await session.operation("a")
        await session.operation("b")

    session.start(cell())
    assert session.until_blocked().obstacles == (Obstacle("caesura.hold", detail="a licence of the machine"),)
    session.loop.operations.pop("a")[0].set_result(None)
    assert session.until_blocked().obstacles == ()


def test_further_obstacles_can_be_added(session: Session) -> None:
    session.loop.more_obstacles.append(lambda: [Obstacle("input")])
    assert session.block_of(waiting_for(session)).obstacles == (Obstacle("input"),)


def test_code_that_is_ready_to_run_is_an_obstacle(session: Session) -> None:
    session.start(waiting_for(session))
    assert [obstacle.kind for obstacle in session.loop.block().obstacles] == ["running code"]


def test_what_a_thread_completes_while_it_is_looked_for_is_not_missed(session: Session) -> None:
    answer: asyncio.Future[None] = session.loop.create_future()

    def completes_and_ends() -> list[Obstacle]:
        thread = threading.Thread(target=session.loop.call_soon_threadsafe, args=(answer.set_result, None))
        thread.start()
        thread.join()
        return []

    async def cell() -> None:
        await answer

    session.block_of(cell())
    session.loop.more_obstacles.append(completes_and_ends)
    assert [obstacle.kind for obstacle in session.loop.block().obstacles] == ["running code"]
    session.loop.more_obstacles.clear()


def test_a_task_with_a_context_of_its_own_is_waited_for(session: Session) -> None:
    session.loop.create_task(waiting_for(session), context=contextvars.Context())
    block = session.until_blocked()
    assert [wait.op_id for wait in block.waits] == ["a"]
    assert block.wake == OnOp("a")


def test_a_thread_of_anyio_holds_only_while_it_works(session: Session) -> None:
    to_thread = pytest.importorskip("anyio.to_thread")
    stop, finish = threading.Event(), asyncio.Event()

    async def cell() -> None:
        await to_thread.run_sync(stop.wait)
        await finish.wait()

    task = session.start(cell())
    try:
        assert [o.detail for o in session.until_blocked().obstacles] == ["now in WorkerThread.run()"]
    finally:
        stop.set()
    until(lambda: session.until_blocked().obstacles == ())
    assert not task.done()
