"""The first line of a cell that says whether it keeps its process: ``%%hold`` and ``%%release``.

The coordinator obeys it; the worker takes it away before IPython reads the cell, where a cell magic could not await.
"""

from __future__ import annotations

import re
from typing import Final, Literal

Mark = Literal["", "hold", "release"]

_LINE: Final = re.compile(r"\s*%%(hold|release)(?=\s|$)[^\n]*")


def mark_of(code: str) -> Mark:
    """What the cell begins with."""
    found = _LINE.match(code)
    return "" if found is None else ("hold" if found[1] == "hold" else "release")


def without_mark(code: str) -> str:
    """The cell with its mark turned into a comment, so that line numbers stay."""
    found = _LINE.match(code)
    return code if found is None else f"# {found[0].strip()}{code[found.end() :]}"
