"""Descriptors without a file object: their numbers mean nothing in another process."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import mmap
import os
import re
import select
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from caesura.errors import CannotMove, UsageError
from caesura.snapshot import leave_behind
from caesura.worker.bare_descriptors import refuse_bare_descriptors
from caesura.worker.history import SessionHistory
from caesura.worker.open_files import Bare, Descriptors, flush_files, open_descriptors


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data.txt"
    path.write_text("some text\n")
    return path


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def ours(loop: asyncio.AbstractEventLoop) -> Descriptors:
    return open_descriptors()


@pytest.fixture
def descriptor(ours: Descriptors, path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    with contextlib.suppress(OSError):
        os.close(descriptor)


def refused(bare: Bare, namespace: dict[str, object], loop: asyncio.AbstractEventLoop) -> CannotMove:
    with pytest.raises(CannotMove) as caught:
        refuse_bare_descriptors(bare, namespace, loop)
    return caught.value


def test_a_variable_that_is_a_descriptor_of_a_file_is_named(
    ours: Descriptors, descriptor: int, path: Path, loop: asyncio.AbstractEventLoop
) -> None:
    error = refused(flush_files(ours), {"n": 100_000, "opened": descriptor}, loop)
    assert error.path == "opened"
    assert str(path) in error.kind or "a file" in error.kind
    assert "os.close()" in error.remedy


def test_the_ends_of_a_pipe_are_found_in_a_tuple(ours: Descriptors, loop: asyncio.AbstractEventLoop) -> None:
    ends = os.pipe()
    try:
        error = refused(flush_files(ours), {"ends": ends}, loop)
        assert "a pipe" in error.kind
        assert error.path == "ends[0]"
    finally:
        for end in ends:
            os.close(end)


def test_a_number_in_an_object_a_closure_or_a_frame_is_named(
    ours: Descriptors, descriptor: int, loop: asyncio.AbstractEventLoop
) -> None:
    def closing(kept: int) -> object:
        return lambda: kept

    def looping(kept: int) -> Iterator[int]:
        yield 0
        os.close(kept)

    suspended = looping(descriptor)
    next(suspended)
    bare = flush_files(ours)
    camera = SimpleNamespace(device=SimpleNamespace(number=descriptor))
    assert refused(bare, {"camera": camera}, loop).path == "camera → .device → .number"
    assert "kept of" in refused(bare, {"read": closing(descriptor)}, loop).path
    assert "local kept of" in refused(bare, {"each": suspended}, loop).path


def test_a_number_in_the_frame_of_a_task_is_named(ours: Descriptors, descriptor: int) -> None:
    async def waiting(kept: int) -> None:
        await asyncio.sleep(0)
        os.close(kept)

    async def main() -> None:
        task = asyncio.create_task(waiting(descriptor), name="reader")
        await asyncio.sleep(0)
        error = refused(flush_files(ours), {}, asyncio.get_running_loop())
        assert "local kept of" in error.path
        await task

    asyncio.run(main())


def test_one_whose_number_is_not_found_holds_all_the_same(
    ours: Descriptors, descriptor: int, path: Path, loop: asyncio.AbstractEventLoop
) -> None:
    error = refused(flush_files(ours), {}, loop)
    assert error.path == ""
    assert f"open descriptor {descriptor}" in error.kind


def test_a_folder_and_a_terminal_hold(ours: Descriptors, tmp_path: Path, loop: asyncio.AbstractEventLoop) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    assert refused(flush_files(ours), {}, loop)
    os.close(folder)
    ends = os.openpty()
    assert refused(flush_files(ours), {}, loop)
    for end in ends:
        os.close(end)
    refuse_bare_descriptors(flush_files(ours), {}, loop)


@pytest.mark.parametrize("mode", ["r", "rb", "r+"])
def test_the_number_of_a_file_object_is_no_obstacle(
    ours: Descriptors, path: Path, mode: str, loop: asyncio.AbstractEventLoop
) -> None:
    with open(path, mode) as file:
        refuse_bare_descriptors(flush_files(ours), {"number": file.fileno(), "file": file}, loop)


def test_descriptors_that_were_there_before_are_no_obstacle(descriptor: int, loop: asyncio.AbstractEventLoop) -> None:
    refuse_bare_descriptors(flush_files(open_descriptors()), {"opened": descriptor}, loop)


def test_a_number_that_was_ours_and_leads_elsewhere_by_now_holds(
    descriptor: int, tmp_path: Path, loop: asyncio.AbstractEventLoop
) -> None:
    ours = open_descriptors()
    os.close(descriptor)
    again = os.open(tmp_path / "other", os.O_CREAT | os.O_RDWR)
    assert again == descriptor
    assert f"open descriptor {again}" in refused(flush_files(ours), {}, loop).kind


def test_a_standard_stream_that_was_led_elsewhere_holds(path: Path, loop: asyncio.AbstractEventLoop) -> None:
    saved = os.dup(0)
    ours = open_descriptors()
    with open(path) as file:
        os.dup2(file.fileno(), 0)
    try:
        error = refused(flush_files(ours), {"zero": 0}, loop)
        assert error.kind.startswith("descriptor 0, led to ")
        assert error.path == ""
    finally:
        os.dup2(saved, 0)
        os.close(saved)


def test_what_libraries_open_for_themselves_is_no_obstacle(
    ours: Descriptors, tmp_path: Path, loop: asyncio.AbstractEventLoop
) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "data.db")) as connection, socket.socket() as connected:
        connection.execute("create table numbers (n)")
        connection.commit()
        connection.execute("insert into numbers values (1)")  # and the journal of a transaction that is open
        connected.bind(("127.0.0.1", 0))
        random = os.open("/dev/urandom", os.O_RDONLY)
        package = os.open(os.__file__, os.O_RDONLY)
        as_c_does = os.open(tmp_path / "data.db", os.O_RDONLY)
        os.set_inheritable(as_c_does, True)
        try:
            refuse_bare_descriptors(flush_files(ours), {}, loop)
            assert refused(flush_files(ours), {"number": as_c_does}, loop).path == "number"
        finally:
            for each in (random, package, as_c_does):
                os.close(each)


@pytest.mark.skipif(sys.platform != "linux", reason="epoll is of Linux")
def test_what_leads_nowhere_is_no_obstacle(ours: Descriptors, loop: asyncio.AbstractEventLoop) -> None:
    with select.epoll() as poll:
        assert poll.fileno() in flush_files(ours).numbers
        refuse_bare_descriptors(flush_files(ours), {}, loop)


def test_a_memory_map_has_a_descriptor_of_its_own_and_the_one_it_was_made_from_holds(
    ours: Descriptors, path: Path, loop: asyncio.AbstractEventLoop
) -> None:
    opened = os.open(path, os.O_RDONLY)
    with mmap.mmap(opened, 0, access=mmap.ACCESS_READ):
        assert f"open descriptor {opened} " in refused(flush_files(ours), {}, loop).kind
        os.close(opened)
        refuse_bare_descriptors(flush_files(ours), {"stale": fcntl.F_GETFD}, loop)


def test_the_number_of_a_socket_that_no_object_owns_holds(ours: Descriptors, loop: asyncio.AbstractEventLoop) -> None:
    one, other = socket.socketpair()
    with one:
        kept = one.fileno()
        number = other.detach()
        try:
            bare = flush_files(ours)
            refuse_bare_descriptors(bare, {"of_an_object": kept}, loop)
            error = refused(bare, {"of_an_object": kept, "number": number}, loop)
            assert error.path == "number"
            assert error.kind.startswith(f"open descriptor {number} (socket:")
        finally:
            os.close(number)


@pytest.mark.skipif(not hasattr(os, "eventfd"), reason="eventfd is of Linux")
@pytest.mark.parametrize("make", [lambda: os.eventfd(0), lambda: os.memfd_create("x", 0)], ids=["eventfd", "memfd"])
@pytest.mark.parametrize("where", ["variable", "list", "local"])
def test_the_number_of_what_has_no_name_on_disk_holds(
    ours: Descriptors, loop: asyncio.AbstractEventLoop, make: Callable[[], int], where: str
) -> None:
    descriptor = make()

    async def inner() -> None:
        held = descriptor
        await asyncio.Event().wait()
        os.close(held)

    async def outer() -> None:
        await inner()

    task = loop.create_task(outer()) if where == "local" else None
    loop.run_until_complete(asyncio.sleep(0))
    namespaces: dict[str, dict[str, object]] = {"variable": {"n": descriptor}, "list": {"ns": [0, descriptor]}}
    try:
        error = refused(flush_files(ours), namespaces.get(where, {}), loop)
        pattern = {"variable": "n", "list": r"ns\[1\]", "local": r"local held of .*inner\(\)"}[where]
        assert re.fullmatch(pattern, error.path)
    finally:
        os.close(descriptor)
        if task is not None:
            task.cancel()
            loop.run_until_complete(asyncio.wait([task]))


def test_a_user_can_say_that_one_is_left_behind(
    ours: Descriptors, descriptor: int, path: Path, loop: asyncio.AbstractEventLoop
) -> None:
    leave_behind(descriptor)
    refuse_bare_descriptors(flush_files(ours), {"opened": descriptor}, loop)
    os.close(descriptor)
    other = os.open(path.parent, os.O_RDONLY)
    try:
        assert other == descriptor
        assert refused(flush_files(ours), {}, loop).path == ""  # another file has the number by now
    finally:
        os.close(other)
    with pytest.raises(UsageError, match="leave_behind"):
        leave_behind(descriptor)
    with pytest.raises(UsageError, match="number of a descriptor"):
        leave_behind("data.txt")  # type: ignore[arg-type]


def test_the_folder_that_the_history_syncs_while_it_writes_does_not_hold(
    loop: asyncio.AbstractEventLoop, tmp_path: Path
) -> None:
    ours = open_descriptors()
    locks = {"db_input_cache_lock": threading.Lock(), "db_output_cache_lock": threading.Lock()}
    history = SimpleNamespace(enabled=True, **locks)
    opened, may_close = threading.Event(), threading.Event()

    def write() -> None:
        with history.db_input_cache_lock:
            descriptor = os.open(tmp_path, os.O_RDONLY)
            opened.set()
            may_close.wait(10)
            os.close(descriptor)

    thread = threading.Thread(target=write)
    thread.start()
    assert opened.wait(10)
    bare = flush_files(ours)
    assert bare.numbers
    may_close.set()
    SessionHistory.wait_for_thread(history)
    refuse_bare_descriptors(bare, {}, loop)
    thread.join()
