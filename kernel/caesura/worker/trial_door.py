"""How a worker asks the zygote that has forked it for another process of its kind, without the coordinator.

The zygote keeps one end of a pair of sockets, all its children inherit the other. Through it a child hands over a
connection, whose other end it keeps; the zygote forks a process for it and says on it what becomes of that.
"""

from __future__ import annotations

import array
import contextlib
import socket
from typing import Final

_CLOSE_ON_EXEC: Final = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_WORD: Final = b"trial"

_ends: list[socket.socket] = []
"""In a child of a zygote: the end into which it asks. In the zygote: that and its own."""


def open_door() -> None:
    """In a zygote, before it forks."""
    _ends[:] = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)


def zygotes_end() -> socket.socket:
    return _ends[1]


def leave() -> None:
    """In a new child of a zygote: others have to see when the zygote has gone."""
    _ends.pop().close()


def receive() -> socket.socket | None:
    """In the zygote: the connection of a child that asks."""
    number = array.array("i")
    with contextlib.suppress(OSError):
        _, found, _, _ = zygotes_end().recvmsg(len(_WORD), socket.CMSG_SPACE(number.itemsize), _CLOSE_ON_EXEC)
        for _, _, data in found:
            number.frombytes(data[: number.itemsize])
    if not number:
        return None
    connection = socket.socket(fileno=number[0])
    connection.set_inheritable(False)
    return connection


def is_open() -> bool:
    """Whether this process was forked by a zygote."""
    return bool(_ends)


def ask(connection: socket.socket) -> bool:
    """In a child: whether the zygote has been given ``connection``."""
    try:
        socket.send_fds(_ends[0], [_WORD], [connection.fileno()], socket.MSG_DONTWAIT)
    except OSError:
        return False  # it has gone, with the coordinator
    return True
