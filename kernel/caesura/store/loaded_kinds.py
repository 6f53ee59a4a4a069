"""Which kinds of objects have been loaded from a snapshot before, in any session of an environment: one text file each.

What lives here: reading and adding lines. What must not: what a kind is.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

_LONGEST_BYTES: Final = 4 << 20
"""A longer file is begun anew: it is from years of upgrades."""


class LoadedKinds:
    """In ``directory``, which is made if need be, for this interpreter and ``sys.prefix``. Any number of processes may
    share it; what cannot be read or written is not known, and tried again."""

    def __init__(self, directory: Path) -> None:
        environment = f"{sys.version}\0{sys.prefix}".encode(errors="surrogateescape")
        self._path = directory / hashlib.blake2b(environment, digest_size=8).hexdigest()

    def among(self, keys: Collection[str]) -> set[str]:
        """Those of ``keys`` that are known to load."""
        try:
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return set()
        return set(lines).intersection(keys)

    def add(self, keys: Iterable[str]) -> None:
        """These have been loaded. Not synced: to try once more costs less."""
        text = "".join(f"{key}\n" for key in keys if "\n" not in key)
        try:
            self._path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError:
            return
        try:
            if os.fstat(descriptor).st_size > _LONGEST_BYTES:
                os.ftruncate(descriptor, 0)
            os.write(descriptor, text.encode(errors="replace"))  # one call: others may be adding too
        except OSError:
            return
        finally:
            os.close(descriptor)
