"""Which layout belongs to the interpreter that runs, or why none does.

A new minor version is one more file beside ``layout_314.py`` and one more entry in ``_KNOWN``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from caesura.frames import layout_311, layout_312, layout_313, layout_314
from caesura.frames.shape import Layout

_KNOWN: Final[Mapping[tuple[int, int], Layout]] = {
    found.minor: found for found in (layout_311.LAYOUT, layout_312.LAYOUT, layout_313.LAYOUT, layout_314.LAYOUT)
}


def choose(minor: tuple[int, int], config: Mapping[str, object], *, is_jit_on: bool = False) -> Layout | str:
    """The layout of CPython ``minor``, or the reason in words why there is none.

    ``config`` are the build's variables (``sysconfig.get_config_vars()``); a build option that moves fields or runs
    frames in another way is refused by name. ``is_jit_on``: what :func:`is_jit_on` says.
    """
    running = f"Python {minor[0]}.{minor[1]}"
    if config.get("Py_GIL_DISABLED"):
        return f"this {running} is a free-threaded build, whose frames are laid out differently"
    if is_jit_on:
        return f"the experimental JIT of this {running} is on and runs frames in another way; PYTHON_JIT=0 turns it off"
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


def is_jit_on(jit: Any, config: Mapping[str, object], environ: Mapping[str, str]) -> bool:
    """Whether the JIT is there and runs; Debian builds it in, turned off.

    ``jit`` is ``sys._jit``, which knows (from 3.14 on), or None. In 3.13 a build that has it listens to PYTHON_JIT:
    https://docs.python.org/3.13/using/configure.html#cmdoption-enable-experimental-jit.
    """
    if jit is not None:
        return bool(jit.is_enabled())
    option = "--enable-experimental-jit"
    words = [word.strip("'\"") for word in str(config.get("CONFIG_ARGS") or "").split()]
    built = [word for word in words if word.startswith(option) and word != f"{option}=no"]
    if not built:
        return False
    asked = environ.get("PYTHON_JIT", "")
    return not asked.startswith("0") if asked else not built[-1].endswith("-off")
