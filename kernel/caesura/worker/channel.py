"""The worker's connection to the coordinator.

One thread owns the socket. All others put messages into a queue, so that an interrupt of the user's code never leaves
half a message behind, and so that all messages have one order. The same thread reads what comes, watches descriptors
(captured output) and calls what was asked for later, also while no connection is there.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any, Final, Protocol

from caesura.errors import EnvironmentFault
from caesura.store.output_files import OutputFiles
from caesura.wire import Decoder
from caesura.wire.codec import MalformedFrame
from caesura.wire.messages import Acked, Hello, Message, Refused, Welcome, pack, unpack
from caesura.worker.outgoing import Outgoing, Sendable

log = logging.getLogger(__name__)

_KEPT_LIMIT_BYTES: Final = 64 << 20
_FIRST_RETRY_S: Final = 0.05
_LAST_RETRY_S: Final = 0.5
_READ_BYTES: Final = 1 << 18
_LOOK_S: Final = 0.01
_SOON_S: Final = 0.002

# Bound here: a notebook may replace them in their modules, and this works on meanwhile.
_current_thread: Final = threading.current_thread
_get_ident: Final = threading.get_ident
_getpid: Final = os.getpid
_read: Final = os.read
_write: Final = os.write
_Socket: Final = socket.socket


class Peer(Protocol):
    """Whom the channel's thread tells what happens."""

    def hello(self, last_acked: int) -> Hello:
        """The first message of a connection."""
        ...

    def received(self, message: Message) -> None: ...

    def came_back(self) -> None:
        """The connection was lost and is there again; what is not acknowledged has been sent again."""
        ...

    def refused(self, reason: str) -> None: ...

    def mend(self) -> bool:
        """Something failed: whether what a notebook has replaced, and the channel needs, was put back."""
        ...


class Channel:
    """``locate`` gives the path of the coordinator's socket each time it is looked for."""

    def __init__(self, locate: Callable[[], str], peer: Peer) -> None:
        self._locate = locate
        self._peer = peer
        self._queue: deque[Sendable] = deque()
        self._out = Outgoing()
        self._room = threading.Condition()
        self._is_idle = threading.Event()
        self._timers: deque[tuple[float, Callable[[], None]]] = deque()
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._drain_wake)
        self._socket: socket.socket | None = None
        self._decoder = Decoder()
        self._is_welcome = False
        self._was_welcome = False
        self._retry_s = _FIRST_RETRY_S
        self._next_try = 0.0
        self._pid = _getpid()
        self._batch_of = 0
        self._looks_at = 0.0
        self._is_woken = False
        self._thread = threading.Thread(target=self._run, name="caesura channel", daemon=True)

    @property
    def thread(self) -> threading.Thread:
        return self._thread

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The channel's own, for whoever looks for the user's."""
        sock = self._socket
        return self._wake_read, self._wake_write, self._selector.fileno(), -1 if sock is None else sock.fileno()

    def start(self) -> None:
        self._thread.start()

    def set_session(self, epoch: int, next_number: int) -> None:
        """What numbered messages carry; before the first one is sent."""
        self._out.epoch, self._out.next_number = epoch, next_number

    def use_files(self, files: OutputFiles, session_id: str) -> None:
        """Put large outputs into files of the session; before the first one is sent."""
        self._out.use_files(files, session_id)

    # --- any thread -------------------------------------------------------------------------------------------------

    def send(self, item: Sendable) -> None:
        """Queue a message. While more than 64 MB wait to be acknowledged this blocks (but not the channel's thread)."""
        if self._out.kept_bytes > _KEPT_LIMIT_BYTES and _current_thread() is not self._thread:
            with self._room:
                self._room.wait_for(lambda: self._out.kept_bytes <= _KEPT_LIMIT_BYTES)
        self._queue.append(item)
        if self._batch_of != _get_ident():
            self._wake()

    @contextlib.contextmanager
    def batch(self, *, may_wait: bool = False) -> Iterator[None]:
        """What the calling thread sends inside goes out together at the end: each wake-up of the channel's thread costs
        the caller the interpreter lock. For a few messages of ours, never around code of the user.

        What ``may_wait`` goes out with what is sent next, or when the channel looks by itself (:meth:`look_soon`)."""
        self._batch_of = _get_ident()
        try:
            yield
        finally:
            self._batch_of = 0
            if not may_wait or self._looks_at < monotonic():
                self._wake()

    def look_soon(self) -> None:
        """Send what is there in 2 ms. For its own thread, before it passes something on that begins with a batch which
        may wait: a short cell has ended by then."""
        self._looks_at = monotonic() + _SOON_S
        self._timers.append((self._looks_at, _look))

    def call_later(self, seconds: float, function: Callable[[], None]) -> None:
        """Have the channel's thread call ``function()`` in ``seconds``."""
        self._timers.append((monotonic() + seconds, function))
        self._wake()

    def watch(self, descriptor: int, function: Callable[[], None]) -> None:
        """Have the channel's thread call ``function()`` when ``descriptor`` can be read; before :meth:`start`."""
        self._selector.register(descriptor, selectors.EVENT_READ, function)

    def wait_until_sent(self, timeout_s: float) -> bool:
        """Wait until all that was queued has been written to the socket."""
        deadline = monotonic() + timeout_s
        while self._queue or not self._out.is_empty:
            if monotonic() > deadline:
                return False
            self._is_idle.wait(_LOOK_S)
            self._is_idle.clear()
        return True

    def sync_files(self) -> None:
        """For its own thread: have the files of what was sent outlive a power cut."""
        self._out.sync_files()

    def _wake(self) -> None:
        if _getpid() != self._pid:
            return  # a process that the user has forked: nobody reads
        if self._is_woken:
            return
        self._is_woken = True
        try:
            _write(self._wake_write, b"\0")
        except BlockingIOError:
            return  # the pipe is full of wake-ups
        except BaseException:
            self._is_woken = False  # an interrupt came first, and nothing was written
            raise

    # --- its own thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        has_stumbled = False
        while True:
            try:
                if has_stumbled:  # what was read then is taken now
                    has_stumbled = False
                    self._read(again=True)
                self._turn()
            except Exception as error:  # noqa: BLE001  as with a mock of builtins.len, until it is put back
                has_stumbled = True
                self._peer.mend()
                log.debug("the channel could not do its work: %s", error)

    def _turn(self) -> None:
        now = monotonic()
        if self._socket is None and now >= self._next_try:
            self._connect()
        self._run_timers(now)
        if self._is_welcome:
            while self._queue:
                if not self._guarded(self._out.add, self._queue[0]) and self._peer.mend():
                    continue
                self._queue.popleft()  # only now: it is always seen in one place or the other
            self._flush()
        for key, events in self._selector.select(self._timeout()):
            if key.data is None:
                self._on_socket(events)
            else:
                self._guarded(key.data)

    @staticmethod
    def _guarded(function: Callable[..., None], *arguments: Any) -> bool:
        """Call it; what it raises must not end this thread, without which the worker is deaf. Whether it ended."""
        try:
            function(*arguments)
        except Exception:
            log.exception("the channel could not do one thing")
            return False
        return True

    def _timeout(self) -> float | None:
        moments = [moment for moment, _function in tuple(self._timers)]
        if self._socket is None:
            moments.append(self._next_try)
        if self._queue and self._is_welcome:
            return 0.0
        return max(0.0, min(moments) - monotonic()) if moments else None

    def _run_timers(self, now: float) -> None:
        for _ in range(len(self._timers)):
            moment, function = self._timers.popleft()
            if moment <= now:
                self._guarded(function)
            else:
                self._timers.append((moment, function))

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            _read(self._wake_read, _READ_BYTES)
        self._is_woken = False  # before the queue is looked at: what is put in from here on wakes again

    def _connect(self) -> None:
        sock = _Socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(self._locate())
            sock.sendall(b"".join(pack(self._peer.hello(self._out.last_acked))))
        except (OSError, EnvironmentFault) as error:
            log.debug("the coordinator cannot be reached: %s", error)
            sock.close()
            self._try_later()
            return
        sock.setblocking(False)
        self._socket, self._decoder, self._is_welcome = sock, Decoder(), False
        self._selector.register(sock, selectors.EVENT_READ, None)

    def _try_later(self) -> None:
        self._next_try = monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, _LAST_RETRY_S)

    def _lose(self) -> None:
        assert self._socket is not None
        self._selector.unregister(self._socket)
        self._socket.close()
        self._socket, self._is_welcome = None, False
        self._try_later()

    def _on_socket(self, events: int) -> None:
        if events & selectors.EVENT_READ:
            self._read()
        if events & selectors.EVENT_WRITE and self._is_welcome:
            self._flush()

    def _read(self, *, again: bool = False) -> None:
        if self._socket is None:
            return
        try:
            data = b"" if again else self._socket.recv(_READ_BYTES)
            if not data and not again:
                self._lose()
                return
            for body, buffers in self._decoder.feed(data):
                self._take(unpack(body, buffers))
        except BlockingIOError:
            return
        except (OSError, MalformedFrame) as error:
            log.warning("the connection to the coordinator is lost: %s", error)
            self._lose()

    def _take(self, message: Message) -> None:
        match message:
            case Acked(last=last):
                self._out.acknowledge(last)
                with self._room:
                    self._room.notify_all()
            case Welcome():
                self._is_welcome, self._retry_s = True, _FIRST_RETRY_S
                self._out.begin_again()
                if self._was_welcome:
                    self._peer.came_back()
                self._was_welcome = True
            case Refused(reason=reason):
                self._peer.refused(reason)
            case _:
                self._guarded(self._peer.received, message)

    def _flush(self) -> None:
        sock = self._socket
        if sock is None:
            return
        try:
            while not self._out.is_empty:
                self._out.sent(sock.sendmsg(self._out.next_bytes()))
        except BlockingIOError:
            self._selector.modify(sock, selectors.EVENT_READ | selectors.EVENT_WRITE, None)
            return
        except OSError:
            self._lose()
            return
        if self._selector.get_key(sock).events != selectors.EVENT_READ:
            self._selector.modify(sock, selectors.EVENT_READ, None)
        if not self._queue:
            self._is_idle.set()


def _look() -> None:
    """The channel's thread looks what there is to be sent whenever it has done something."""
