"""Asking a coordinator, and what is said when there is none."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from fake_server import FakeServer, fake_server, greet

from caesura import config, errors
from caesura.client import Client, ConnectionLost, Link, NoCoordinator, error_of, open_link
from caesura.model import PROTOCOL
from caesura.starting import peer_uid, running
from caesura.wire import messages


def answering(reply: messages.Reply | None, *before: messages.Message):  # type: ignore[no-untyped-def]
    """A behaviour: greet, then answer each request with ``before`` and ``reply`` (with the right number)."""

    def behaviour(link: Link, hello: messages.Hello) -> None:
        greet(link, hello)
        while (request := link.receive(10)) is not None:
            assert isinstance(request, messages.Request)
            for message in before:
                link.send(message)
            if reply is None:
                link.send(messages.Reply(number=request.number, result=[request.method, request.params]))
            else:
                link.send(messages.Reply(number=request.number, error=reply.error, error_type=reply.error_type))

    return behaviour


def test_a_request_gets_its_result(tmp_path: Path) -> None:
    with fake_server(tmp_path, answering(None)), Client(tmp_path) as client:
        assert client.request("cell", cell_id="c1") == ["cell", {"cell_id": "c1"}]
        assert client.request("status") == ["status", {}]


def test_a_parameter_may_be_called_method(tmp_path: Path) -> None:
    with fake_server(tmp_path, answering(None)), Client(tmp_path) as client:
        assert client.request("call", method="x") == ["call", {"method": "x"}]


def test_answers_to_other_questions_are_not_taken(tmp_path: Path) -> None:
    stale = messages.Reply(number=99, result="stale")
    with fake_server(tmp_path, answering(None, stale)), Client(tmp_path) as client:
        assert client.request("ping") == ["ping", {}]


def test_a_failed_request_raises_the_named_error(tmp_path: Path) -> None:
    reply = messages.Reply(number=0, error="no such cell", error_type="UsageError")
    with fake_server(tmp_path, answering(reply)), Client(tmp_path) as client, pytest.raises(errors.UsageError) as found:
        client.request("cancel", cell_id="x")
    assert str(found.value) == "no such cell"


@pytest.mark.parametrize("name", ["SchemaTooNew", "CannotMove", "ProtocolMismatch", "SnapshotRefused"])
def test_errors_with_arguments_of_their_own_keep_their_text(name: str) -> None:
    error = error_of(messages.Reply(number=1, error="what happened", error_type=name))
    assert type(error).__name__ == name
    assert str(error) == "what happened"


@pytest.mark.parametrize("name", ["", "SystemExit", "annotations", "NoSuchError"])
def test_an_unknown_error_is_still_one_of_ours(name: str) -> None:
    assert type(error_of(messages.Reply(number=1, error="x", error_type=name))) is errors.CaesuraError


def test_a_coordinator_that_does_not_answer_is_said(tmp_path: Path) -> None:
    with (
        fake_server(tmp_path),
        Client(tmp_path, timeout_s=0.2) as client,
        pytest.raises(errors.CoordinatorUnavailable, match="did not answer status in"),
    ):
        client.request("status")


def test_a_coordinator_that_does_not_greet_is_said(tmp_path: Path) -> None:
    with (
        fake_server(tmp_path, lambda link, hello: None),
        pytest.raises(errors.CoordinatorUnavailable, match="does not answer"),
    ):
        Client(tmp_path, timeout_s=0.2)


def test_events_come_in_order_also_those_that_came_before_an_answer(tmp_path: Path) -> None:
    early = [messages.Event(name=f"e{number}") for number in range(3)]
    with fake_server(tmp_path, answering(None, *early)), Client(tmp_path) as client:
        events = client.subscribe()
        assert [next(events).name for _ in range(3)] == ["e0", "e1", "e2"]


def test_a_listener_learns_that_the_coordinator_went(tmp_path: Path) -> None:
    with fake_server(tmp_path, answering(None)) as server, Client(tmp_path) as client:
        events = client.subscribe()
        server.close()
        with pytest.raises(ConnectionLost):
            next(events)


def test_without_a_coordinator_it_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(NoCoordinator, match="caesura start"):
        Client(tmp_path)


def test_a_coordinator_that_was_killed_counts_as_none(tmp_path: Path) -> None:
    server = FakeServer(tmp_path)
    assert running(tmp_path) == config.read_connection(tmp_path)
    server.close()
    assert config.read_connection(tmp_path) is not None
    assert running(tmp_path) is None


def test_another_protocol_is_refused_and_both_are_named(tmp_path: Path) -> None:
    refusal = messages.Refused(reason="protocol", protocol=99)
    with (
        fake_server(tmp_path, lambda link, hello: link.send(refusal)),
        pytest.raises(errors.ProtocolMismatch, match=rf"protocol {PROTOCOL}.*99"),
    ):
        open_link(tmp_path, role="client")


def test_a_refusal_is_passed_on(tmp_path: Path) -> None:
    with (
        fake_server(tmp_path, lambda link, hello: link.send(messages.Refused(reason="not your home"))),
        pytest.raises(errors.CoordinatorUnavailable, match="not your home"),
    ):
        open_link(tmp_path, role="client")


def test_the_greeting_says_who_we_are(tmp_path: Path) -> None:
    with fake_server(tmp_path) as server:
        open_link(tmp_path, role="stub").close()
    assert [hello.role for hello in server.hellos] == ["stub"]


def test_a_message_of_a_newer_coordinator_is_skipped(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    with theirs, Link(ours) as link:
        for part in messages.encode({"type": "from_the_future"}):
            theirs.sendall(part)
        Link(theirs).send(messages.Event(name="known"))
        assert link.receive(5) == messages.Event(name="known")


def test_the_other_end_of_a_socket_is_ours() -> None:
    one, two = socket.socketpair()
    with one, two:
        import os

        assert peer_uid(one) == os.geteuid()
