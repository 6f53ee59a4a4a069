"""Where clients knock: the listening sockets of all notebooks of one coordinator.

What lives here: binding addresses that a connection file names; and one set of five ports for all notebooks whose
addresses the coordinator may choose. What must not: what is said over a connection.

A notebook whose connection file comes from its client has five listening sockets of its own. One that was opened by a
provisioner costs none: all of them share five ports, and each has an address of its own in 127.0.0.0/8, which Linux
routes to the loopback device as a whole. The address to which somebody connected says which notebook is meant. The
sockets are bound to the loopback device, so that nobody outside can reach them. Where that is not possible (another
system, a container that does not allow it) each notebook gets five free ports.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import random
import resource
import socket
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from caesura.errors import EnvironmentFault

log = logging.getLogger(__name__)

Json = dict[str, Any]

CHANNELS: Final = ("shell", "control", "stdin", "hb", "iopub")

_FILES: Final = 1 << 20
_BACKLOG: Final = 128
_SHARED_BACKLOG: Final = 4096
_SHARED_PATIENCE_S: Final = 30.0
"""For ports that all notebooks depend on, after a restart of the coordinator."""
_LOWEST_PORT: Final = 10_000
_TRIES: Final = 50
_CHOSEN: Final = range(64, 128)
"""The second numbers of addresses in 127.0.0.0/8 that are chosen here; four million of them."""


class Door(Protocol):
    """Who takes a connection in."""

    def knocked(self, channel: str, connected: socket.socket) -> None: ...


def raise_file_limit() -> int:
    """Let this process open as many files as the system allows; how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # macOS has a lower limit that it does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


class Listeners:
    """All listening sockets of one coordinator. Everything runs on the loop that is running when it is made."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._own: dict[Door, list[socket.socket]] = {}
        self._shared: dict[tuple[int, ...], dict[str, Door]] = {}  # ports → address → notebook
        self._sockets: list[socket.socket] = []  # of the shared ports
        self._sharing = asyncio.Lock()
        self._can_share = hasattr(socket, "SO_BINDTODEVICE") and sys.platform == "linux"

    async def open(self, connection: Json, door: Door, patience_s: float) -> Json:
        """Listen where ``connection`` says, or, if all its ports are 0, wherever this machine has room; the connection
        with what was chosen. A port still in use is tried for ``patience_s``; EnvironmentFault names it after that."""
        ports = [connection.get(f"{channel}_port") for channel in CHANNELS]
        is_open = not any(ports)
        host = _checked(connection, is_open=is_open)
        if connection.get("transport", "tcp") == "ipc":
            return await self._open_paths(dict(connection), door, host, patience_s)
        if self._can_share and is_open and host.startswith("127.") and await self._share(patience_s) is not None:
            return self._place(connection, door)
        if self._can_share and not is_open and _is_chosen(host):
            known = tuple(int(port or 0) for port in ports)
            if await self._share(_SHARED_PATIENCE_S, known) is not None:
                self._shared[known][host] = door
                return dict(connection)
        return await self._open_ports(dict(connection), door, host, patience_s)

    def close(self, door: Door) -> None:
        """Nobody can knock there any more."""
        for made in self._own.pop(door, ()):
            self._forget(made)
        for addresses in self._shared.values():
            for address in [address for address, known in addresses.items() if known is door]:
                del addresses[address]

    def close_all(self) -> None:
        """At the end of the coordinator."""
        for door in list(self._own):
            self.close(door)
        for made in self._sockets:
            self._forget(made)
        self._sockets.clear()
        self._shared.clear()

    def _forget(self, made: socket.socket) -> None:
        self._loop.remove_reader(made.fileno())
        if made.family == socket.AF_UNIX:
            with contextlib.suppress(OSError):
                os.unlink(made.getsockname())
        made.close()

    # --- sockets of one notebook alone ------------------------------------------------------------------------------

    async def _open_ports(self, connection: Json, door: Door, host: str, patience_s: float) -> Json:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        if host == "*":
            host = ""
        for channel in CHANNELS:
            port = int(connection[f"{channel}_port"] or 0)
            made = await self._bound(family, (host, port), channel, patience_s, door)
            connection[f"{channel}_port"] = made.getsockname()[1]
            self._listen(made, door, channel)
        return connection

    async def _open_paths(self, connection: Json, door: Door, base: str, patience_s: float) -> Json:
        free = _free_numbers(base)
        for channel in CHANNELS:
            port = connection[f"{channel}_port"] = connection.get(f"{channel}_port") or next(free)
            path = f"{base}-{port}"
            _remove_socket(path)
            made = await self._bound(socket.AF_UNIX, path, channel, patience_s, door)
            self._listen(made, door, channel)
        return connection

    async def _bound(self, family: int, address: Any, channel: str, patience_s: float, door: Door) -> socket.socket:
        try:
            return await self._bound_in_time(family, address, patience_s)
        except OSError as error:
            self.close(door)
            where = address if isinstance(address, str) else f"{address[0]}:{address[1]}"
            raise EnvironmentFault(
                f"The notebook's {channel} port cannot be bound at {where}: {os.strerror(error.errno or 0)}. "
                "Restart the kernel, so that it gets other ports."
            ) from error
        except BaseException:
            self.close(door)
            raise

    async def _bound_in_time(self, family: int, address: Any, patience_s: float, device: str = "") -> socket.socket:
        until = self._loop.time() + patience_s
        while True:
            try:
                return _listening(family, address, device)
            except OSError as error:
                if error.errno != errno.EADDRINUSE or self._loop.time() >= until:
                    raise
            await asyncio.sleep(0.05)

    def _listen(self, made: socket.socket, door: Door, channel: str) -> None:
        self._own.setdefault(door, []).append(made)
        self._loop.add_reader(made.fileno(), self._accept, made, lambda _: door, channel)

    # --- shared ports -----------------------------------------------------------------------------------------------

    async def _share(self, patience_s: float, known: tuple[int, ...] = ()) -> tuple[int, ...] | None:
        """The shared ports, bound: ``known``, or any. None if this system does not let us."""
        async with self._sharing:  # several notebooks may come back at once
            return await self._share_now(patience_s, known)

    async def _share_now(self, patience_s: float, known: tuple[int, ...]) -> tuple[int, ...] | None:
        if known in self._shared or (not known and self._shared):
            return known or next(reversed(self._shared))
        made: list[socket.socket] = []
        try:
            for number in range(len(CHANNELS)):
                made.append(await self._one_shared(known[number] if known else 0, patience_s))
        except OSError as error:
            for each in made:
                each.close()
            if known:
                raise EnvironmentFault(
                    f"The ports {', '.join(map(str, known))} of this home's notebooks cannot be bound: "
                    f"{os.strerror(error.errno or 0)}. Restart the kernel, so that it gets other ports."
                ) from error
            log.info("each notebook gets ports of its own: %s", error)
            self._can_share = False
            return None
        ports = tuple(int(each.getsockname()[1]) for each in made)
        addresses = self._shared.setdefault(ports, {})
        for each, channel in zip(made, CHANNELS, strict=True):
            self._loop.add_reader(each.fileno(), self._accept, each, addresses.get, channel)
        self._sockets += made
        return ports

    async def _one_shared(self, port: int, patience_s: float) -> socket.socket:
        """Bound at ``port``, or at a free one that the system gives to nobody by itself."""
        if port:
            return await self._bound_in_time(socket.AF_INET, ("", port), patience_s, "lo")
        highest = _lowest_ephemeral() - 1
        for _ in range(_TRIES):
            with contextlib.suppress(OSError):
                return _listening(socket.AF_INET, ("", random.randint(_LOWEST_PORT, highest)), "lo")  # noqa: S311
        return _listening(socket.AF_INET, ("", 0), "lo")

    def _place(self, connection: Mapping[str, Any], door: Door) -> Json:
        """An address for ``door`` at the shared ports."""
        ports, addresses = next(reversed(self._shared.items()))
        while True:
            numbers = random.choice(_CHOSEN), random.randint(0, 255), random.randint(1, 254)  # noqa: S311
            address = "127.{}.{}.{}".format(*numbers)
            if address not in addresses:
                break
        addresses[address] = door
        chosen = {f"{channel}_port": port for channel, port in zip(CHANNELS, ports, strict=True)}
        return {**connection, "ip": address, **chosen}

    # --- who comes --------------------------------------------------------------------------------------------------

    def _accept(self, made: socket.socket, find: Callable[[str], Door | None], channel: str) -> None:
        while True:
            try:
                connected, _ = made.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
                log.error("a client could not connect: %s. Raise the limit of open files (ulimit -n).", error.strerror)
                self._loop.remove_reader(made.fileno())
                self._loop.call_later(1.0, self._accept_again, made, find, channel)
                return
            door = find(connected.getsockname()[0]) if connected.family == socket.AF_INET else find("")
            if door is None:
                connected.close()
            else:
                door.knocked(channel, connected)

    def _accept_again(self, made: socket.socket, find: Callable[[str], Door | None], channel: str) -> None:
        if made.fileno() >= 0:
            self._loop.add_reader(made.fileno(), self._accept, made, find, channel)


def _listening(family: int, address: Any, device: str) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        if family != socket.AF_UNIX:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if device:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        made.bind(address)
        made.listen(_SHARED_BACKLOG if device else _BACKLOG)
    except BaseException:
        made.close()
        raise
    return made


def _free_numbers(base: str) -> Iterator[int]:
    """What stands for ports in the names of files that are not there."""
    return (number for number in range(1, 1 << 16) if not os.path.exists(f"{base}-{number}"))


def _remove_socket(path: str) -> None:
    """One that an earlier coordinator left behind."""
    with contextlib.suppress(OSError):
        if stat.S_ISSOCK(os.stat(path).st_mode):
            os.unlink(path)


def _lowest_ephemeral() -> int:
    """Where the ports begin that the system hands out by itself."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        return 32_768


def _is_chosen(host: str) -> bool:
    """Whether it is an address as we choose them for notebooks at shared ports."""
    numbers = host.split(".")
    return len(numbers) == 4 and numbers[0] == "127" and numbers[1].isdigit() and int(numbers[1]) in _CHOSEN


def _checked(connection: Mapping[str, Any], *, is_open: bool) -> str:
    """Its host; EnvironmentFault if the connection file does not say where to listen."""
    host = connection.get("ip")
    for channel in CHANNELS:
        port = connection.get(f"{channel}_port")
        if not isinstance(port, int) or not (port or is_open) or not isinstance(host, str):
            raise EnvironmentFault(f"The connection file names no {channel}_port or no ip.")
    return str(host)
