"""Runs of one notebook under plain ``python3`` and under Caesura, and what the records say about them."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from normalise import Json, normalised

from caesura.client import NoCoordinator
from notebooks import DEADLINE_S, Home, until

CELL_TIMEOUT_S = 90
ANSWERS = {"budget-approval": '{"approved": true, "by": "Ada"}'}
"""What is sent to an event when a notebook waits for it."""


@dataclass(frozen=True)
class CellRun:
    """One code cell: its source, its number, its normalised outputs, and what was decided and done about it."""

    source: str
    execution_count: int | None
    outputs: list[Json]
    moves: list[Json]
    decisions: list[Json]


def run(path: Path, home: Home, kernel: str) -> list[CellRun]:
    """Execute the notebook on ``python3`` or, through the home's own kernelspec, on ``caesura``."""
    return asyncio.run(_run(path, home, kernel))


async def _run(path: Path, home: Home, kernel: str) -> list[CellRun]:
    notebook = nbformat.read(path, as_version=4)
    manager = AsyncKernelManager(kernel_name="python3" if kernel == "python3" else "caesura-test")
    if kernel != "python3":
        manager.kernel_spec_manager.kernel_dirs = [str(home.kernelspec(sys.executable))]
    runner = NotebookClient(notebook, km=manager, timeout=CELL_TIMEOUT_S, allow_errors=True)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    records: list[tuple[list[Json], list[Json]]] = [([], []) for _ in cells]
    folder = home.path.parent / f"work-{kernel}"
    folder.mkdir(exist_ok=True)
    with _answering(home):
        async with runner.async_setup_kernel(env=home.environ(), cwd=str(folder), cleanup_kc=True):
            for index, cell in enumerate(notebook.cells):
                await runner.async_execute_cell(cell, index)
            if kernel != "python3":
                records = _records(home, len(cells))
    return [
        CellRun(cell.source, cell.execution_count, normalised(cell.outputs), moves, decisions)
        for cell, (moves, decisions) in zip(cells, records, strict=True)
    ]


def _records(home: Home, count: int) -> list[tuple[list[Json], list[Json]]]:
    """Moves and decisions of the notebook's cells, in the order in which they ran."""
    ids = [cell["cell_id"] for cell in home.request("cells") if cell["kind"] == "notebook"]
    assert len(ids) == count, f"{count} cells were run, the records have {len(ids)}"
    return [(home.request("moves", cell_id=one), home.request("decisions", cell_id=one)) for one in ids]


@contextlib.contextmanager
def _answering(home: Home) -> Iterator[None]:
    """Answers every event of :data:`ANSWERS` that somebody waits for, as a user in a terminal would."""
    over = threading.Event()
    failures: list[BaseException] = []

    def answer() -> None:
        try:
            while not over.is_set():
                for name in _awaited(home) & ANSWERS.keys():
                    sent = home.command("events", "send", name, "--json", ANSWERS[name])
                    assert sent.returncode == 0, sent.stderr
                    until(lambda name=name: over.is_set() or name not in _awaited(home), f"{name} is answered")
                over.wait(0.05)
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=answer, name="answers events", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(DEADLINE_S)
    if failures:
        raise failures[0]


def _awaited(home: Home) -> set[str]:
    try:
        waiting: list[dict[str, Any]] = home.request("events")
    except NoCoordinator:
        return set()
    return {event["name"] for event in waiting}
