"""Values as people read them: ages, sizes, short ids, tables.

What lives here: pure functions from values to text. What must not: where the values come from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def age(seconds: float) -> str:
    """A duration in its two largest units: ``3 m 12 s``."""
    left = max(0, int(seconds))
    for index, (unit, size) in enumerate(_UNITS):
        if left >= size or unit == "s":
            first, rest = divmod(left, size)
            if unit == "s":
                return f"{first} s"
            next_unit, next_size = _UNITS[index + 1]
            second = rest // next_size
            return f"{first} {unit} {second} {next_unit}" if second else f"{first} {unit}"
    raise AssertionError("seconds always fit")


def size(count_bytes: float) -> str:
    """A number of bytes with two or three digits: ``18 kB``."""
    if not count_bytes:
        return "-"
    value, unit = float(count_bytes), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1000
    return f"{value:.1f} {unit}" if value < 9.95 and unit != "B" else f"{value:.0f} {unit}"


def short_id(cell_id: str) -> str:
    """An id that fits a table. Jupyter's are ``SESSION_PID_NUMBER``, the same but for the number in one notebook."""
    parts = re.fullmatch(r"(.+)_\d+_(\d+)", cell_id)
    return f"{parts[1][:8]}_{parts[2]}" if parts else cell_id[:12]


def short_ids(cell_ids: Sequence[str]) -> dict[str, str]:
    """The short form of each id, or the whole id where the short one would name several."""
    shortened = [short_id(cell_id) for cell_id in cell_ids]
    return {
        cell_id: short if shortened.count(short) == 1 else cell_id
        for cell_id, short in zip(cell_ids, shortened, strict=True)
    }


def one_line(text: str, limit: int = 48) -> str:
    """The first line of ``text``, cut with an ellipsis."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    if not lines:
        return ""
    first = lines[0].strip()
    cut = len(first) > limit or len(lines) > 1
    return first[: limit - 1] + "…" if cut and len(first) >= limit else first + (" …" if cut else "")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Lines with aligned columns under ``head``."""
    cells = [list(head), *([str(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    return ["  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip() for row in cells]
