"""A notebook's sockets, seen by a real Jupyter client."""

from __future__ import annotations

import errno
import json
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq
from echo import EchoCore, client_of, echo_core, free_connection
from jupyter_client import BlockingKernelClient
from jupyter_client.session import Session

from caesura.coordinator.front import Front
from caesura.errors import EnvironmentFault

pytestmark = pytest.mark.process


@pytest.fixture
def core() -> Iterator[EchoCore]:
    with echo_core() as core:
        yield core


def wait_until(condition: Any, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def outputs(client: BlockingKernelClient, msg_id: str, timeout_s: float = 10.0) -> list[str]:
    """The texts that came under ``msg_id``, up to its idle."""
    texts: list[str] = []
    while True:
        message = client.get_iopub_msg(timeout=timeout_s)
        if message["parent_header"].get("msg_id") != msg_id:
            continue
        if message["msg_type"] == "stream":
            texts.append(message["content"]["text"])
        if message["content"].get("execution_state") == "idle":
            return texts


def test_a_client_becomes_ready_and_gets_outputs_and_reply(core: EchoCore) -> None:
    connection = free_connection()
    core.run(core.bind(connection))
    with client_of(connection) as client:
        client.wait_for_ready(timeout=10)
        msg_id = client.execute("1 + 1")
        reply = client.get_shell_msg(timeout=10)
        assert reply["content"]["status"] == "ok"
        assert reply["parent_header"]["msg_id"] == msg_id
        assert outputs(client, msg_id) == ["1 + 1"]


def test_ipc_works_as_tcp_does(core: EchoCore, tmp_path: Path) -> None:
    connection = free_connection(transport="ipc", ip=str(tmp_path / "k"))
    core.run(core.bind(connection))
    with client_of(connection) as client:
        client.wait_for_ready(timeout=10)
        assert outputs(client, client.execute("x")) == ["x"]


def test_the_heart_beats(core: EchoCore) -> None:
    connection = free_connection()
    core.run(core.bind(connection))
    with zmq.Context() as context, context.socket(zmq.REQ) as heart:
        heart.connect(f"tcp://127.0.0.1:{connection['hb_port']}")
        for beat in (b"ping", b"pong"):
            heart.send(beat)
            assert heart.poll(5000)
            assert heart.recv() == beat


def test_a_subscriber_is_welcomed(core: EchoCore) -> None:
    connection = free_connection()
    core.run(core.bind(connection))
    session = Session(key=connection["key"].encode())
    with zmq.Context() as context, context.socket(zmq.SUB) as sub:
        sub.connect(f"tcp://127.0.0.1:{connection['iopub_port']}")
        sub.subscribe(b"")
        assert sub.poll(5000)
        _, parts = session.feed_identities(sub.recv_multipart())
        message = session.deserialize(parts)
        assert message["msg_type"] == "iopub_welcome"
        assert message["content"] == {"subscription": ""}


def test_every_message_of_a_kernel_has_one_session_id(core: EchoCore) -> None:
    connection = free_connection()
    front = core.run(core.bind(connection, session_id="the-kernel"))
    with client_of(connection) as client:
        client.wait_for_ready(timeout=10)
        client.execute("x")
        seen = {client.get_iopub_msg(timeout=10)["header"]["session"] for _ in range(3)}
        seen.add(client.get_shell_msg(timeout=10)["header"]["session"])
    assert seen == {"the-kernel"} == {front.session_id}


def raw_request(connection: dict[str, Any], *, key: str | None = None, copies: int = 1) -> list[bytes]:
    """Send one request by hand; what the kernel answers to it, as far as anything comes."""
    session = Session(key=(connection["key"] if key is None else key).encode())
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.connect(f"tcp://127.0.0.1:{connection['shell_port']}")
        parts = session.serialize(session.msg("kernel_info_request", {}))
        for _ in range(copies):
            dealer.send_multipart(parts)
        good = Session(key=connection["key"].encode())
        dealer.send_multipart(good.serialize(good.msg("last_request", {})))
        types = []
        while not types or types[-1] != b"last_reply":
            assert dealer.poll(5000)
            _, answer = good.feed_identities(dealer.recv_multipart())
            types.append(json.loads(answer[1])["msg_type"].encode())
        return types


def test_a_wrong_signature_is_not_answered(core: EchoCore) -> None:
    connection = free_connection()
    core.run(core.bind(connection))
    assert raw_request(connection, key=uuid.uuid4().hex) == [b"last_reply"]
    assert core.seen == [("shell", "last_request")]


def test_a_message_sent_twice_is_answered_once(core: EchoCore) -> None:
    connection = free_connection()
    core.run(core.bind(connection))
    assert raw_request(connection, copies=3) == [b"kernel_info_reply", b"last_reply"]


def test_without_a_key_nothing_is_signed(core: EchoCore) -> None:
    connection = free_connection(key="")
    core.run(core.bind(connection))
    assert raw_request(connection) == [b"kernel_info_reply", b"last_reply"]


def test_ten_thousand_outputs_arrive_in_order(core: EchoCore) -> None:
    connection = free_connection()
    front = core.run(core.bind(connection))

    async def publish_all() -> None:
        for number in range(10_000):
            front.publish("stream", {"name": "stdout", "text": str(number)}, {"msg_id": "m"})
        front.publish("status", {"execution_state": "idle"}, {"msg_id": "m"})

    with client_of(connection) as client:
        client.wait_for_ready(timeout=10)
        core.run(publish_all())
        assert outputs(client, "m") == [str(number) for number in range(10_000)]


def test_a_client_notices_nothing_when_the_front_is_bound_again(core: EchoCore) -> None:
    connection = free_connection()
    first = core.run(core.bind(connection, session_id="k"))
    with client_of(connection) as client:
        client.wait_for_ready(timeout=10)
        core.run(first.close())
        second = core.run(core.bind(connection, session_id="k"))
        core.run(_resume(second))
        msg_id = client.execute("again")
        assert client.get_shell_msg(timeout=10)["parent_header"]["msg_id"] == msg_id
        assert outputs(client, "before") == ["kept"]
        assert outputs(client, msg_id) == ["again"]


async def _resume(front: Front) -> None:
    """What a recovery does: outputs go out before any client has come back."""
    front.hold_iopub(5.0)
    front.publish("stream", {"name": "stdout", "text": "kept"}, {"msg_id": "before"})
    front.publish("status", {"execution_state": "idle"}, {"msg_id": "before"})


def test_replies_to_a_client_that_reconnects_wait_for_it_in_order(core: EchoCore) -> None:
    connection = free_connection()
    front = core.run(core.bind(connection))
    session = Session(key=connection["key"].encode())

    async def reply_three() -> None:
        for number in range(3):
            front.reply("shell", [b"gone"], "execute_reply", {"n": number}, {})

    core.run(reply_three())
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.setsockopt(zmq.IDENTITY, b"gone")
        dealer.connect(f"tcp://127.0.0.1:{connection['shell_port']}")
        numbers = []
        for _ in range(3):
            assert dealer.poll(5000)
            _, parts = session.feed_identities(dealer.recv_multipart())
            numbers.append(session.deserialize(parts)["content"]["n"])
    assert numbers == [0, 1, 2]


def test_a_reply_to_a_client_that_never_comes_back_is_given_up(core: EchoCore) -> None:
    connection = free_connection()
    front = core.run(core.bind(connection))
    front.grace_s = 0.05

    async def reply() -> None:
        front.reply("shell", [b"gone"], "execute_reply", {}, {})

    core.run(reply())
    assert front.waiting == 1
    wait_until(lambda: front.waiting == 0)


def test_an_absent_client_does_not_hold_up_another(core: EchoCore) -> None:
    connection = free_connection()
    front = core.run(core.bind(connection))

    async def reply() -> None:
        front.reply("shell", [b"gone"], "execute_reply", {}, {})

    core.run(reply())
    with client_of(connection) as client:
        client.wait_for_ready(timeout=10)
    assert front.waiting == 1


def test_a_port_that_becomes_free_is_bound(core: EchoCore) -> None:
    connection = free_connection()
    holder = socket.create_server(("127.0.0.1", connection["control_port"]))
    core.loop.call_soon_threadsafe(core.loop.call_later, 0.2, holder.close)
    core.run(core.bind(connection))
    with client_of(connection) as client:
        client.wait_for_ready(timeout=10)


def test_a_port_that_stays_in_use_is_named_and_the_others_are_given_back(core: EchoCore) -> None:
    connection = free_connection()
    named = pytest.raises(EnvironmentFault, match=f"iopub port.*{connection['iopub_port']}")
    with socket.create_server(("127.0.0.1", connection["iopub_port"])), named:
        core.run(core.bind(connection, patience_s=0.1))
    core.run(core.bind(connection))


def test_a_connection_file_without_a_port_is_refused(core: EchoCore) -> None:
    with pytest.raises(EnvironmentFault, match="shell_port"):
        core.run(core.bind(free_connection(shell_port=0)))


def test_closing_delivers_what_was_sent(core: EchoCore) -> None:
    connection = free_connection()
    front = core.run(core.bind(connection))

    async def last_words() -> None:
        for number in range(500):
            front.publish("stream", {"name": "stdout", "text": str(number)}, {"msg_id": "m"})
        front.publish("status", {"execution_state": "idle"}, {"msg_id": "m"})
        await front.close()
        front.publish("status", {"execution_state": "busy"}, {"msg_id": "m"})

    with client_of(connection) as client:
        client.wait_for_ready(timeout=10)
        core.run(last_words())
        assert outputs(client, "m") == [str(number) for number in range(500)]


def test_two_hundred_fronts_at_once(core: EchoCore) -> None:
    async def bind_all() -> list[dict[str, Any]]:
        bound: list[dict[str, Any]] = []
        while len(bound) < 200:
            connection = free_connection()
            try:
                await core.bind(connection, patience_s=0)
            except EnvironmentFault as error:
                if getattr(error.__cause__, "errno", 0) != errno.EADDRINUSE:  # taken between looking and binding
                    raise
                continue
            bound.append(connection)
        return bound

    bound = core.run(bind_all())
    for connection in (bound[0], bound[100], bound[199]):
        with client_of(connection) as client:
            client.wait_for_ready(timeout=10)
            assert outputs(client, client.execute("x")) == ["x"]


def test_the_round_trip_adds_little(core: EchoCore) -> None:
    connection = free_connection()
    core.run(core.bind(connection))
    session = Session(key=connection["key"].encode())
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.connect(f"tcp://127.0.0.1:{connection['shell_port']}")
        times = []
        for _ in range(200):
            parts = session.serialize(session.msg("kernel_info_request", {}))
            began = time.perf_counter()
            dealer.send_multipart(parts)
            dealer.recv_multipart()
            times.append(time.perf_counter() - began)
    assert sorted(times)[20] < 0.005  # tens of microseconds beyond ZeroMQ's own; generous for a busy machine
