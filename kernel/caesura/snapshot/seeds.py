"""What a snapshot refers to instead of containing it: the live objects of the worker, and the dicts of modules.

They stand in the pickler's memo before it begins, so that meeting one of them costs nothing more than meeting any
object twice. (``persistent_id`` would be asked for every single object, which makes a save of small objects up to four
times as slow.) Before the stream is read, the same places of the unpickler's memo are filled with what stands for them
there.

The first :data:`ALWAYS` places are for what is always filled at the other end. Behind them are the dicts of all other
modules; which of these are used is read from the stream, so that only they are imported.
"""

from __future__ import annotations

import importlib
import re
import struct
import sys
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from caesura.snapshot.reducing import NOTEBOOK_MODULES, is_importable

ALWAYS: Final = 256
"""A place from here on is referred to by an opcode with four bytes, which can be searched for."""

_LONG_GET: Final = re.compile(rb"j(?=(..\x00\x00))", re.DOTALL)


@dataclass(frozen=True)
class Anchors:
    """Live infrastructure by name (``loop``, ``shell``, ``namespace``, ``stdout``, ...). An object that is one of these
    is not saved: the load puts in its place what bears the same name there."""

    by_name: Mapping[str, object]


@dataclass
class Seeds:
    """``names[i]`` says what has place ``i``: ``anchor:NAME``, ``module:NAME``, or the empty string."""

    names: list[str] = field(default_factory=list)
    objects: list[object] = field(default_factory=list)

    def add(self, name: str, obj: object) -> None:
        self.names.append(name)
        self.objects.append(obj)

    def memo(self) -> dict[int, tuple[int, object]]:
        return {id(obj): (index, obj) for index, obj in enumerate(self.objects)}


def collect(anchors: Anchors, namespace: Mapping[str, object]) -> Seeds:
    """The seeds of a session with this namespace."""
    seeds = Seeds()
    seen: set[int] = set()

    def add(name: str, obj: object) -> None:
        if id(obj) not in seen:
            seen.add(id(obj))
            seeds.add(name, obj)

    for name, obj in anchors.by_name.items():
        if obj is not None:
            add(f"anchor:{name}", obj)
    add("module:builtins", vars(sys.modules["builtins"]))
    for value in list(namespace.values()):
        if isinstance(value, types.ModuleType) and sys.modules.get(value.__name__) is value and is_importable(value):
            add(f"module:{value.__name__}", vars(value))
    while len(seeds.names) < ALWAYS:
        seeds.add("", object())
    for name, module in list(sys.modules.items()):
        if isinstance(module, types.ModuleType):
            contents = module.__dict__
            if contents.get("__spec__") is not None or name in NOTEBOOK_MODULES:
                add(f"module:{name}", contents)
    return seeds


def used(names: Sequence[str], stream: bytes) -> list[int]:
    """The places to which ``stream`` refers, and perhaps a few more, beside the empty ones."""
    count = len(names)
    places = (struct.unpack("<I", match[1])[0] for match in _LONG_GET.finditer(stream))
    found = {place for place in places if ALWAYS <= place < count}
    return [place for place, name in enumerate(names) if place in found or (name and place < ALWAYS)]


def preamble(count: int) -> bytes:
    """A pickle that asks for the persistent ids 0 to ``count - 1`` and leaves each in its place of the memo."""
    return b"\x80\x05" + b"".join(b"J" + struct.pack("<i", place) + b"Q\x940" for place in range(count)) + b"N."


def resolve(names: Mapping[int, str], anchors: Anchors) -> dict[int, Any]:
    """What stands for each place at this end. A module that cannot be imported, or an anchor that is not there, is left
    out: the stream may not need it."""
    found: dict[int, Any] = {}
    for place, name in names.items():
        kind, _, rest = name.partition(":")
        if kind == "anchor":
            if rest in anchors.by_name:
                found[place] = anchors.by_name[rest]
            continue
        try:
            found[place] = vars(importlib.import_module(rest))
        except ImportError:
            continue
    return found
