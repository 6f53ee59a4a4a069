"""Which versions of packages a session has imported, and which of them are others now.

Only what a package says itself in ``__version__`` counts: it costs a look into dicts, where asking the installed
distributions would cost milliseconds.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

_versions: Final[dict[str, str]] = {}
_looked_at: Final[set[str]] = set()


def versions() -> dict[str, str]:
    """Version by the name of each top-level module outside the standard library that is imported and has one.

    Each module is looked at once in a process and its forks.
    """
    new = sys.modules.keys() - _looked_at
    _looked_at.update(new)
    for name in new:
        if "." not in name and name not in sys.stdlib_module_names:
            # Not getattr: packages warn when they are asked for it through their __getattr__.
            version = getattr(sys.modules.get(name), "__dict__", {}).get("__version__")
            if isinstance(version, str):
                _versions[name] = version
    return dict(_versions)


def changes(then: Mapping[str, str]) -> list[str]:
    """In words, what of ``then`` is imported in another version: ``numpy 1.26.4 (now 2.3.0)``."""
    now = versions()
    return [
        f"{name} {version} (now {now[name]})" for name, version in then.items() if now.get(name, version) != version
    ]
