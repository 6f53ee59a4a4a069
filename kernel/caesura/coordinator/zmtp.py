"""ZeroMQ's wire protocol as bytes: greeting, handshake and frames of one connection that was accepted.

What lives here: ZMTP 3.0 with the mechanism NULL (https://rfc.zeromq.org/spec/23/), which is what Jupyter's clients
speak. What must not: sockets.

Why not libzmq: each of its sockets takes two descriptors and 8 KiB when nobody is connected, and each connection some
25 KiB. A home with thousands of waiting notebooks has five sockets for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from caesura.errors import EnvironmentFault
from caesura.wire.codec import Buffer

GREETING: Final = b"\xff" + bytes(8) + b"\x7f" + bytes((3, 0)) + b"NULL".ljust(20, b"\0") + bytes(32)

_MORE: Final = 1
_LONG: Final = 2
_COMMAND: Final = 4
_JOINED: Final = 1 << 16
"""Up to this size it costs less to copy the parts of a message together than to hand them over one by one."""


class ForeignPeer(EnvironmentFault):
    """Who connected does not speak this protocol."""


def ready(socket_type: str) -> bytes:
    """What follows the greeting: the command READY of a socket of this type."""
    return _command(b"READY", _property(b"Socket-Type", socket_type.encode()) + _property(b"Identity", b""))


def _property(name: bytes, value: bytes) -> bytes:
    return bytes((len(name),)) + name + len(value).to_bytes(4, "big") + value


def _command(name: bytes, data: bytes) -> bytes:
    body = bytes((len(name),)) + name + data
    return bytes((_COMMAND, len(body))) + body


def encode(parts: Sequence[Buffer]) -> list[Buffer]:
    """A message of these parts, as bytes to be sent one after the other; large parts are not copied."""
    pieces: list[Buffer] = []
    size = 0
    last = len(parts) - 1
    for number, part in enumerate(parts):
        length = part.nbytes if isinstance(part, memoryview) else len(part)
        flags = 0 if number == last else _MORE
        if length < 256:
            pieces.append(bytes((flags, length)))
        else:
            pieces.append(bytes((flags | _LONG,)) + length.to_bytes(8, "big"))
        if length:
            pieces.append(part)
        size += length
    return [b"".join(pieces)] if size <= _JOINED else pieces


class Decoder:
    """The other side's bytes, as they come. ``identity`` and ``socket_type`` are known once ``is_ready``."""

    __slots__ = ("_is_greeted", "_need", "_parts", "_rest", "answers", "identity", "is_ready", "socket_type")

    def __init__(self) -> None:
        self.is_ready = False
        self.identity = b""
        self.socket_type = ""
        self.answers: list[bytes] = []
        """What has to be sent back; whoever sends it empties the list."""
        self._is_greeted = False
        self._rest: bytearray | None = None
        self._need = len(GREETING)
        self._parts: list[bytes] = []

    @property
    def is_between(self) -> bool:
        """Whether no message is half there."""
        return self._rest is None

    def feed(self, data: bytes) -> list[list[bytes]]:
        """The messages that are complete with ``data``; ForeignPeer if it is another protocol."""
        rest = self._rest
        if rest is not None:
            rest += data
            if len(rest) < self._need:
                return []
            data = bytes(rest)
            self._rest = None
        at, end = 0, len(data)
        messages: list[list[bytes]] = []
        while at + self._need <= end:
            if self._is_greeted:
                at = self._frame(data, at, messages)
            else:
                _check_greeting(data)
                self._is_greeted = True
                self._need = 2
                at += len(GREETING)
        if at < end:
            self._rest = bytearray(data[at:])
        return messages

    def _frame(self, data: bytes, at: int, messages: list[list[bytes]]) -> int:
        """Take the frame at ``at``; where the next one begins. The same place if more is needed for this one."""
        flags = data[at]
        if flags > _MORE | _LONG | _COMMAND:
            raise ForeignPeer("it sent a frame of an unknown kind")
        begin = at + (9 if flags & _LONG else 2)
        if begin > len(data):
            self._need = begin - at
            return at
        size = int.from_bytes(data[at + 1 : begin], "big")
        if begin + size > len(data):
            self._need = begin + size - at
            return at
        self._need = 2
        body = data[begin : begin + size]
        if flags & _COMMAND:
            self._take_command(body)
        elif not self.is_ready:
            raise ForeignPeer("it sent a message before its handshake")
        else:
            self._parts.append(body)
            if not flags & _MORE:
                messages.append(self._parts)
                self._parts = []
        return begin + size

    def _take_command(self, body: bytes) -> None:
        name, data = body[1 : 1 + body[0]], body[1 + body[0] :]
        if name == b"READY":
            properties = dict(_properties(data))
            self.identity = properties.get(b"identity", b"")
            self.socket_type = properties.get(b"socket-type", b"").decode("ascii", "replace")
            self.is_ready = True
        elif name == b"PING":
            self.answers.append(_command(b"PONG", data[2:18]))
        elif name == b"ERROR":
            raise ForeignPeer(f"it gave up: {data[1:].decode('ascii', 'replace')}")


def _check_greeting(data: bytes) -> None:
    if data[0] != 0xFF or not data[9] & 1 or data[10] < 3:
        raise ForeignPeer("it does not speak ZMTP 3")
    mechanism = data[12:32].rstrip(b"\0")
    if mechanism != b"NULL":
        raise ForeignPeer(f"it wants the security mechanism {mechanism.decode('ascii', 'replace')}")


def _properties(data: bytes) -> list[tuple[bytes, bytes]]:
    """(name in lower case, value) of each; what is cut off is left out."""
    found = []
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        value_at = name_end + 4
        value_end = value_at + int.from_bytes(data[name_end:value_at], "big")
        if value_end > len(data):
            break
        found.append((data[at + 1 : name_end].lower(), data[value_at:value_end]))
        at = value_end
    return found
