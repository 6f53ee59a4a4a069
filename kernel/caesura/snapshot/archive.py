"""The manifest of a snapshot: what it is, readable without unpickling, and authenticated with the home's key.

What lives here: making, sealing and checking manifests. What must not: the contents of the stream.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from json import dumps
from typing import Any, Final

from caesura import __version__
from caesura.errors import SnapshotRefused
from caesura.model import ARCHIVE_FORMAT
from caesura.snapshot import packages, warm_modules
from caesura.snapshot.kinds import Kind, kinds_beside, kinds_of
from caesura.snapshot.reducing import Reducer
from caesura.store.blobs import BlobRef, Blobs

_PURPOSE: Final = b"caesura manifest\0"


@dataclass(frozen=True, slots=True)
class Saved:
    """A snapshot that is stored. ``manifest`` can be written as JSON; it names the blobs ``blob_names``, of
    ``size_bytes`` in all (what was stored already counts), of which ``written_bytes`` are new. ``stream`` is the stream
    if it is in none of them; ``kinds`` are those in it that are not known to load."""

    manifest: dict[str, Any]
    size_bytes: int
    blob_names: tuple[str, ...]
    written_bytes: int = 0
    stream: bytes | None = None
    kinds: tuple[Kind, ...] = ()


def make(
    blobs: Blobs,
    stream: BlobRef,
    buffers: list[BlobRef],
    seeds: Mapping[str, Any],
    reducers: Mapping[type, Reducer | None],
    beside: Iterable[str],
    about: Mapping[str, Any],
    kept: bytes | None,
) -> Saved:
    """The sealed manifest over blobs that are stored. ``reducers`` are those of the types in it, ``beside`` names what
    it sets in the interpreter and in modules. ``about`` are further entries, which must be fit for JSON; ``kept`` is
    the stream if it is in no blob."""
    stored = buffers if kept is not None else (stream, *buffers)
    names = tuple(dict.fromkeys(ref.name for ref in stored if ref.name))
    size_bytes = sum(ref.size for ref in (stream, *buffers))
    versions, imported = packages.versions(), warm_modules.imported_names()
    kinds = (*kinds_of(reducers, imported, versions), *kinds_beside(beside))
    manifest: dict[str, Any] = {
        **about,
        "format": ARCHIVE_FORMAT,
        "python": list(sys.version_info[:3]),
        "version": __version__,
        "stream": stream.to_json(),
        "buffers": [ref.to_json() for ref in buffers],
        # What need not be hashed again in this boot; the stream always is.
        "proofs": {name: blobs.proof(name) for name in names if name != stream.name},
        "size_bytes": size_bytes,
        "hash_seed": os.environ.get("PYTHONHASHSEED", ""),
        "seeds": dict(seeds),
        "packages": versions,
        "imported": imported,
        "kinds": [kind.key for kind in kinds],
    }
    written_bytes = blobs.written_bytes + (0 if kept is None else len(kept))
    return Saved(seal(manifest, blobs), size_bytes, names, written_bytes, kept, kinds)


def seal(manifest: Mapping[str, Any], blobs: Blobs) -> dict[str, Any]:
    """``manifest`` with its tag; to be called again by whoever changes an entry."""
    body = {key: value for key, value in manifest.items() if key != "tag"}
    return {**body, "tag": _tag(body, blobs)}


def _tag(body: Mapping[str, Any], blobs: Blobs) -> str:
    return blobs.authenticate(_PURPOSE + dumps(body, sort_keys=True, separators=(",", ":")).encode())


def check(manifest: Mapping[str, Any], blobs: Blobs) -> tuple[BlobRef, list[BlobRef]]:
    """The stream and the buffers of a manifest that can be loaded here; SnapshotRefused if it cannot."""
    if manifest.get("format") != ARCHIVE_FORMAT:
        raise SnapshotRefused(
            f"This snapshot has format {manifest.get('format')!r}, this Caesura reads format {ARCHIVE_FORMAT}."
        )
    body = {key: value for key, value in manifest.items() if key != "tag"}
    if manifest.get("tag") != _tag(body, blobs):
        raise SnapshotRefused("The manifest of this snapshot was changed, or was made with the key of another home.")
    python, ours = list(manifest["python"]), list(sys.version_info[:3])
    if python[:2] != ours[:2]:
        raise SnapshotRefused(
            f"This snapshot was made by Python {_dotted(python)} and cannot be loaded by Python {_dotted(ours)}."
        )
    seed, our_seed = manifest["hash_seed"], os.environ.get("PYTHONHASHSEED", "")
    if seed and our_seed and seed != our_seed:
        raise SnapshotRefused(
            f"This snapshot was made under PYTHONHASHSEED={seed} and cannot be loaded under {our_seed}."
        )
    return BlobRef.from_json(manifest["stream"]), [BlobRef.from_json(ref) for ref in manifest["buffers"]]


def changed_since(manifest: Mapping[str, Any]) -> list[str]:
    """In words, what has another version now than when the snapshot was made: the patch release of Python, and the
    packages that were imported then and are imported now."""
    made, ours = _dotted(manifest["python"]), _dotted(list(sys.version_info[:3]))
    python = [] if made == ours else [f"Python {made} (now {ours})"]
    return python + packages.changes(manifest["packages"])


def _dotted(version: list[int]) -> str:
    return ".".join(map(str, version))
