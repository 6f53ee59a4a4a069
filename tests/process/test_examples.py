"""The notebooks in ``examples/``: they finish with the right outputs, and nearly every wait of theirs is a move."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

from notebooks import DEADLINE_S, Home, until

pytestmark = pytest.mark.process

EXAMPLES = Path(__file__).parents[2] / "examples"
MOVED_SHARE = 0.9


@dataclass
class Run:
    """An executed example: its code cells, and what the records say about each of them."""

    cells: list[Any]
    moves: list[list[dict[str, Any]]]
    decisions: list[list[dict[str, Any]]]

    def text(self, number: int, stream: str = "stdout") -> str:
        outputs = self.cells[number].outputs
        return "".join(output.text for output in outputs if output.output_type == "stream" and output.name == stream)

    def value(self, number: int) -> str | None:
        for output in self.cells[number].outputs:
            if output.output_type == "execute_result":
                return str(output.data["text/plain"])
        return None

    def pids(self, number: int) -> set[int]:
        return {pid for move in self.moves[number] for pid in (move["from_pid"], move["to_pid"])}


def execute(name: str, home: Home, meanwhile: Callable[[], None] | None = None) -> Run:
    """Run an example through nbclient, and ``meanwhile`` in a thread beside it."""

    async def go() -> Run:
        notebook = nbformat.read(EXAMPLES / name, as_version=4)
        manager = AsyncKernelManager(kernel_name="caesura-test")
        manager.kernel_spec_manager.kernel_dirs = [str(home.kernelspec(sys.executable))]
        runner = NotebookClient(notebook, km=manager, timeout=DEADLINE_S)
        async with runner.async_setup_kernel(env=home.environ(), cwd=str(home.path.parent), cleanup_kc=True):
            async with asyncio.TaskGroup() as together:
                together.create_task(asyncio.to_thread(meanwhile or (lambda: None)))
                for index, cell in enumerate(notebook.cells):
                    await runner.async_execute_cell(cell, index)
            return await asyncio.to_thread(records, [cell for cell in notebook.cells if cell.cell_type == "code"])

    def records(cells: list[Any]) -> Run:
        ids = [cell["cell_id"] for cell in home.request("cells") if cell["kind"] == "notebook"]
        assert len(ids) == len(cells)
        moves, decisions = (
            [list(home.request(method, cell_id=cell_id)) for cell_id in ids] for method in ("moves", "decisions")
        )
        return Run(cells, moves, decisions)

    return asyncio.run(go())


def expect_moved(run: Run) -> None:
    """At least nine blocks of ten were moved. Every block has its decision in the records, also one that is held."""
    moves, blocks = sum(map(len, run.moves)), sum(map(len, run.decisions))
    assert blocks > 0
    assert moves >= MOVED_SHARE * blocks, [decision["reason"] for row in run.decisions for decision in row]


@pytest.fixture
def always(make_home: Callable[..., Home]) -> Home:
    return make_home(CAESURA_WORKERS="2", CAESURA_POLICY="always")


def test_the_fan_out(always: Home) -> None:
    run = execute("fan-out.ipynb", always)
    cities = ["Bergen", "Lisbon", "Ottawa", "Perth", "Quito", "Turin"]
    assert run.text(2).splitlines() == [f"{city:<8} {12 + len(city):>3} °C" for city in cities]
    assert "6/6" in run.text(2, "stderr")
    assert run.value(3) == "'Bergen'"
    assert len(run.pids(2)) >= 2
    expect_moved(run)


def test_the_polling_loop(always: Home) -> None:
    run = execute("polling.ipynb", always)
    looks = {"orders": 4, "customers": 2, "invoices": 3}
    assert run.text(2).splitlines() == [f"{name}: done after {count} looks" for name, count in looks.items()]
    assert run.value(3) == "9"
    assert len(run.moves[2]) == sum(looks.values()) - len(looks)
    expect_moved(run)


def test_the_approval_is_given_on_the_command_line(always: Home) -> None:
    def approve() -> None:
        listed = until(lambda: json.loads(always.command("events", "--json").stdout or "[]"), "the event is listed")
        assert [event["name"] for event in listed] == ["budget-approval"]
        send = ("events", "send", "budget-approval", "--json")
        refused = always.command(*send, '{"approved": true}')
        assert refused.returncode == 1
        assert "'by' is a required property" in refused.stderr
        accepted = always.command(*send, '{"approved": true, "by": "Ada"}')
        assert accepted.returncode == 0, accepted.stderr

    run = execute("approval.ipynb", always, approve)
    assert run.text(0) == "asking for 3000 €\n"
    assert run.text(1) == "approved by Ada\n"
    assert run.value(2) == "3000"
    assert len(run.moves[1]) == 1
    expect_moved(run)
