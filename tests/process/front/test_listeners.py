"""Where clients knock: addresses of one notebook, and ports that all share."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq
from echo import EchoCore, client_of, echo_core, free_connection

from caesura.coordinator.front import Front
from caesura.coordinator.listeners import CHANNELS, Listeners
from caesura.errors import EnvironmentFault

pytestmark = pytest.mark.process

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux routes 127.0.0.0/8 as a whole")


def open_connection(**changes: Any) -> dict[str, Any]:
    """A connection whose ports are to be chosen."""
    return free_connection(**{f"{channel}_port": 0 for channel in CHANNELS}, **changes)


@pytest.fixture
def core() -> Iterator[EchoCore]:
    with echo_core() as core:
        yield core


def serves(front: Front) -> None:
    with client_of(front.connection) as client:
        client.wait_for_ready(timeout=10)


@linux
def test_notebooks_share_five_ports_and_take_no_descriptors(core: EchoCore) -> None:
    first = core.run(core.bind(open_connection()))
    if not core.listeners._can_share:
        pytest.skip("this container does not let sockets be bound to a device")
    before = psutil.Process().num_fds()
    others = [core.run(core.bind(open_connection())) for _ in range(50)]
    assert psutil.Process().num_fds() == before
    assert len({front.connection["ip"] for front in [first, *others]}) == 51
    assert len({front.connection["shell_port"] for front in [first, *others]}) == 1
    serves(others[0])
    assert core.seen[0][1] == "kernel_info_request"


@linux
def test_a_shared_address_can_be_bound_again_by_the_next_coordinator(core: EchoCore) -> None:
    front = core.run(core.bind(open_connection()))
    other = core.run(core.bind(open_connection()))
    with client_of(front.connection) as client:
        client.wait_for_ready(timeout=10)
        core.run(front.close())
        core.run(other.close())
        core.loop.call_soon_threadsafe(core.listeners.close_all)

        async def bind_both() -> list[Front]:
            return await asyncio.gather(core.bind(front.connection), core.bind(other.connection))

        again = core.run(bind_both())
        assert [made.connection for made in again] == [front.connection, other.connection]
        msg_id = client.execute("again")
        assert client.get_shell_msg(timeout=10)["parent_header"]["msg_id"] == msg_id


@linux
def test_nobody_answers_at_the_address_of_a_notebook_that_is_closed(core: EchoCore) -> None:
    front = core.run(core.bind(open_connection()))
    other = core.run(core.bind(open_connection()))
    core.run(front.close())
    with socket.create_connection((front.connection["ip"], front.connection["hb_port"]), timeout=10) as connected:
        assert connected.recv(1) == b""
    serves(other)


@linux
def test_an_address_that_a_client_chose_is_bound_as_it_is(core: EchoCore) -> None:
    connection = free_connection(ip="127.0.1.1")
    front = core.run(core.bind(connection))
    assert front.connection == connection
    serves(front)
    core.run(front.close())
    socket.create_server(("127.0.1.1", connection["shell_port"])).close()


def test_without_shared_ports_each_notebook_gets_free_ones(core: EchoCore) -> None:
    core.listeners._can_share = False
    fronts = [core.run(core.bind(open_connection())) for _ in range(5)]
    assert len({front.connection[f"{channel}_port"] for front in fronts for channel in CHANNELS}) == 25
    assert {front.connection["ip"] for front in fronts} == {"127.0.0.1"}
    serves(fronts[0])


def test_names_of_sockets_in_the_file_system_are_chosen_and_removed(core: EchoCore, tmp_path: Path) -> None:
    (tmp_path / "k-1").touch()
    front = core.run(core.bind(open_connection(transport="ipc", ip=str(tmp_path / "k"))))
    serves(front)
    assert sorted(os.listdir(tmp_path)) == [f"k-{number}" for number in range(1, 7)]
    core.run(front.close())
    assert os.listdir(tmp_path) == ["k-1"]


def test_what_is_no_zeromq_is_closed_and_disturbs_nobody(core: EchoCore) -> None:
    front = core.run(core.bind(free_connection()))
    with socket.create_connection(("127.0.0.1", front.connection["shell_port"]), timeout=10) as connected:
        connected.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n" + b"x: y\r\n" * 20 + b"\r\n")
        while connected.recv(4096):
            pass
    serves(front)


def test_two_connections_with_one_identity_are_answered_each(core: EchoCore) -> None:
    front = core.run(core.bind(free_connection()))
    with client_of(front.connection) as first, client_of(front.connection) as second:
        second.session.session = first.session.session
        for client in (first, second, first):
            client.wait_for_ready(timeout=10)


def test_a_client_that_does_not_read_does_not_hold_up_the_others(core: EchoCore) -> None:
    front = core.run(core.bind(free_connection()))
    with zmq.Context() as context, context.socket(zmq.SUB) as lazy, client_of(front.connection) as client:
        lazy.linger = 0
        lazy.set(zmq.RCVHWM, 1)
        lazy.subscribe(b"")
        lazy.connect(f"tcp://127.0.0.1:{front.connection['iopub_port']}")
        client.wait_for_ready(timeout=10)

        async def publish() -> None:
            for _ in range(200):
                front.publish("stream", {"name": "stdout", "text": "x" * 100_000}, {})

        core.run(publish())
        serves(front)


def test_a_port_that_is_taken_gives_the_others_back(core: EchoCore) -> None:
    connection = free_connection()
    with socket.create_server(("127.0.0.1", connection["iopub_port"])), pytest.raises(EnvironmentFault):
        core.run(core.bind(connection, patience_s=0))
    for channel in CHANNELS:
        socket.create_server(("127.0.0.1", connection[f"{channel}_port"])).close()


def test_listeners_that_are_closed_twice_are_closed(core: EchoCore) -> None:
    async def close_twice() -> None:
        listeners = Listeners()
        listeners.close_all()
        listeners.close_all()

    core.run(close_twice())


FEW_FILES = """
import logging, os, resource, socket, threading
from echo import echo_core, client_of, free_connection

class Seen(logging.Handler):
    def __init__(self):
        super().__init__()
        self.refused = threading.Event()
    def emit(self, record):
        print(record.getMessage(), flush=True)
        self.refused.set()

seen = Seen()
logging.getLogger("caesura").addHandler(seen)
with echo_core() as core:
    front = core.run(core.bind(free_connection()))
    address = ("127.0.0.1", front.connection["shell_port"])
    # Opened before the limit, so that the front is the one that runs out of files.
    clients = [socket.socket() for _ in range(8)]
    following = os.dup(0)
    os.close(following)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (following + 2, limit[1]))
    for client in clients:
        client.connect(address)
    assert seen.refused.wait(30), "no client was refused"
    for client in clients:
        client.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (following + 40, limit[1]))
    with client_of(front.connection) as client:
        client.wait_for_ready(timeout=20)
    print("served", flush=True)
"""


def test_when_no_more_files_may_be_opened_clients_are_served_later(tmp_path: Path) -> None:
    paths = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", FEW_FILES],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert lines[-1:] == ["served"], done.stderr
    assert all("Raise the limit of open files" in line for line in lines[:-1]), lines
