"""Run a notebook whose cell waits, and show from the records how the cell moved from process to process.

`make demo` runs this. It uses a home directory of its own, with a coordinator of its own that is stopped at the end.
Exit status: 0 if at least two processes ran parts of one cell, else 1 with the reason.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from caesura.client import Client
from caesura.config import read_connection
from caesura.errors import CaesuraError

HERE = Path(__file__).parent
CELL_TIMEOUT_S = 120
STOP_TIMEOUT_S = 20


class Progress:
    """One line that says what happens now: redrawn on a terminal, else printed when it changes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._redraws = stream.isatty()
        self._last = ""

    def show(self, text: str) -> None:
        if text == self._last:
            return
        self._last = text
        self._stream.write(f"\r\x1b[2K{text}" if self._redraws else f"{text}\n")
        self._stream.flush()

    def end(self) -> None:
        if self._redraws and self._last:
            self._stream.write("\n")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("notebook", nargs="?", type=Path, default=HERE / "fan-out.ipynb")
    parser.add_argument("--kernel", default="caesura", help="name of the kernelspec (default: %(default)s)")
    parser.add_argument("--policy", default="always", help="CAESURA_POLICY for the run (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the moves as JSON instead of tables")
    options = parser.parse_args(arguments)

    with tempfile.TemporaryDirectory(prefix="caesura-demo-") as folder:
        home = Path(folder) / "home"
        os.environ.update(CAESURA_HOME=str(home), CAESURA_POLICY=options.policy, CAESURA_WORKERS="2")
        os.environ["IPYTHONDIR"] = str(Path(folder) / "ipython")
        with stopped_at_the_end(home):
            try:
                cells = asyncio.run(run(options.notebook, options.kernel, home, quiet=options.json))
            except CellExecutionError as error:
                print(f"The notebook failed:\n{error}", file=sys.stderr)
                return 1
            except (CaesuraError, OSError) as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
                return 1
    if options.json:
        print(json.dumps(cells, indent=2))
    else:
        for cell in cells:
            print_cell(cell)
    return verdict(cells, quiet=options.json)


async def run(path: Path, kernel: str, home: Path, *, quiet: bool) -> list[dict[str, Any]]:
    """Execute the notebook; its cells that moved, each as ``{"code", "outputs", "moves"}``."""
    notebook = nbformat.read(path, as_version=4)
    count = sum(cell.cell_type == "code" for cell in notebook.cells)
    progress = Progress(open(os.devnull, "w") if quiet else sys.stderr)  # noqa: SIM115
    progress.show(f"starting the kernel for {path.name}")
    runner = NotebookClient(notebook, timeout=CELL_TIMEOUT_S, kernel_name=kernel)
    async with runner.async_setup_kernel(cwd=str(path.parent)):
        watcher = asyncio.create_task(watch(home, count, progress))
        try:
            for index, cell in enumerate(notebook.cells):
                await runner.async_execute_cell(cell, index)
        finally:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher
            progress.end()
        # The records of a session are dropped with its kernel, so they are read before it ends.
        records = await asyncio.to_thread(moved_cells, home)
    for record in records:
        # The records have the beginning of the code only.
        cell = next(cell for cell in notebook.cells if cell.source.startswith(record["code"]))
        record.update(code=cell.source, outputs=text_of(cell.outputs))
    return records


async def watch(home: Path, count: int, progress: Progress) -> None:
    """Say what the coordinator says about the running cell, until cancelled."""
    started = time.monotonic()
    while True:
        cells = notebook_cells(await asyncio.to_thread(ask, home, "cells"))
        done = sum(cell["state"] == "done" for cell in cells)
        waiting = [cell for cell in cells if cell["state"] not in {"done", "queued"}]
        what = "; ".join(describe(cell) for cell in waiting) or "between cells"
        progress.show(f"cell {min(done + 1, count)} of {count}, {int(time.monotonic() - started)} s: {what}")
        await asyncio.sleep(0.25)


def describe(cell: dict[str, Any]) -> str:
    """One clause about a cell that is neither done nor queued."""
    waits = len(cell["waits"])
    where = f"on process {cell['worker_pid']}" if cell["worker_pid"] else "without a process"
    what = f", waiting for {counted(waits, 'answer')}" if waits else ""
    return f"{cell['state']} {where}{what}, {counted(cell['moves'], 'move')}"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def ask(home: Path, method: str, **params: Any) -> Any:
    client = Client(home)
    try:
        return client.request(method, **params)
    finally:
        client.close()


def notebook_cells(cells: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the functions that run on behalf of a cell: they are sessions of their own."""
    return [cell for cell in cells if cell["kind"] == "notebook"]


def moved_cells(home: Path) -> list[dict[str, Any]]:
    """The cells of notebooks that moved, with their moves, in the order in which they ran."""
    return [
        {"code": cell["code"], "moves": moves}
        for cell in notebook_cells(ask(home, "cells"))
        if (moves := ask(home, "moves", cell_id=cell["cell_id"]))
    ]


@contextlib.contextmanager
def stopped_at_the_end(home: Path) -> Iterator[None]:
    """The home's coordinator is gone afterwards, so that its directory can be removed."""
    try:
        yield
    finally:
        connection = read_connection(home)
        if connection is not None:
            with contextlib.suppress(CaesuraError, OSError):
                ask(home, "stop", force=True)
            end = time.monotonic() + STOP_TIMEOUT_S
            while is_alive(connection["pid"]) and time.monotonic() < end:
                time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def text_of(outputs: Sequence[Any]) -> str:
    """What the cell printed on stdout, and its value."""
    texts = [output.text for output in outputs if output.output_type == "stream" and output.name == "stdout"]
    texts += [output.data["text/plain"] for output in outputs if output.output_type == "execute_result"]
    return "".join(texts).rstrip("\n")


# --- printing -------------------------------------------------------------------------------------------------------


def print_cell(cell: dict[str, Any]) -> None:
    print("\nThe cell\n")
    print(indented(cell["code"]))
    if cell["outputs"]:
        print("\nprinted\n")
        print(indented(cell["outputs"]))
    moves = cell["moves"]
    print(f"\nand moved {counted(len(moves), 'time')}:\n")
    heads = ("from", "to", "suspended", "resumed", "waited for", "snapshot", "save", "load")
    print_table(heads, [row_of(move) for move in moves], right={0, 1, 5, 6, 7})


def row_of(move: dict[str, Any]) -> tuple[str, ...]:
    return (
        str(move["from_pid"]),
        str(move["to_pid"] or "-"),
        clock(move["suspended_at"]),
        clock(move["resumed_at"]),
        labels(move["waited_for"]),
        f"{move['size_bytes'] / 1000:.1f} kB",
        f"{move['save_s'] * 1000:.0f} ms",
        "-" if move["load_s"] is None else f"{move['load_s'] * 1000:.0f} ms",
    )


def clock(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return time.strftime("%H:%M:%S", time.localtime(seconds)) + f".{int(seconds % 1 * 1000):03d}"


def labels(waits: Sequence[dict[str, Any]]) -> str:
    """``3 x forecast, sleep``: equal labels are counted."""
    counts: dict[str, int] = {}
    for wait in waits:
        name = wait["label"] or wait["kind"]
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in counts.items()) or "-"


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: set[int]) -> None:
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    for row in (heads, *rows):
        cells = [
            text.rjust(width) if i in right else text.ljust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  " + "  ".join(cells).rstrip())


def indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())


def verdict(cells: Sequence[dict[str, Any]], *, quiet: bool) -> int:
    most = max(
        (len({pid for move in cell["moves"] for pid in (move["from_pid"], move["to_pid"]) if pid}) for cell in cells),
        default=0,
    )
    if most < 2:
        print(
            "No cell ran in more than one process: nothing was moved. `caesura doctor` says what is missing.",
            file=sys.stderr,
        )
        return 1
    if not quiet:
        print(f"\n{most} processes ran parts of one cell.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
