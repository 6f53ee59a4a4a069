"""What a snapshot refers to instead of containing it: the live objects of the worker, and the dicts of modules.

They stand in the pickler's memo before it begins, so that meeting one of them costs nothing more than meeting any
object twice. (``persistent_id`` would be asked for every single object, which makes a save of small objects up to four
times as slow.) Before the stream is read, the same places of the unpickler's memo are filled with what stands for them
there.

The first :data:`ALWAYS` places are for what is always filled at the other end. Behind them are the dicts of all other
modules; which of these are used is read from the stream, so that only they are imported.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import os
import random
import re
import struct
import sys
import threading
import types
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from caesura.snapshot import beside, warm_modules
from caesura.snapshot.reducing import NOTEBOOK_MODULES, is_a, is_importable
from caesura.snapshot.warm_modules import WarmModules

ALWAYS: Final = 256
"""A place from here on is referred to by an opcode with four bytes, which can be searched for."""

_LEAVE_NOTHING: Final = b"N\x940"  # NONE, MEMOIZE, POP
_LEAVE_PERSISTENT: Final = b"Q\x940"  # BINPERSID, MEMOIZE, POP

_LONG_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class Anchors:
    """Live infrastructure by name (``loop``, ``shell``, ``namespace``, ``stdout``, ...). An object that is one of these
    is not saved: the load puts in its place what bears the same name there."""

    by_name: Mapping[str, object]


@dataclass
class Seeds:
    """``names[i]`` says what has place ``i``: ``anchor:NAME``, ``module:NAME``, ``original:PLACE`` (what stands
    in a module after its import), or the empty string."""

    names: list[str] = field(default_factory=list)
    memo: dict[int, tuple[int, object]] = field(default_factory=dict)
    """What the pickler's memo is to be: ``id`` of an object → its place, and itself."""

    def add(self, name: str, obj: object) -> None:
        self.memo[id(obj)] = (len(self.names), obj)
        self.names.append(name)

    def fill_up(self) -> None:
        """Have as many entries as places, since the pickler counts its entries to find the next place: some places are
        nobody's (their object has an earlier one, or is not what it was)."""
        for _ in range(len(self.names) - len(self.memo)):
            nobody = object()
            self.memo[id(nobody)] = (0, nobody)


def of_the_process() -> dict[str, object]:
    """Objects of which every process has one, by name: a copy would be cut off from what it is for."""
    return {
        "os.environ": os.environ,
        "os.environb": getattr(os, "environb", None),
        "sys.path": sys.path,
        "sys.modules": sys.modules,
        "sys.meta_path": sys.meta_path,
        "sys.path_hooks": sys.path_hooks,
        "sys.path_importer_cache": sys.path_importer_cache,
        "warnings.filters": warnings.filters,
        "random._inst": vars(random)["_inst"],
        "main thread": threading.main_thread(),
        "argparse.SUPPRESS": argparse.SUPPRESS,  # a string that parsers know by its identity
    }


def anchors_only(anchors: Anchors) -> Seeds:
    """Without the dicts of modules, for whoever does not follow functions to their globals."""
    seeds = Seeds()
    for name, obj in {**anchors.by_name, **of_the_process()}.items():
        if obj is not None and id(obj) not in seeds.memo:
            seeds.add(f"anchor:{name}", obj)
    return seeds


def collect(anchors: Anchors, namespace: Mapping[str, object]) -> Seeds:
    """The seeds of a session with this namespace."""
    warm, others = warm_modules.known(), warm_modules.others()
    seeds = Seeds(memo=_memo_of(warm, others))
    seen: set[int] = set()

    def add(name: str, obj: object) -> None:
        if id(obj) not in seen:
            seen.add(id(obj))
            seeds.add(name, obj)

    for name, obj in {**anchors.by_name, **of_the_process()}.items():
        if obj is not None:
            add(f"anchor:{name}", obj)
    add("module:builtins", vars(sys.modules["builtins"]))
    values: list[Any] = list(namespace.values())
    for value in values:
        if is_a(value, types.ModuleType) and is_importable(value):
            name = str(value.__name__)
            if sys.modules.get(name) is value:
                add(f"module:{name}", vars(value))
    while len(seeds.names) < ALWAYS:
        seeds.add("", object())
    seeds.names += _names_of(warm)
    for name, module in others:
        if isinstance(module, types.ModuleType):
            contents = module.__dict__
            if contents.get("__spec__") is not None or name in NOTEBOOK_MODULES:
                add(f"module:{name}", contents)
    for name, obj in beside.originals():
        add(name, obj)
    seeds.fill_up()
    return seeds


@functools.cache
def _names_of(warm: WarmModules) -> list[str]:
    return [f"module:{name}" for name in warm.dicts]


@functools.cache
def _whole_memo_of(warm: WarmModules) -> dict[int, tuple[int, object]]:
    return {id(contents): (place, contents) for place, contents in enumerate(warm.dicts.values(), ALWAYS)}


def _memo_of(warm: WarmModules, others: Sequence[tuple[str, object]]) -> dict[int, tuple[int, object]]:
    """The places of the dicts of warm modules: behind the first, in their order; not of those that were taken out of
    ``sys.modules`` or replaced."""
    memo = _whole_memo_of(warm).copy()
    if len(sys.modules) - len(others) != len(warm.modules):
        for name, contents in warm.dicts.items():
            if sys.modules.get(name) is not warm.modules[name]:
                memo.pop(id(contents), None)
    return memo


def used(names: Sequence[str], stream: bytes) -> list[int]:
    """The places to which ``stream`` refers, and perhaps a few more, beside the empty ones."""
    count = len(names)
    gets = _gets_roughly_below(count >> 8) if len(stream) < _LONG_BYTES or count <= ALWAYS else _gets_below(count)
    found = {place for each in set(gets.findall(stream)) if (place := _number(each)) < count}
    # Not all names are looked at: in a forked process that would copy the pages of most of them.
    return [place for place, name in enumerate(names[:ALWAYS]) if name] + sorted(found)


@functools.cache
def _gets_roughly_below(high: int) -> re.Pattern[bytes]:
    """The opcodes that refer to a place from ALWAYS to 256 * ``high`` + 255, with the lower two bytes of the place."""
    return re.compile(rb"j(?=(.[\x01-%b])\x00\x00)" % _escaped(min(max(high, 1), 255)), re.DOTALL)


def _gets_below(count: int) -> re.Pattern[bytes]:
    """Those that refer to a place from ALWAYS to ``count - 1``: what a long stream names most often are its own keys,
    whose places lie right behind."""
    high, low = divmod(min(count, 1 << 16) - 1, 256)
    below = rb"[\x00-%b]%b" % (_escaped(low), _escaped(high))
    if high > ALWAYS >> 8:
        below += rb"|.[%b-%b]" % (_escaped(ALWAYS >> 8), _escaped(high - 1))
    return re.compile(rb"j(?=(%b)\x00\x00)" % below, re.DOTALL)


def _escaped(byte: int) -> bytes:
    return b"\\x%02x" % byte


def _number(pair: bytes) -> int:
    return int.from_bytes(pair, "little")


def preamble(count: int, filled: Collection[int]) -> bytes:
    """A pickle that leaves something in each place of the memo from 0 to ``count - 1``: what has the persistent id of
    the place if that is ``filled``, else None. (To set the ``memo`` of C's unpickler to a dict has no effect.)"""
    opcodes = [_LEAVE_NOTHING] * count
    for place in filled:
        if place < count:
            opcodes[place] = b"J" + struct.pack("<i", place) + _LEAVE_PERSISTENT
    return b"\x80\x05" + b"".join(opcodes) + b"N."


def resolve(names: Mapping[int, str], anchors: Anchors) -> dict[int, Any]:
    """What stands for each place at this end. A module that cannot be imported, or an anchor that is not there, is left
    out: the stream may not need it."""
    found: dict[int, Any] = {}
    anchored = {**anchors.by_name, **of_the_process()}
    for place, name in names.items():
        kind, _, rest = name.partition(":")
        if kind == "anchor":
            if rest in anchored:
                found[place] = anchored[rest]
            continue
        if kind == "original":
            found[place] = beside.original(rest)
            continue
        try:
            found[place] = vars(importlib.import_module(rest))
        except ImportError:
            continue
    return found
