"""The wire protocol of ZeroMQ, as bytes."""

from __future__ import annotations

import pytest

from caesura.coordinator import zmtp

CLIENT = zmtp.GREETING + zmtp._command(
    b"READY", zmtp._property(b"Socket-Type", b"DEALER") + zmtp._property(b"Identity", b"me")
)


@pytest.fixture
def decoder() -> zmtp.Decoder:
    decoder = zmtp.Decoder()
    assert decoder.feed(CLIENT) == []
    return decoder


def joined(parts: list[bytes]) -> bytes:
    return b"".join(bytes(piece) for piece in zmtp.encode(parts))


MESSAGES = [[b"one"], [b"", b"two", b""], [b"x" * 255, b"y" * 256, b"z" * 70_000], [b"\x01topic"]]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 1000, 1_000_000])
def test_messages_arrive_however_the_bytes_are_cut(step: int) -> None:
    decoder = zmtp.Decoder()
    data = CLIENT + b"".join(map(joined, MESSAGES))
    found = [message for at in range(0, len(data), step) for message in decoder.feed(data[at : at + step])]
    assert found == MESSAGES
    assert decoder.is_between


def test_a_handshake_says_who_it_is(decoder: zmtp.Decoder) -> None:
    assert decoder.is_ready
    assert (decoder.socket_type, decoder.identity) == ("DEALER", b"me")


def test_a_large_part_is_not_copied() -> None:
    large = bytearray(1 << 20)
    assert any(piece is large for piece in zmtp.encode([b"small", large]))


def test_the_length_of_a_view_is_that_of_its_bytes() -> None:
    assert joined([memoryview(bytes(8)).cast("d")]) == b"\x00\x08" + bytes(8)


def test_a_ping_is_answered_with_its_context(decoder: zmtp.Decoder) -> None:
    assert decoder.feed(zmtp._command(b"PING", b"\x00\x0actx")) == []
    assert decoder.answers == [zmtp._command(b"PONG", b"ctx")]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nUser-Agent: a browser\r\n\r\n", "ZMTP 3"),
        (zmtp.GREETING.replace(b"NULL", b"CURV"), "security mechanism CURV"),
        (zmtp.GREETING[:10] + b"\x01" + zmtp.GREETING[11:], "ZMTP 3"),
        (zmtp.GREETING + b"\x00\x01x", "before its handshake"),
        (zmtp.GREETING + b"\xf0\x01x", "unknown kind"),
        (zmtp.GREETING + zmtp._command(b"ERROR", b"\x02no"), "gave up: no"),
    ],
    ids=["http", "curve", "old", "early", "kind", "error"],
)
def test_who_speaks_something_else_is_told_apart(data: bytes, why: str) -> None:
    with pytest.raises(zmtp.ForeignPeer, match=why):
        zmtp.Decoder().feed(data)


def test_a_handshake_that_is_cut_off_inside_names_nothing() -> None:
    decoder = zmtp.Decoder()
    decoder.feed(zmtp.GREETING + zmtp._command(b"READY", b"\x08Identity\x00\x00\x00\xffme"))
    assert decoder.is_ready
    assert decoder.identity == b""
