"""Where this server has a notebook that the coordinator knows by its path on the disk."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def root_of(settings: Mapping[str, Any]) -> str:
    """The directory that the contents service of a server with these settings shows."""
    return _real(str(settings.get("server_root_dir", "")))


@functools.cache
def _real(path: str) -> str:
    return os.path.realpath(os.path.expanduser(path))


def path_of(session: Mapping[str, Any], root: str) -> str | None:
    """The path of the session's notebook below ``root``, as the contents service names it; None if it is elsewhere."""
    return _below(session["name"], root) if session["kind"] == "notebook" else None


@functools.lru_cache(maxsize=4096)  # asked for with each change of a cell
def _below(name: str, root: str) -> str | None:
    if not os.path.isabs(name) or not Path(name).is_relative_to(root):
        return None
    return Path(name).relative_to(root).as_posix()
