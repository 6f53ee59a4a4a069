"""A coordinator of a few lines: it listens for a home and says what a test tells it to."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from caesura import config
from caesura.client import ConnectionLost, Link
from caesura.wire import messages

Behaviour = Callable[[Link, messages.Hello], None]


def greet(link: Link, hello: messages.Hello) -> None:
    """Say welcome and hang up when the other side does."""
    link.send(messages.Welcome(pid=os.getpid()))


class FakeServer:
    """Runs ``behaviour(link, hello)`` for each connection; ``hellos`` are those that came."""

    def __init__(self, home: Path, behaviour: Behaviour = greet) -> None:
        self.home = home
        self.hellos: list[messages.Hello] = []
        self.links: list[Link] = []
        self._behaviour = behaviour
        config.make_private(home)
        config.make_private(config.run_directory(home))
        self.path = config.run_directory(home) / "coordinator.sock"
        self.path.unlink(missing_ok=True)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(self.path))
        self._listening.listen(64)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        config.write_connection(home, {"pid": os.getpid(), "socket": str(self.path), "protocol": 1, "version": "0"})

    def _accept(self) -> None:
        while True:
            try:
                connected, _ = self._listening.accept()
            except OSError:
                return
            link = Link(connected)
            self.links.append(link)
            thread = threading.Thread(target=self._serve, args=(link,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, link: Link) -> None:
        try:
            hello = link.receive(10)
            if isinstance(hello, messages.Hello):
                self.hellos.append(hello)
                self._behaviour(link, hello)
                while link.receive(10) is not None:
                    pass
        except (OSError, ValueError, ConnectionLost):
            pass
        link.close()

    def close(self) -> None:
        """Go away as a killed coordinator does: the file stays, nobody listens."""
        if self._listening.fileno() < 0:
            return
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for link in self.links:
            with suppress(OSError), socket.socket(fileno=os.dup(link.fileno())) as same:  # its thread may close it
                same.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)


@contextmanager
def fake_server(home: Path, behaviour: Behaviour = greet) -> Iterator[FakeServer]:
    server = FakeServer(home, behaviour)
    try:
        yield server
    finally:
        server.close()


def wait_until(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)
