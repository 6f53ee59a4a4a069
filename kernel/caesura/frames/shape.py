"""What a layout file has to say about one minor version of CPython.

What lives here: the names of the facts. What must not: the facts; they stand in ``layout_3NN.py``, one file per
version.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


class Slots(Protocol):
    """How words of a frame become objects and back. Versions with tagged words (3.14 and later) bring their own."""

    def read(self, address: int, count: int) -> list[object]:
        """The objects in ``count`` words from ``address`` on, NULL for an empty one."""

    def pack(self, values: Sequence[object]) -> bytes:
        """The words for ``values``. They own references, which :meth:`own` has to have taken."""

    def own(self, values: Sequence[object]) -> None:
        """Take one reference to each value on behalf of the words of :meth:`pack`."""

    def release(self, values: Sequence[object]) -> None:
        """Give back one reference to each value, whose words have been overwritten."""

    def object_at(self, address: int) -> object:
        """The object in the word at ``address``, which must not be empty."""

    def pointer_at(self, address: int) -> int:
        """The address of the object in the word at ``address``, as a number that is not followed; 0 if it has none."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Byte offsets and constants of one minor version, GIL build, 64 bit.

    The first group counts from the start of the generator object, the second from its frame (``frame`` is the
    distance between them), the third from the start of the code object.
    """

    minor: tuple[int, int]
    slots: Slots

    name: int
    exc_value: int
    hooks_inited: int
    closed: int
    running_async: int
    frame_state: int
    frame: int

    code: int
    function: int
    globals: int
    builtins: int
    locals: int
    frame_object: int
    instruction: int
    stacktop: int
    owner: int
    localsplus: int

    co_nlocalsplus: int
    co_code: int

    created: int
    suspended: int
    suspended_awaiting: int
    executing: int
    finished: int
    """The lowest state of a frame that has ended."""

    stacktop_is_pointer: bool
    """Whether ``stacktop`` holds the address behind the last value, or (as a C int) the number of slots in use."""

    announced: Mapping[str, int]
    """Words of ``_Py_DebugOffsets`` in which the interpreter itself says what this layout says under these names."""

    instruction_behind: int
    """How far the stored instruction pointer lies before the instruction at which the frame goes on."""

    header: struct.Struct = field(init=False)
    """exc_value, hooks_inited, closed, running_async, frame_state, locals, instruction, stacktop, owner."""

    first_slot: int = field(init=False)
    """Distance from the object to its first local: ``type(coroutine).__basicsize__``."""

    def __post_init__(self) -> None:
        frame = self.frame
        fields = [
            (self.exc_value, "Q"),
            (self.hooks_inited, "b"),
            (self.closed, "b"),
            (self.running_async, "b"),
            (self.frame_state, "b"),
            (frame + self.locals, "Q"),
            (frame + self.instruction, "Q"),
            (frame + self.stacktop, "Q" if self.stacktop_is_pointer else "i"),
            (frame + self.owner, "b"),
        ]
        object.__setattr__(self, "header", _struct_of(fields))
        object.__setattr__(self, "first_slot", frame + self.localsplus)


def _struct_of(fields: Sequence[tuple[int, str]]) -> struct.Struct:
    """A struct that unpacks the fields at these offsets, which must ascend, and skips what lies between."""
    parts = ["="]
    end = 0
    for offset, code in fields:
        parts.append(f"{offset - end}x{code}")
        end = offset + struct.calcsize(f"={code}")
    return struct.Struct("".join(parts))
