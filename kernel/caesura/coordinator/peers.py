"""One connected client of a notebook's socket.

What lives here: reading and writing without blocking, and what a slow reader costs. What must not: which messages go
to whom.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from caesura.coordinator import zmtp
from caesura.wire.codec import Buffer

log = logging.getLogger(__name__)

_READ_BYTES: Final = 1 << 16
_LARGE_READ_BYTES: Final = 1 << 20
_PIECES: Final = 64  # handed to the system in one call; it takes 1024


class Owner(Protocol):
    """Who a peer belongs to."""

    def peer_is_ready(self, peer: Peer) -> None: ...
    def peer_said(self, peer: Peer, parts: list[bytes]) -> None: ...
    def peer_is_gone(self, peer: Peer) -> None: ...


class Peer:
    """A connection to ``channel``. ``identity`` is the client's own, or made up if it has none."""

    __slots__ = (
        "_closing",
        "_decoder",
        "_is_due",
        "_is_full",
        "_loop",
        "_owner",
        "_queue",
        "_socket",
        "channel",
        "identity",
        "is_open",
        "topics",
    )

    def __init__(self, owner: Owner, channel: str, connected: socket.socket) -> None:
        self.channel = channel
        self.identity = b""
        self.topics: tuple[bytes, ...] = ()
        """What it has subscribed to."""
        self.is_open = True
        self._owner = owner
        self._socket = connected
        self._loop = asyncio.get_running_loop()
        self._decoder = zmtp.Decoder()
        self._queue: deque[Buffer] = deque()
        self._is_due = self._is_full = False
        self._closing: asyncio.Future[None] | None = None
        connected.setblocking(False)
        if connected.family != socket.AF_UNIX:
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop.add_reader(connected.fileno(), self._readable)
        self.send((zmtp.GREETING, zmtp.ready("XPUB" if channel == "iopub" else "ROUTER")))

    # --- reading ----------------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        decoder = self._decoder
        try:
            data = self._socket.recv(_READ_BYTES if decoder.is_between else _LARGE_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        was_ready = decoder.is_ready
        try:
            messages = decoder.feed(data)
        except zmtp.ForeignPeer as error:
            log.warning("a connection to %s was closed: %s", self.channel, error)
            self.close()
            return
        if decoder.answers:
            self.send(decoder.answers)
            decoder.answers = []
        if decoder.is_ready and not was_ready:
            self.identity = decoder.identity or b"\0" + os.urandom(4)
            self._owner.peer_is_ready(self)
        for parts in messages:
            self._owner.peer_said(self, parts)

    # --- writing ----------------------------------------------------------------------------------------------------

    @property
    def waiting(self) -> int:
        """How much it has not read yet, in pieces: one for a small message."""
        return len(self._queue)

    def send(self, pieces: Sequence[Buffer]) -> None:
        """Send them in order, together with what else is said in this turn of the loop."""
        if not self.is_open:
            return
        self._queue.extend(pieces)
        if not self._is_due and not self._is_full:
            self._is_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_due = False
        queue = self._queue
        while queue and self.is_open:
            try:
                sent = self._socket.sendmsg(itertools.islice(queue, _PIECES))
            except (BlockingIOError, InterruptedError):
                if not self._is_full:
                    self._is_full = True
                    self._loop.add_writer(self._socket.fileno(), self._flush)
                return
            except OSError:
                self.close()
                return
            _drop(queue, sent)
        if self._is_full and self.is_open:
            self._is_full = False
            self._loop.remove_writer(self._socket.fileno())
        if self._closing is not None and self.is_open:
            self.close()

    def finish(self) -> asyncio.Future[None] | None:
        """Close when all is sent. The future is done then; None if it is closed already."""
        if not self.is_open:
            return None
        self._loop.remove_reader(self._socket.fileno())
        self._closing = self._loop.create_future()
        closing = self._closing
        self._flush()
        return closing if self.is_open else None

    def close(self) -> None:
        """Close now; what it has not read is lost."""
        if not self.is_open:
            return
        self.is_open = False
        self._loop.remove_reader(self._socket.fileno())
        self._loop.remove_writer(self._socket.fileno())
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.recv(_LARGE_READ_BYTES)  # unread bytes would make the system discard what was sent
        self._socket.close()
        self._queue.clear()
        if self._closing is not None and not self._closing.done():
            self._closing.set_result(None)
        self._owner.peer_is_gone(self)


def _drop(queue: deque[Buffer], sent: int) -> None:
    """Take what was sent off the queue."""
    while sent:
        first = queue[0]
        size = first.nbytes if isinstance(first, memoryview) else len(first)
        if sent < size:
            queue[0] = memoryview(first).cast("B")[sent:]
            return
        queue.popleft()
        sent -= size
