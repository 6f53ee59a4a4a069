"""``sys.stdout`` and ``sys.stderr`` of a worker.

They are ipykernel's streams to everybody who asks, with the same attributes and hooks, but what they flush goes to the
channel, and the timer of the channel's thread flushes them after 0.2 s.
"""

from __future__ import annotations

import contextvars
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from io import StringIO
from typing import Any, Final

from ipykernel.iostream import OutStream

from caesura.worker import standard_streams
from caesura.worker.capture import CapturedDescriptor, flush_libc
from caesura.worker.channel import Channel

_FLUSH_CHARACTERS: Final = 1 << 20
_getpid, _write = os.getpid, os.write  # bound here: a notebook may replace them in their module
_DESCRIPTORS: Final = {"stdout": 1, "stderr": 2}


class CellStream(OutStream):  # type: ignore[misc]
    """One of the two streams. Text is kept by the header under which it was written, and sent in one message each.

    ``undisturbed`` is entered around what must not be interrupted half way.
    """

    def __init__(self, session: Any, socket: Any, name: str, call_later: Callable[[float, Callable[[], None]], None]):
        # OutStream.__init__ wants an IOPub thread with a ZeroMQ socket; these are the attributes that it leaves.
        self.session = session
        self.name = name
        self.topic = b"stream." + name.encode()
        self.echo = None
        self.captured: CapturedDescriptor | None = None
        self.undisturbed: Callable[[], AbstractContextManager[None]] = nullcontext
        self.pub_thread = socket
        self._call_later = call_later
        self._parent_header = contextvars.ContextVar[dict[str, Any]]("parent_header")
        self._parent_header.set({})
        self._parent_header_global: dict[str, Any] = {}
        self._isatty = False
        self._should_watch = False
        self._original_stdstream_copy: int | None = None
        self._local = threading.local()
        self._buffer_lock = threading.RLock()
        self._buffers: defaultdict[Any, StringIO] = defaultdict(StringIO)
        self._key_of: dict[str, Any] | None = None
        self._key: frozenset[tuple[str, Any]] = frozenset()
        self._characters = 0
        self._of_child = ""
        self._flush_pending = False
        self._master_pid = _getpid()
        self._exc = None

    @property
    def variable(self) -> contextvars.ContextVar[dict[str, Any]]:
        """The context variable with the header under which text is written."""
        return self._parent_header

    def capture(self) -> CapturedDescriptor:
        """Take over the descriptor of this stream too."""
        self.captured = CapturedDescriptor(_DESCRIPTORS[self.name], self._write_captured)
        self._original_stdstream_copy = self.captured.original
        return self.captured

    def _write_captured(self, text: str) -> None:
        contextvars.Context().run(self.write, text)  # nobody's context: the header of the last request

    def write(self, string: str) -> int:
        """Write under the header of the current context; see :meth:`io.TextIOBase.write`."""
        if not isinstance(string, str):
            raise TypeError(f"write() argument must be str, not {type(string)}")
        if self.pub_thread is None:
            raise ValueError("I/O operation on closed file")
        if _getpid() != self._master_pid:  # a child that the user has forked: our end of the pipe is its output
            self._of_child += string
            if "\n" in string:
                self._write_of_child()
            return len(string)
        with self.undisturbed(), self._buffer_lock:
            header = self.parent_header
            if header is not self._key_of:
                self._key_of, self._key = header, frozenset(header.items())
            self._buffers[self._key].write(string)
            self._characters += len(string)
            if self._flush_pending:
                if self._characters > _FLUSH_CHARACTERS:
                    self._flush()
            else:
                self._flush_pending = True
                self._call_later(self.flush_interval, self._flush)
        return len(string)

    def flush(self) -> None:
        """Send what has been written; messages that are sent later come later."""
        if _getpid() == self._master_pid:
            with self.undisturbed():
                self._flush()
        else:
            self._write_of_child()

    def _write_of_child(self) -> None:
        text, self._of_child = self._of_child, ""
        _write(_DESCRIPTORS[self.name], text.encode("utf-8", "replace"))

    def _flush(self) -> None:
        with self._buffer_lock:
            if not self._characters:
                self._flush_pending = False
                return
            self._flush_pending = False
            self._characters = 0
            for parent, text in self._flush_buffers():
                if text:
                    self._publish(parent, text)

    def _publish(self, parent: dict[str, Any], text: str) -> None:
        message = self.session.msg("stream", {"name": self.name, "text": text}, parent=parent)
        for hook in self._hooks:
            message = hook(message)
            if message is None:
                return
        self.session.send(self.pub_thread, message, ident=self.topic)

    def close(self) -> None:
        """Take no more text."""
        self.flush()
        self.pub_thread = None


def install_streams(session: Any, socket: Any, channel: Channel) -> tuple[CellStream, CellStream]:
    """Put both streams in place and capture both descriptors. Before the channel is started."""
    streams = tuple(CellStream(session, socket, name, channel.call_later) for name in ("stdout", "stderr"))
    for stream in streams:
        captured = stream.capture()
        channel.watch(captured.read_end, captured.pump)
    sys.stdout, sys.stderr = streams
    standard_streams.note_own()
    return streams[0], streams[1]


def drain(*streams: CellStream) -> None:
    """Send all that has been written so far, in Python, in C, or by a child process that has ended."""
    flush_libc()
    for stream in streams:
        if stream.captured is not None:
            stream.captured.pump()
        stream.flush()
