"""Why a blocked session cannot be moved now, in words.

What lives here: the look at everything that is not an object of the session: descriptors that the loop watches,
threads, executor jobs, child processes, signal handlers, holds. What must not: what an object of the session is made
of; the snapshot finds that out by itself.
"""

from __future__ import annotations

import os
import selectors
import socket
import stat
from collections.abc import Iterable, Iterator
from typing import Any, cast

from caesura.model import Obstacle

_ADDRESS_FAMILIES = (socket.AF_INET, socket.AF_INET6)


def watched_descriptors(keys: Iterable[selectors.SelectorKey], transports: Iterable[object]) -> Iterator[Obstacle]:
    """One obstacle for each descriptor that the user's code has given to the loop, by itself or as a transport.

    ``keys`` are the entries of the loop's selector without the loop's own, ``transports`` its open transports (one
    that is paused is not in the selector).
    """
    known: set[int] = set()
    for transport in transports:
        if not cast("Any", transport).is_closing():
            found = cast("Any", transport).get_extra_info("socket")
            known.add(found.fileno() if found is not None else -1)
            yield Obstacle(_kind_of(found), detail=_peer(found), remedy="Close it before the wait.")
    for key in keys:
        if key.fd not in known:
            yield _descriptor(key)


def _descriptor(key: selectors.SelectorKey) -> Obstacle:
    remedy = "Close it, or take its reader off the loop, before the wait."
    if stat.S_ISSOCK(os.fstat(key.fd).st_mode):
        with socket.socket(fileno=os.dup(key.fd)) as sock:
            return Obstacle("socket", detail=_peer(sock), remedy=remedy)
    try:
        target = os.readlink(f"/proc/self/fd/{key.fd}")
    except OSError:
        target = ""
    return Obstacle("descriptor", detail=f"{key.fd} {target}".rstrip(), remedy=remedy)


def _kind_of(transport_socket: object) -> str:
    return "descriptor" if transport_socket is None else "socket"


def _peer(sock: Any) -> str:
    if sock is None:
        return "a transport of the loop"
    try:
        return f"connected to {_address(sock, sock.getpeername())}"
    except OSError:
        pass  # not connected
    try:
        return f"bound to {_address(sock, sock.getsockname())}"
    except OSError:
        return "not connected"


def _address(sock: Any, address: Any) -> str:
    if sock.family in _ADDRESS_FAMILIES:
        return f"{address[0]}:{address[1]}"
    return str(address) or "a socket pair"


def executor_jobs(count: int) -> Iterator[Obstacle]:
    """The obstacle of jobs that were handed to another thread and are awaited."""
    if count:
        jobs = "job" if count == 1 else "jobs"
        remedy = "It can be moved when they are done; @caesura.remote runs a function where it does not hold the cell."
        yield Obstacle(f"executor {jobs}", detail=f"{count} awaited", remedy=remedy)


def signal_handlers(handlers: Iterable[int]) -> Iterator[Obstacle]:
    """One obstacle for each signal that the loop handles for the user."""
    for number in handlers:
        yield Obstacle("signal handler", detail=f"of signal {number}", remedy="Take it off the loop before the wait.")


def holds(reasons: Iterable[str]) -> Iterator[Obstacle]:
    """One obstacle for each hold that is entered."""
    for reason in reasons:
        yield Obstacle("caesura.hold", detail=reason)
