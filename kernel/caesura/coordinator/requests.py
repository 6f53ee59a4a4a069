"""A Jupyter request as the coordinator sees it: who asked, what, and the bytes to pass on.

What lives here: taking a message apart and packing it for the records. What must not: what is done about it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from caesura.wire.codec import Buffer, Decoder, encode
from caesura.wire.messages import Deliver, Json, Output

_PREVIEW_CHARACTERS: Final = 2000

WITHOUT_REPLY: Final = frozenset({"comm_open", "comm_msg", "comm_close"})


@dataclass(slots=True)
class Request:
    """``frames`` are header, parent header, metadata, content and buffers, as they came.

    ``is_recorded`` says that the request may be handed out: an execute request only once it is durable.
    ``deliveries`` counts the workers that got it. ``answer`` is what we answer ourselves when its turn comes.
    """

    channel: str
    idents: list[bytes]
    header: Json
    frames: list[bytes]
    is_recorded: bool = True
    deliveries: int = 0
    answer: Json | None = None
    _content: Json | None = field(default=None, repr=False)

    @property
    def msg_type(self) -> str:
        return str(self.header["msg_type"])

    @property
    def msg_id(self) -> str:
        return str(self.header["msg_id"])

    @property
    def is_execute(self) -> bool:
        return self.msg_type == "execute_request"

    @property
    def content(self) -> Json:
        """The decoded content; empty if it is not an object."""
        if self._content is None:
            self._content = _decoded(self.frames[3])
        return self._content

    @property
    def code(self) -> str:
        return str(self.content.get("code", ""))[:_PREVIEW_CHARACTERS]

    @property
    def is_silent(self) -> bool:
        return bool(self.content.get("silent", False))

    @property
    def stops_on_error(self) -> bool:
        return bool(self.content.get("stop_on_error", True)) and not self.is_silent

    def deliver(self) -> Deliver:
        """The message that hands it to a worker."""
        return Deliver(
            channel=self.channel,
            idents=len(self.idents),
            msg_type=self.msg_type,
            cell_id=self.msg_id if self.is_execute else "",
            buffers=(*self.idents, *self.frames),
        )

    def pack(self) -> bytes:
        """For the records; :func:`unpack_request` reads it back."""
        return pack_frames({"channel": self.channel}, self.idents, self.frames)


def unpack_request(data: bytes) -> Request:
    body, idents, frames = unpack_frames(data)
    return Request(str(body["channel"]), idents, _decoded(frames[0]), frames)


def pack_frames(body: Json, idents: Sequence[bytes], frames: Sequence[bytes]) -> bytes:
    """Identities and frames as one string of bytes."""
    return b"".join(encode({**body, "idents": len(idents)}, [*idents, *frames]))


def pack_output(message: Output) -> bytes:
    """A worker's message, for the records; :func:`unpack_frames` and :func:`whole` read it back."""
    body: Json = {"apart": [list(each) for each in message.apart]} if message.apart else {}
    buffers = [bytes(buffer) for buffer in message.buffers]
    return pack_frames(body, buffers[: message.idents], buffers[message.idents :])


def whole(
    idents: Sequence[Buffer], frames: Sequence[Buffer], apart: Sequence[Sequence[int]], parts: Sequence[Buffer]
) -> list[Buffer]:
    """The frames, with the ``parts`` that lay in a file in their places."""
    found = list(frames)
    for (place, _), part in zip(apart, parts, strict=True):
        found[place - len(idents)] = part
    return found


def unpack_frames(data: bytes) -> tuple[dict[str, Any], list[bytes], list[bytes]]:
    """(body, identities, frames) of what :func:`pack_frames` made."""
    body, buffers = next(iter(Decoder().feed(data)))
    count = body["idents"]
    assert isinstance(count, int)
    return body, buffers[:count], buffers[count:]


def _decoded(frame: bytes) -> Json:
    try:
        value = json.loads(frame)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
