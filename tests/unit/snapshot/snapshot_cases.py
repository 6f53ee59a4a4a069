"""Cells in pairs: what the first makes is moved, what the second asserts has to hold."""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path
from textwrap import dedent
from typing import Any

from snapshot_notebook import PRELUDE, Notebook

Case = tuple[str, str]
"""(the cell before the move, the cell after it)"""


def move_between(case: Case, folder: Path) -> None:
    """Run the first cell, move, forget what stayed behind, and run the second one. ``TMP`` is a folder of their own."""
    before, after = map(dedent, case)
    notebook = Notebook(folder / "blobs")
    notebook.namespace["TMP"] = str(folder)
    notebook.execute(PRELUDE)
    notebook.execute(before)
    other = notebook.move()
    _delete_nothing(notebook.namespace)
    notebook.namespace.clear()
    gc.collect()
    try:
        other.execute(after)
    finally:
        other.namespace.clear()
        other.forget()
        gc.collect()


def _delete_nothing(namespace: dict[str, Any]) -> None:
    """A process that ends by ``os._exit`` leaves temporary files where they are."""
    for value in namespace.values():
        if type(value) is tempfile.TemporaryDirectory:
            value._finalizer.detach()
        elif type(value) is tempfile._TemporaryFileWrapper:
            value._closer.delete = False
