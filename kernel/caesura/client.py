"""Talking to the coordinator of a home.

What lives here: the blocking ends of a connection. Only the standard library and the light modules of this package
are imported, because the stub of every notebook uses it. What must not: what the answers mean.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import caesura
from caesura import errors
from caesura.errors import CaesuraError, CoordinatorUnavailable, ProtocolMismatch
from caesura.model import PROTOCOL
from caesura.starting import closed_on_error, connect
from caesura.wire import Decoder, messages
from caesura.wire.codec import Buffer, MalformedFrame

ANSWER_LIMIT_S: Final = 30.0


class ConnectionLost(CoordinatorUnavailable):
    """The other side closed the connection."""


class NoCoordinator(CoordinatorUnavailable):
    """Nobody listens for this home."""


class Link:
    """A stream of messages over a connected socket, one at a time. Use as a context manager or close it."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._poll = select.poll()  # select() knows no descriptor above 1023, which a server may well have
        self._poll.register(connected, select.POLLIN)
        self._decoder = Decoder()
        self._arrived: deque[messages.Message] = deque()

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read that has not been received."""
        return not self._arrived and self._decoder.is_empty

    def send(self, message: messages.Message) -> None:
        """Send it; ConnectionLost if nobody is there any more."""
        try:
            for part in messages.pack(message):
                self._socket.sendall(part)
        except OSError as error:
            raise ConnectionLost(f"The connection to the coordinator was lost: {error.strerror}.") from error

    def receive(self, timeout_s: float | None = None) -> messages.Message | None:
        """The next message; None if there is none within ``timeout_s`` (None: wait for ever). ConnectionLost at the
        end of the connection."""
        until = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._arrived:
            rest = None if until is None else max(0.0, until - time.monotonic())
            if not self._poll.poll(None if rest is None else math.ceil(rest * 1000)):
                return None
            self._read()
        return self._arrived.popleft()

    def _read(self) -> None:
        try:
            data = self._socket.recv(1 << 18)
        except OSError as error:
            raise ConnectionLost(f"The connection to the coordinator was lost: {error.strerror}.") from error
        if not data:
            raise ConnectionLost("The coordinator closed the connection.")
        for body, buffers in self._decoder.feed(data):
            # A message that only a newer coordinator knows says nothing to us.
            with contextlib.suppress(MalformedFrame):
                self._arrived.append(messages.unpack(body, buffers))

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_link(home: Path, *, role: str, answer_s: float = ANSWER_LIMIT_S) -> Link:
    """A connection to the running coordinator of ``home``, past the greeting.

    NoCoordinator if none runs, CoordinatorUnavailable if it does not answer, ProtocolMismatch if it speaks another
    protocol.
    """
    connected = connect(home)
    if connected is None:
        raise NoCoordinator(f"No coordinator runs for the home {home}. Start it with `caesura start`.")
    link = Link(connected)
    with closed_on_error(link):
        link.send(messages.Hello(role=role, version=caesura.__version__, pid=os.getpid()))
        _check_greeting(link.receive(answer_s), home)
    return link


def _check_greeting(message: messages.Message | None, home: Path) -> None:
    match message:
        case messages.Welcome(protocol=protocol) | messages.Refused(protocol=protocol) if protocol != PROTOCOL:
            raise ProtocolMismatch(PROTOCOL, protocol)
        case messages.Refused(reason=reason):
            raise CoordinatorUnavailable(reason)
        case messages.Welcome():
            return
    raise CoordinatorUnavailable(
        f"The coordinator of {home} does not answer. Look at `caesura logs`, or stop it with `caesura stop --force`."
    )


class Client:
    """Questions to the running coordinator of ``home``, one after the other. Not thread-safe.

    NoCoordinator if none runs: :func:`ensure_coordinator` starts one.
    """

    def __init__(self, home: Path, *, timeout_s: float = ANSWER_LIMIT_S) -> None:
        self._link = open_link(home, role="client", answer_s=timeout_s)
        self._timeout_s = timeout_s
        self._number = 0
        self._events: deque[messages.Event] = deque()

    def request(self, method: str, /, **params: Any) -> Any:
        """The result of ``method``; the error of :mod:`caesura.errors` that the coordinator names if it fails."""
        return self.call(method, params).result

    def call(self, method: str, params: Mapping[str, Any], buffers: Sequence[Buffer] = ()) -> messages.Reply:
        """As :meth:`request`, with buffers, and the whole reply as the result."""
        self._number += 1
        request = messages.Request(number=self._number, method=method, params=dict(params), buffers=tuple(buffers))
        self._link.send(request)
        until = time.monotonic() + self._timeout_s
        while True:
            message = self._link.receive(max(0.0, until - time.monotonic()))
            match message:
                case None:
                    raise CoordinatorUnavailable(f"The coordinator did not answer {method} in {self._timeout_s:g} s.")
                case messages.Reply(number=self._number):
                    if message.error:
                        raise error_of(message)
                    return message
                case messages.Event():
                    self._events.append(message)

    def subscribe(self) -> Iterator[messages.Event]:
        """Events as they come, for as long as the coordinator runs; ConnectionLost after that."""
        self.request("subscribe")
        return self._listen()

    def _listen(self) -> Iterator[messages.Event]:
        while True:
            while self._events:
                yield self._events.popleft()
            message = self._link.receive()
            if isinstance(message, messages.Event):
                yield message

    def close(self) -> None:
        self._link.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def error_of(reply: messages.Reply) -> CaesuraError:
    """The exception that a failed reply describes."""
    cls = getattr(errors, reply.error_type, None)
    if not (isinstance(cls, type) and issubclass(cls, CaesuraError)):
        cls = CaesuraError
    error = cls.__new__(cls, reply.error)  # not through __init__: some classes make their text of other arguments
    error.args = (reply.error,)
    return error
