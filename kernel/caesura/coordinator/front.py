"""The Jupyter side of one notebook: five ZeroMQ sockets, bound for as long as the notebook's kernel exists.

What lives here: binding, signatures, the heartbeat, the welcome of iopub's subscribers, and sending in order to clients
that may have to reconnect first. What must not: what a message means.

The sockets are plain ones whose descriptors the loop watches; ``zmq.asyncio`` costs a future and two turns of the loop
for each message. Such a descriptor tells only of *changes*: after each read and each send the socket has to be asked
again whether something has come (https://libzmq.readthedocs.io/en/latest/zmq_getsockopt.html, ZMQ_FD).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hmac
import json
import logging
import resource
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import zmq

from caesura.coordinator.signing import DELIM, Envelope, pack
from caesura.errors import EnvironmentFault

log = logging.getLogger(__name__)

Json = dict[str, Any]
OnMessage = Callable[[str, list[bytes], Json, list[bytes]], None]

ROUTERS: Final = ("shell", "control", "stdin", "hb")
CHANNELS: Final = (*ROUTERS, "iopub")

_SOCKETS = 16_384  # five a notebook; libzmq allows 1023 unless told otherwise
_FILES = 65_536
_LINGER_MS = 1000
_IOPUB_QUEUE = 100_000  # messages to one slow subscriber; libzmq drops silently beyond it, its default is 1000
_BATCH = 64  # messages of one socket before another has its turn
_RETRY_S = 0.02
_RECENT = 65_536  # signatures remembered against replays
_SETTLE_S = 0.3  # clients reconnect within 100 to 200 ms of each other


def make_context() -> zmq.Context[zmq.Socket[bytes]]:
    """A context for the fronts of some thousand notebooks; raises this process's limit of open files as well."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.set(zmq.MAX_SOCKETS, min(_SOCKETS, int(context.get(zmq.SOCKET_LIMIT))))
    return context


@dataclass(slots=True)
class _Waiting:
    """A message to a client that is not connected."""

    until: float
    parts: list[bytes]


class Front:
    """One notebook's sockets. Make it with :meth:`bind`; everything runs on the loop that bound it.

    ``grace_s`` is for how long a message to a client that is not connected is tried again: after a restart of the
    coordinator clients need some 200 ms to come back. Messages to one client keep their order.
    """

    grace_s: float = 5.0

    def __init__(self, connection: Json, session_id: str, on_message: OnMessage) -> None:
        self.connection = connection
        self.session_id = session_id
        self._is_open = not any(connection.get(f"{each}_port") for each in CHANNELS)  # the system chooses the ports
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        self._sockets: dict[str, zmq.Socket[bytes]] = {}
        scheme = connection.get("signature_scheme") or "hmac-sha256"
        self._envelope = Envelope(str(connection.get("key", "")), scheme, session_id)
        self._seen: dict[bytes, None] = {}
        self._waiting: dict[tuple[str, bytes], deque[_Waiting]] = {}
        self._retry: asyncio.TimerHandle | None = None
        self._held: deque[list[bytes]] | None = None
        self._release: asyncio.TimerHandle | None = None
        self._subscribers = 0

    @classmethod
    async def bind(
        cls,
        context: zmq.Context[zmq.Socket[bytes]],
        connection: Mapping[str, Any],
        on_message: OnMessage,
        *,
        session_id: str = "",
        patience_s: float = 5.0,
    ) -> Front:
        """The sockets of the connection file's content ``connection``, bound.

        ``on_message(channel, idents, header, frames)`` gets every message with a right signature, once; ``frames`` are
        header, parent header, metadata, content and buffers. A port still in use is tried for ``patience_s``;
        EnvironmentFault names it after that.
        """
        front = cls(dict(connection), session_id or uuid.uuid4().hex, on_message)
        until = front._loop.time() + patience_s
        try:
            for channel in CHANNELS:
                await front._bind(context, channel, until)
        except BaseException:
            await front.close()
            raise
        for channel in CHANNELS:
            front._watch(channel)
        return front

    async def _bind(self, context: zmq.Context[zmq.Socket[bytes]], channel: str, until: float) -> None:
        socket = context.socket(zmq.XPUB if channel == "iopub" else zmq.ROUTER)
        self._sockets[channel] = socket
        socket.linger = _LINGER_MS
        if channel == "iopub":
            socket.set(zmq.XPUB_VERBOSER, 1)  # each subscription is welcomed, each unsubscription counted
            socket.set(zmq.SNDHWM, _IOPUB_QUEUE)
        else:
            socket.set(zmq.ROUTER_HANDOVER, 1)
            socket.set(zmq.ROUTER_MANDATORY, 0 if channel == "hb" else 1)
        address = _address(self.connection, channel, is_open=self._is_open)
        while True:
            try:
                socket.bind(address)
                if self.connection.get(f"{channel}_port") == 0:
                    self.connection[f"{channel}_port"] = _port_of(socket)
                return
            except zmq.ZMQError as error:
                if error.errno != errno.EADDRINUSE or self._loop.time() >= until:
                    reason = zmq.strerror(error.errno or 0)
                    raise EnvironmentFault(
                        f"The notebook's {channel} port cannot be bound at {address}: {reason}. "
                        "Restart the kernel, so that it gets other ports."
                    ) from error
            await asyncio.sleep(0.05)

    def _watch(self, channel: str) -> None:
        socket = self._sockets[channel]
        self._loop.add_reader(socket.fileno(), self._readable, channel)
        self._loop.call_soon(self._readable, channel)

    # --- receiving --------------------------------------------------------------------------------------------------

    def _readable(self, channel: str) -> None:
        socket = self._sockets.get(channel)
        for _ in range(_BATCH):
            if socket is None or socket.closed:
                return
            try:
                parts = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._take(channel, socket, parts)
        self._loop.call_soon(self._readable, channel)

    def _ask_again(self, channel: str) -> None:
        """A send may have used up the signal that something can be read."""
        if int(self._sockets[channel].get(zmq.EVENTS)) & zmq.POLLIN:
            self._loop.call_soon(self._readable, channel)

    def _take(self, channel: str, socket: zmq.Socket[bytes], parts: list[bytes]) -> None:
        if channel == "hb":
            with contextlib.suppress(zmq.Again):  # a client that does not read its heartbeat has no use for it
                socket.send_multipart(parts, zmq.NOBLOCK)
        elif channel == "iopub":
            self._subscription(parts[0])
        else:
            try:
                idents, header, frames = self._checked(parts)
            except ValueError as error:
                log.warning("a message on %s was dropped: %s", channel, error)
                return
            self._on_message(channel, idents, header, frames)

    def _checked(self, parts: list[bytes]) -> tuple[list[bytes], Json, list[bytes]]:
        """(identities, header, frames) of a message; ValueError if it is malformed, not signed, or not new."""
        if DELIM not in parts:
            raise ValueError("it has no delimiter")
        at = parts.index(DELIM)
        idents, signature, frames = parts[:at], parts[at + 1 : at + 2], parts[at + 2 :]
        if len(frames) < 4 or not idents:
            raise ValueError("it is too short")
        if self._envelope.is_signed:
            if not hmac.compare_digest(signature[0], self._envelope.sign(frames[:4])):
                raise ValueError("its signature is wrong")
            if signature[0] in self._seen:
                raise ValueError("its signature was used before")
            self._seen[signature[0]] = None
            if len(self._seen) > _RECENT:
                del self._seen[next(iter(self._seen))]
        header = json.loads(frames[0])
        if not isinstance(header, dict) or not isinstance(header.get("msg_type"), str) or "msg_id" not in header:
            raise ValueError("its header is not one")
        return idents, header, frames

    # --- sending ----------------------------------------------------------------------------------------------------

    def send(self, channel: str, idents: Sequence[bytes], frames: Sequence[bytes]) -> None:
        """Sign ``frames`` (header, parent header, metadata, content, buffers) and send them.

        ``idents`` are the client's identities, or on iopub the topic. Returns at once; nothing is sent after
        :meth:`close`.
        """
        parts = [*idents, DELIM, self._envelope.sign(list(frames[:4])), *frames]
        if channel not in self._sockets:
            return
        if channel == "iopub":
            if self._held is not None:
                self._held.append(parts)
            else:
                self._sockets[channel].send_multipart(parts, zmq.NOBLOCK)
                self._ask_again(channel)
            return
        key = (channel, parts[0])
        if key in self._waiting:
            self._waiting[key].append(_Waiting(self._loop.time() + self.grace_s, parts))
        elif not self._send_now(channel, parts):
            self._waiting[key] = deque([_Waiting(self._loop.time() + self.grace_s, parts)])
            self._retry_later()

    def publish(
        self,
        msg_type: str,
        content: Mapping[str, Any],
        parent: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Send a message of our own on iopub; ``parent`` is the header that it belongs to, or empty."""
        topic = f"kernel.{self.session_id}.{msg_type}".encode()
        self.send("iopub", [topic], self.frames(msg_type, content, parent, metadata or {}))

    def reply(
        self,
        channel: str,
        idents: Sequence[bytes],
        msg_type: str,
        content: Mapping[str, Any],
        parent: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Send a message of our own to the client ``idents``; ``parent`` is the header of its request."""
        self.send(channel, idents, self.frames(msg_type, content, parent, metadata or {}))

    def frames(
        self, msg_type: str, content: Mapping[str, Any], parent: Mapping[str, Any], metadata: Mapping[str, Any]
    ) -> list[bytes]:
        """Header, parent header, metadata and content of a new message of this kernel, packed."""
        return [pack(self._envelope.header(msg_type)), pack(parent), pack(metadata), pack(content)]

    def _send_now(self, channel: str, parts: list[bytes]) -> bool:
        """Whether the message was taken; False if its client is not connected or does not read."""
        try:
            self._sockets[channel].send_multipart(parts, zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno not in (errno.EHOSTUNREACH, errno.EAGAIN):
                raise
            return False
        finally:
            self._ask_again(channel)
        return True

    @property
    def waiting(self) -> int:
        """The number of clients that messages wait for."""
        return len(self._waiting)

    def _retry_later(self) -> None:
        if self._retry is None:
            self._retry = self._loop.call_later(_RETRY_S, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        now = self._loop.time()
        for key, queue in list(self._waiting.items()):
            while queue and self._send_now(key[0], queue[0].parts):
                queue.popleft()
            while queue and queue[0].until <= now:
                queue.popleft()
                log.info("a message on %s was dropped: its client did not come back in %g s", key[0], self.grace_s)
            if not queue:
                del self._waiting[key]
        if self._waiting:
            self._retry_later()

    # --- iopub's subscribers ----------------------------------------------------------------------------------------

    def _subscription(self, frame: bytes) -> None:
        begins, topic = frame[:1] == b"\x01", frame[1:]
        if not begins:
            self._subscribers -= 1
            return
        self._subscribers += 1
        content = {"subscription": topic.decode("utf-8", "replace")}
        welcome = self.frames("iopub_welcome", content, {}, {})
        parts = [topic or b"iopub_welcome", DELIM, self._envelope.sign(welcome), *welcome]
        self._sockets["iopub"].send_multipart(parts, zmq.NOBLOCK)
        if self._held is not None and self._subscribers == 1:
            self._release_in(_SETTLE_S)

    def hold_iopub(self, seconds: float) -> None:
        """Keep what goes out on iopub until a subscriber is there (and its companions had 0.3 s to come as well), or
        for ``seconds``: for the time after a restart of the coordinator."""
        if self._held is None:
            self._held = deque()
        self._release_in(min(seconds, _SETTLE_S) if self._subscribers else seconds)

    def _release_in(self, seconds: float) -> None:
        due = self._loop.time() + seconds
        if self._release is not None:
            due = min(due, self._release.when())
            self._release.cancel()
        self._release = self._loop.call_at(due, self._release_held)

    def _release_held(self) -> None:
        held, self._held = self._held, None
        self._release = None
        for parts in held or ():
            self._sockets["iopub"].send_multipart(parts, zmq.NOBLOCK)
        self._ask_again("iopub")

    async def close(self) -> None:
        """Send what is held, then close the sockets. What libzmq has taken is still delivered (for up to 1 s)."""
        if self._release is not None:
            self._release.cancel()
            self._release_held()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._waiting.clear()
        for socket in self._sockets.values():
            self._loop.remove_reader(socket.fileno())
            socket.close(linger=_LINGER_MS)
        self._sockets.clear()


def _port_of(socket: zmq.Socket[bytes]) -> int:
    endpoint = bytes(socket.get(zmq.LAST_ENDPOINT))
    return int(endpoint.rpartition(b":")[2].rstrip(b"\0"))


def _address(connection: Mapping[str, Any], channel: str, *, is_open: bool) -> str:
    """The ZeroMQ address of a channel; EnvironmentFault if the connection file does not say it."""
    port = connection.get(f"{channel}_port")
    host = connection.get("ip")
    if not isinstance(port, int) or not (port or is_open) or not isinstance(host, str):
        raise EnvironmentFault(f"The connection file names no {channel}_port or no ip.")
    transport = connection.get("transport", "tcp")
    if transport == "ipc":
        return f"ipc://{host}-{port}"
    return f"tcp://{host if ':' not in host else f'[{host}]'}:{port}"
