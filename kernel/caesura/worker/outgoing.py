"""What a worker has sent and what it still has to send: numbers, bytes, what is not acknowledged.

What lives here: :class:`Outgoing`, touched by the channel's thread only. What must not: sockets.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import deque
from collections.abc import Callable

from caesura.wire.codec import Buffer
from caesura.wire.messages import Message, Numbered, pack

Sendable = Message | Callable[[int], Message]
"""A message, or what makes one when it is told the number of the last numbered message before it."""

_BUFFERS_A_CALL = 64


class Outgoing:
    """Messages in, bytes out. A numbered message is kept until it is acknowledged."""

    def __init__(self) -> None:
        self.epoch = 0
        self.next_number = 1
        self.kept_bytes = 0
        self._kept: deque[tuple[int, list[Buffer], int]] = deque()
        self._unsent: deque[memoryview] = deque()
        self._acked = 0

    @property
    def last_acked(self) -> int:
        return self._acked

    @property
    def is_empty(self) -> bool:
        """Whether all bytes have been given to the socket."""
        return not self._unsent

    def add(self, item: Sendable) -> None:
        """Queue a message; the current epoch and, if it has one, the next number are put in."""
        message = item if isinstance(item, Message) else item(self.next_number - 1)
        if isinstance(message, Numbered):
            number = self.next_number
            frame = pack(dataclasses.replace(message, epoch=self.epoch, number=number))
            self.next_number += 1  # only now: a message that cannot be packed must not leave a gap
            size = sum(memoryview(part).nbytes for part in frame)
            self._kept.append((number, frame, size))
            self.kept_bytes += size
        else:
            frame = pack(message)
        self._unsent.extend(memoryview(part).cast("B") for part in frame)

    def acknowledge(self, last: int) -> None:
        """Forget the numbered messages up to ``last``."""
        self._acked = max(self._acked, last)
        while self._kept and self._kept[0][0] <= last:
            self.kept_bytes -= self._kept.popleft()[2]

    def begin_again(self) -> None:
        """A new connection: all that is not acknowledged goes out again, first."""
        self._unsent.clear()
        for _number, frame, _size in self._kept:
            self._unsent.extend(memoryview(part).cast("B") for part in frame)

    def next_bytes(self) -> list[memoryview]:
        """Buffers for one call of ``sendmsg``."""
        return list(itertools.islice(self._unsent, _BUFFERS_A_CALL))

    def sent(self, count: int) -> None:
        """The socket took ``count`` bytes of :meth:`next_bytes`."""
        while self._unsent and count >= self._unsent[0].nbytes:
            count -= self._unsent.popleft().nbytes
        if count:
            self._unsent[0] = self._unsent[0][count:]
