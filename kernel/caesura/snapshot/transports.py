"""Transports of asyncio that are closed, and processes that have ended: they stay in variables long after they were of
use, and hold nothing of the system any more."""

from __future__ import annotations

import asyncio.trsock
from typing import Any

from caesura.errors import CannotMove
from caesura.snapshot.reducing import Pickling, Reduced

_CLOSE = "Close it before the await and open it again after it, or tell caesura.reopen() how it is made."
_FINISH = "Close it and let it finish before the await (await writer.wait_closed())."
_READ = "Read its output to the end before the await (await process.communicate())."


def reduce_transport(pickler: Pickling, transport: Any) -> Reduced:
    """One that has told its protocol that the connection is gone, and let go of its loop."""
    if getattr(transport, "_loop", None) is not None or not _is_closing(transport):
        remedy = _FINISH if _is_closing(transport) else _CLOSE
        raise CannotMove(_name(transport), remedy=remedy)
    reduced: Reduced = object.__reduce_ex__(transport, 2)
    return reduced


def _is_closing(transport: Any) -> bool:
    try:
        return bool(transport.is_closing())
    except NotImplementedError:  # as the base class has it
        return False


def reduce_transport_socket(pickler: Pickling, socket: Any) -> Reduced:
    """What a transport shows of its socket, which says itself whether it is closed."""
    return asyncio.trsock.TransportSocket, (socket._sock,)


def reduce_process(pickler: Pickling, process: Any) -> Reduced:
    """One that has ended, and whose output was read."""
    if process.returncode is None:
        raise CannotMove(_name(process), remedy="Wait for the process before the await.")
    if process._transport._loop is not None:
        raise CannotMove(_name(process), remedy=_READ)
    reduced: Reduced = object.__reduce_ex__(process, 2)
    return reduced


def _name(obj: object) -> str:
    return f"{type(obj).__module__}.{type(obj).__qualname__}"
