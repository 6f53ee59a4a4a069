"""Messages as bytes on a stream.

A frame is: length of the JSON part and number of buffers (two big-endian 32-bit numbers), the length of each buffer
(64-bit each), the JSON part, the buffers. The JSON part is an object whose ``type`` names one of the classes in
:mod:`caesura.wire.messages`; its buffers are never looked into here.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from typing import Final

from caesura.errors import EnvironmentFault

_HEAD = struct.Struct("!II")
_MAX_JSON_BYTES = 256 << 20
_MAX_BUFFERS = 1 << 20

# Bound here: a notebook may replace them in their modules while this works on.
_dumps: Final = json.dumps
_loads: Final = json.loads
_pack: Final = struct.pack
_unpack_from: Final = struct.unpack_from

Buffer = bytes | bytearray | memoryview


class MalformedFrame(EnvironmentFault):
    """The other side sent something that is not a frame."""


def encode(body: dict[str, object], buffers: Sequence[Buffer] = ()) -> list[Buffer]:
    """The frame as a list of buffers, for ``sendmsg`` or a join; large buffers are not copied."""
    text = _dumps(body, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    views = [memoryview(buffer).cast("B") for buffer in buffers]
    head = _HEAD.pack(len(text), len(views)) + b"".join(_pack("!Q", view.nbytes) for view in views)
    return [head + text, *views]


class Decoder:
    """Bytes in, frames out. One per connection; not thread-safe."""

    def __init__(self) -> None:
        self._pending = bytearray()

    @property
    def is_empty(self) -> bool:
        """Whether no part of a frame is there."""
        return not self._pending

    def feed(self, data: Buffer) -> Iterator[tuple[dict[str, object], list[bytes]]]:
        """Add ``data`` and yield every frame that is now complete, as (body, buffers)."""
        self._pending += data
        while True:
            frame = self._take()
            if frame is None:
                return
            yield frame

    def _take(self) -> tuple[dict[str, object], list[bytes]] | None:
        pending = self._pending
        if len(pending) < _HEAD.size:
            return None
        json_bytes, count = _HEAD.unpack_from(pending)
        if json_bytes > _MAX_JSON_BYTES or count > _MAX_BUFFERS:
            raise MalformedFrame(f"a frame announces {json_bytes} bytes of JSON and {count} buffers")
        start = _HEAD.size + 8 * count
        if len(pending) < start:
            return None
        sizes = _unpack_from(f"!{count}Q", pending, _HEAD.size)
        total = start + json_bytes + sum(sizes)
        if len(pending) < total:
            return None
        with memoryview(pending) as view:
            text = bytes(view[start : start + json_bytes])
            buffers = []
            position = start + json_bytes
            for size in sizes:
                buffers.append(bytes(view[position : position + size]))
                position += size
        del pending[:total]
        try:
            body = _loads(text.decode("utf-8", "surrogatepass"))
        except ValueError as error:
            raise MalformedFrame(f"a frame does not hold JSON: {error}") from error
        if not isinstance(body, dict):
            raise MalformedFrame("a frame does not hold a JSON object")
        return body, buffers
