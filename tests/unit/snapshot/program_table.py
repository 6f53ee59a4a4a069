"""Cells by what they do. Each leaves a ``result`` that says what happened, in order."""

from __future__ import annotations

import sys


class Programs(dict[str, str]):
    """What it is → the source of a cell."""

    def add(self, name: str, source: str, wanted: tuple[int, int] = (3, 11)) -> None:
        """``wanted`` is the first version of Python that has what the program uses."""
        if sys.version_info >= wanted:
            self[name] = source
