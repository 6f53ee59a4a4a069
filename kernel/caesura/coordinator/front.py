"""The Jupyter side of one notebook: its five addresses, for as long as the notebook's kernel exists.

What lives here: signatures, the heartbeat, the welcome of iopub's subscribers, and sending in order to clients that may
have to reconnect first. What must not: what a message means; bytes on the wire (``zmtp.py``, ``peers.py``), listening
(``listeners.py``).
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import socket
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from caesura.coordinator import zmtp
from caesura.coordinator.listeners import Listeners
from caesura.coordinator.peers import Peer
from caesura.coordinator.signing import DELIM, Envelope, pack
from caesura.wire.codec import Buffer

log = logging.getLogger(__name__)

Json = dict[str, Any]
OnMessage = Callable[[str, list[bytes], Json, list[bytes]], None]

_LINGER_S: Final = 1.0
_IOPUB_QUEUE: Final = 100_000  # messages to one slow subscriber
_REPLY_QUEUE: Final = 1000
_RETRY_S: Final = 0.02
_RECENT: Final = 65_536  # signatures remembered against replays
_SETTLE_S: Final = 0.3  # clients reconnect within 100 to 200 ms of each other


@dataclass(slots=True)
class _Waiting:
    """A message to a client that is not connected."""

    until: float
    parts: list[Buffer]


class Front:
    """One notebook's addresses and clients. Make it with :meth:`bind`; everything runs on the loop that bound it.

    ``grace_s`` is for how long a message to a client that is not connected is tried again: after a restart of the
    coordinator clients need some 200 ms to come back. Messages to one client keep their order.
    """

    grace_s: float = 5.0

    def __init__(self, listeners: Listeners, connection: Json, session_id: str, on_message: OnMessage) -> None:
        self.connection = connection
        self.session_id = session_id
        self._listeners = listeners
        self._on_message = on_message
        self._loop = asyncio.get_running_loop()
        scheme = connection.get("signature_scheme") or "hmac-sha256"
        self._envelope = Envelope(str(connection.get("key", "")), scheme, session_id)
        self._is_open = True
        self._peers: set[Peer] = set()
        self._routes: dict[tuple[str, bytes], Peer] = {}
        self._subscribed: list[Peer] = []
        self._seen: dict[int, None] = {}
        self._waiting: dict[tuple[str, bytes], deque[_Waiting]] = {}
        self._retry: asyncio.TimerHandle | None = None
        self._held: deque[list[Buffer]] | None = None
        self._release: asyncio.TimerHandle | None = None

    @classmethod
    async def bind(
        cls,
        listeners: Listeners,
        connection: Mapping[str, Any],
        on_message: OnMessage,
        *,
        session_id: str = "",
        patience_s: float = 5.0,
    ) -> Front:
        """Listen at the addresses of the connection file's content ``connection``; where its ports are 0, anywhere:
        ``connection`` of the result says it.

        ``on_message(channel, idents, header, frames)`` gets every message with a right signature, once; ``frames`` are
        header, parent header, metadata, content and buffers. A port still in use is tried for ``patience_s``;
        EnvironmentFault names it after that.
        """
        front = cls(listeners, dict(connection), session_id or uuid.uuid4().hex, on_message)
        front.connection = await listeners.open(front.connection, front, patience_s)
        return front

    # --- clients ----------------------------------------------------------------------------------------------------

    def knocked(self, channel: str, connected: socket.socket) -> None:
        """Somebody has connected."""
        self._peers.add(Peer(self, channel, connected))

    def peer_is_ready(self, peer: Peer) -> None:
        if peer.channel == "iopub":
            self._subscribed.append(peer)
        elif peer.channel != "hb":
            self._routes[peer.channel, peer.identity] = peer

    def peer_is_gone(self, peer: Peer) -> None:
        self._peers.discard(peer)
        if self._routes.get((peer.channel, peer.identity)) is peer:
            del self._routes[peer.channel, peer.identity]
        elif peer in self._subscribed:
            self._subscribed.remove(peer)

    # --- receiving --------------------------------------------------------------------------------------------------

    def peer_said(self, peer: Peer, parts: list[bytes]) -> None:
        channel = peer.channel
        if not self._is_open:
            return
        if channel == "hb":
            peer.send(zmtp.encode(parts))
        elif channel == "iopub":
            self._subscription(peer, parts[0])
        else:
            # Where two connections have one identity, who asked last is answered.
            self._routes[channel, peer.identity] = peer
            try:
                idents, header, frames = self._checked([peer.identity, *parts])
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
            mark = int(signature[0][:16], 16)
            if mark in self._seen:
                raise ValueError("its signature was used before")
            self._seen[mark] = None
            if len(self._seen) > _RECENT:
                del self._seen[next(iter(self._seen))]
        header = json.loads(frames[0])
        if not isinstance(header, dict) or not isinstance(header.get("msg_type"), str) or "msg_id" not in header:
            raise ValueError("its header is not one")
        return idents, header, frames

    # --- sending ----------------------------------------------------------------------------------------------------

    def send(self, channel: str, idents: Sequence[bytes], frames: Sequence[Buffer]) -> None:
        """Sign ``frames`` (header, parent header, metadata, content, buffers) and send them.

        ``idents`` are the client's identities, or on iopub the topic. Returns at once; nothing is sent after
        :meth:`close`.
        """
        if not self._is_open or (channel == "iopub" and not self._is_heard):
            return
        parts: list[Buffer] = [*idents, DELIM, self._envelope.sign(frames[:4]), *frames]
        if channel == "iopub":
            if self._held is not None:
                self._held.append(parts)
            else:
                self._broadcast(parts)
            return
        key = (channel, idents[0])
        if key in self._waiting:
            self._waiting[key].append(_Waiting(self._loop.time() + self.grace_s, parts))
        elif not self._send_now(key, parts):
            self._waiting[key] = deque([_Waiting(self._loop.time() + self.grace_s, parts)])
            self._retry_later()

    @property
    def _is_heard(self) -> bool:
        """Whether somebody gets what goes out on iopub. Of thousands of notebooks that wait, few are looked at."""
        return bool(self._subscribed) or self._held is not None

    def _broadcast(self, parts: list[Buffer]) -> None:
        """To who has subscribed to its topic."""
        pieces: list[Buffer] = []
        subject = bytes(parts[0])
        for peer in self._subscribed:
            if not any(subject.startswith(topic) for topic in peer.topics):
                continue
            if peer.waiting >= _IOPUB_QUEUE:
                log.warning("outputs are dropped for a client that does not read them")
                continue
            pieces = pieces or zmtp.encode(parts)
            peer.send(pieces)

    def publish(
        self,
        msg_type: str,
        content: Mapping[str, Any],
        parent: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Send a message of our own on iopub; ``parent`` is the header that it belongs to, or empty."""
        if not self._is_heard:
            return
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

    def _send_now(self, key: tuple[str, bytes], parts: list[Buffer]) -> bool:
        """Whether the message was taken; False if its client is not connected or does not read."""
        peer = self._routes.get(key)
        if peer is None or peer.waiting >= _REPLY_QUEUE:
            return False
        peer.send(zmtp.encode(parts[1:]))
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
            while queue and self._send_now(key, queue[0].parts):
                queue.popleft()
            while queue and queue[0].until <= now:
                queue.popleft()
                log.info("a message on %s was dropped: its client did not come back in %g s", key[0], self.grace_s)
            if not queue:
                del self._waiting[key]
        if self._waiting:
            self._retry_later()

    # --- iopub's subscribers ----------------------------------------------------------------------------------------

    def _subscription(self, peer: Peer, frame: bytes) -> None:
        kind, topic = frame[:1], frame[1:]
        if kind == b"\0" and topic in peer.topics:
            remaining = list(peer.topics)
            remaining.remove(topic)
            peer.topics = tuple(remaining)
        if kind != b"\1":
            return
        peer.topics += (topic,)
        content = {"subscription": topic.decode("utf-8", "replace")}
        welcome = self.frames("iopub_welcome", content, {}, {})
        peer.send(zmtp.encode([topic or b"iopub_welcome", DELIM, self._envelope.sign(welcome), *welcome]))
        if self._held is not None:
            self._release_in(_SETTLE_S)

    @property
    def _has_subscribers(self) -> bool:
        return any(peer.topics for peer in self._subscribed)

    def hold_iopub(self, seconds: float) -> None:
        """Keep what goes out on iopub until a subscriber is there (and its companions had 0.3 s to come as well), or
        for ``seconds``: for the time after a restart of the coordinator."""
        if self._held is None:
            self._held = deque()
        self._release_in(min(seconds, _SETTLE_S) if self._has_subscribers else seconds)

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
            self._broadcast(parts)

    async def close(self) -> None:
        """Send what is held, then close. What clients have not read yet is still delivered, for up to 1 s."""
        if self._release is not None:
            self._release.cancel()
            self._release_held()
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        self._is_open = False
        self._waiting.clear()
        self._listeners.close(self)
        closing = [future for peer in list(self._peers) if (future := peer.finish()) is not None]
        if closing:
            await asyncio.wait(closing, timeout=_LINGER_S)
        for peer in list(self._peers):
            peer.close()
