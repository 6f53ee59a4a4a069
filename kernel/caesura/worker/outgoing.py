"""What a worker has sent and what it still has to send: numbers, bytes, what is not acknowledged.

What lives here: :class:`Outgoing`, touched by the channel's thread only. What must not: sockets.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections import deque
from collections.abc import Callable
from pathlib import Path

from caesura.store.output_files import LARGE_BYTES, OutputFiles, sync
from caesura.wire.codec import Buffer
from caesura.wire.messages import Message, Numbered, Output, pack

log = logging.getLogger(__name__)

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
        self._files: OutputFiles | None = None
        self._session_id = ""
        self._unsynced: deque[Path] = deque()

    def use_files(self, files: OutputFiles, session_id: str) -> None:
        """Put large parts of what goes to iopub into files from now on."""
        self._files, self._session_id = files, session_id

    def sync_files(self) -> None:
        """Have the files of what was added outlive a power cut."""
        while self._unsynced:
            path = self._unsynced.popleft()
            try:
                sync(path)
            except OSError as error:
                log.warning("an output may not outlive a power cut: %s", error)

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
            if self._files is not None and isinstance(message, Output) and message.channel == "iopub":
                message = self._put_apart(message, number, self._files)
            frame = pack(dataclasses.replace(message, epoch=self.epoch, number=number))
            self.next_number += 1  # only now: a message that cannot be packed must not leave a gap
            size = sum(memoryview(part).nbytes for part in frame)
            self._kept.append((number, frame, size))
            self.kept_bytes += size
        else:
            frame = pack(message)
        self._unsent.extend(memoryview(part).cast("B") for part in frame)

    def _put_apart(self, message: Output, number: int, files: OutputFiles) -> Output:
        """With what is large in a file; as it is if nothing is, or there is no room."""
        large = [place for place, part in enumerate(message.buffers) if len(part) >= LARGE_BYTES]
        if not large:
            return message
        parts = [bytes(message.buffers[place]) for place in large]
        try:
            self._unsynced.append(files.write(self._session_id, number, parts))
        except OSError as error:
            log.warning("an output of %d bytes is sent as it is: %s", sum(map(len, parts)), error)
            return message
        buffers = list(message.buffers)
        for place in large:
            buffers[place] = b""
        apart = [(place, len(part)) for place, part in zip(large, parts, strict=True)]
        return dataclasses.replace(message, buffers=tuple(buffers), apart=apart)

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
