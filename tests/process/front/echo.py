"""A core that echoes: a Front on a loop of its own thread, which answers requests without running anything."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import uuid
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from jupyter_client import BlockingKernelClient

from caesura.coordinator.front import Front
from caesura.coordinator.listeners import Listeners

T = TypeVar("T")


def free_connection(**changes: Any) -> dict[str, Any]:
    """A connection dict with five ports that were free a moment ago."""
    holders = [socket.create_server(("127.0.0.1", 0)) for _ in range(5)]
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    names = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
    connection = dict(zip(names, ports, strict=True))
    key = uuid.uuid4().hex
    return {
        **connection,
        "ip": "127.0.0.1",
        "transport": "tcp",
        "key": key,
        "signature_scheme": "hmac-sha256",
        **changes,
    }


class EchoCore:
    """Answers kernel_info at once and an execute request with its code as a stream; keeps what it saw in ``seen``."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.seen: list[tuple[str, str]] = []
        self.fronts: list[Front] = []
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.listeners = self.run(self._make_listeners())

    async def _make_listeners(self) -> Listeners:
        return Listeners()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    async def bind(self, connection: dict[str, Any], **options: Any) -> Front:
        front = await Front.bind(self.listeners, connection, lambda *message: self.answer(front, *message), **options)
        self.fronts.append(front)
        return front

    def answer(
        self, front: Front, channel: str, idents: list[bytes], header: dict[str, Any], frames: list[bytes]
    ) -> None:
        kind = header["msg_type"]
        self.seen.append((channel, kind))
        front.publish("status", {"execution_state": "busy"}, header)
        if kind == "kernel_info_request":
            content: dict[str, Any] = {"status": "ok", "protocol_version": "5.3", "implementation": "echo"}
        else:
            content = {"status": "ok", "execution_count": 1}
        if kind == "execute_request":
            front.publish("stream", {"name": "stdout", "text": json.loads(frames[3])["code"]}, header)
        front.reply(channel, idents, kind.replace("_request", "_reply"), content, header)
        front.publish("status", {"execution_state": "idle"}, header)

    def close(self) -> None:
        for front in self.fronts:
            self.run(front.close())
        self.loop.call_soon_threadsafe(self.listeners.close_all)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


@contextmanager
def echo_core() -> Iterator[EchoCore]:
    core = EchoCore()
    try:
        yield core
    finally:
        core.close()


@contextmanager
def client_of(connection: dict[str, Any]) -> Iterator[BlockingKernelClient]:
    client = BlockingKernelClient()
    client.load_connection_info({**connection, "key": connection["key"].encode()})
    client.start_channels()
    try:
        yield client
    finally:
        client.stop_channels()
        client.context.destroy(linger=0)
