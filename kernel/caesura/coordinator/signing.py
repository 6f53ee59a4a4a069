"""The envelope of the Jupyter protocol: signatures, and headers of messages of our own.

https://jupyter-client.readthedocs.io/en/stable/messaging.html, "The wire protocol". ``jupyter_client.session`` does the
same, but brings all clients with it, for which the first kernel of a home would wait, and turns dates into objects.
"""

from __future__ import annotations

import datetime
import hmac
import itertools
import json
import os
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final

from caesura.errors import EnvironmentFault
from caesura.wire.codec import Buffer

DELIM: Final = b"<IDS|MSG>"
_PROTOCOL: Final = "5.4"


class Envelope:
    """For one kernel: ``session_id`` stands in its headers, ``key`` signs (an empty one: nothing is signed).

    EnvironmentFault if the scheme is not ``hmac-`` and the name of a hash.
    """

    def __init__(self, key: str, scheme: str, session_id: str) -> None:
        self._session_id = session_id
        self._prefix = uuid.uuid4().hex
        self._numbers = itertools.count(1)
        kind, _, digest = scheme.partition("-")
        try:
            self._hmac = hmac.new(key.encode(), digestmod=digest) if key else None
        except ValueError:
            kind = ""
        if key and kind != "hmac":
            raise EnvironmentFault(f"The connection file's signature scheme {scheme!r} is not known.")

    @property
    def is_signed(self) -> bool:
        return self._hmac is not None

    def sign(self, frames: Iterable[Buffer]) -> bytes:
        """The signature of header, parent header, metadata and content; empty without a key."""
        if self._hmac is None:
            return b""
        made = self._hmac.copy()
        for frame in frames:
            made.update(frame)
        return made.hexdigest().encode()

    def header(self, msg_type: str) -> dict[str, Any]:
        """The header of a new message."""
        msg_id = f"{self._prefix}_{os.getpid()}_{next(self._numbers)}"
        return header_of(msg_type, msg_id, self._session_id, datetime.datetime.now(datetime.UTC))


def header_of(msg_type: str, msg_id: str, session_id: str, at: datetime.datetime) -> dict[str, Any]:
    """The header of a kernel's message; ``at`` is in UTC."""
    return {
        "msg_id": msg_id,
        "msg_type": msg_type,
        "username": "kernel",
        "session": session_id,
        "date": at.isoformat().replace("+00:00", "Z"),
        "version": _PROTOCOL,
    }


def pack(value: Mapping[str, Any]) -> bytes:
    """One part of a message."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8", "surrogateescape")
