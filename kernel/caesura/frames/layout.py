"""Which layout belongs to the interpreter that runs, or why none does.

A new minor version is one more file beside ``layout_313.py`` and one more entry in ``_KNOWN``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from caesura.frames import layout_311, layout_312, layout_313
from caesura.frames.shape import Layout

_KNOWN: Final[Mapping[tuple[int, int], Layout]] = {
    found.minor: found for found in (layout_311.LAYOUT, layout_312.LAYOUT, layout_313.LAYOUT)
}


def choose(minor: tuple[int, int], config: Mapping[str, object]) -> Layout | str:
    """The layout of CPython ``minor``, or the reason in words why there is none.

    ``config`` are the build's variables (``sysconfig.get_config_vars()``); a build option that moves fields or runs
    frames in another way is refused by name.
    """
    running = f"Python {minor[0]}.{minor[1]}"
    if config.get("Py_GIL_DISABLED"):
        return f"this {running} is a free-threaded build, whose frames are laid out differently"
    if _has_jit(str(config.get("CONFIG_ARGS") or "")):
        return f"this {running} is built with the experimental JIT, which runs frames in another way"
    if minor not in _KNOWN:
        known = ", ".join(f"{major}.{small}" for major, small in sorted(_KNOWN))
        return f"the layout of frames is known for CPython {known}, and this is {running}"
    return _KNOWN[minor]


def refuse_platform(implementation: str, maxsize: int) -> str | None:
    """Why frames cannot be reached on this implementation or word size, or None."""
    if implementation != "cpython":
        return f"frames can be read on CPython only, and this is {implementation}"
    if maxsize < 2**32:
        return "frames can be read on 64-bit builds only, and this is a 32-bit build"
    return None


def running_minor() -> tuple[int, int]:
    """Major and minor version of the interpreter that runs."""
    return sys.version_info[0], sys.version_info[1]


def _has_jit(config_args: str) -> bool:
    option = "--enable-experimental-jit"
    given = [word.strip("'\"") for word in config_args.split() if option in word]
    return any(word != f"{option}=no" for word in given)
