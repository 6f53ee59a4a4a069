"""What `caesura savings` says beside what is measured from outside: cells with calls of mixed durations on few workers.

Each cell prints its process before and after its wait. From outside a process is seen to end (its pid is looked at
every two milliseconds) and to have begun (the system keeps the time), so that the time in which a wait had no worker is
known without asking the coordinator. Workers are started as new processes: a zygote keeps some that nobody uses yet.

Ends with exit code 1 if the ledger is off by more than 5 % in the time that workers were free, or were kept.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import zmq
from kernels import Bench, Kernel, is_alive, progress

CELL = """
import asyncio, caesura, os
print(os.getpid(), flush=True)
await {wait}
print(os.getpid(), flush=True)
"""
WAITS = (
    "asyncio.sleep(0.3)",
    "asyncio.sleep(4)",
    "asyncio.sleep(12)",
    "caesura.event('quick')",
    "caesura.event('slow')",
)
QUICK_EVERY_S, SLOW_EVERY_S = 1.0, 9.0
ALLOWED = 0.05


class Ends:
    """When processes ended, as far as they were looked at; a context manager."""

    def __init__(self) -> None:
        self.at: dict[int, float] = {}
        self._watched: set[int] = set()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Ends:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._is_over.set()
        self._thread.join()

    def watch(self, pid: int) -> None:
        self._watched.add(pid)

    def _look(self) -> None:
        while not self._is_over.wait(0.002):
            for pid in [pid for pid in list(self._watched) if not is_alive(pid)]:
                self.at[pid] = time.time()
                self._watched.discard(pid)


@dataclass(frozen=True)
class Found:
    """Seconds over all waits; ``kept`` is what of a wait had a worker, ``freed`` what had none."""

    waits: int
    moved: int
    freed_outside_s: float
    freed_s: float
    kept_outside_s: float
    kept_s: float

    @property
    def off(self) -> float:
        """The larger of the two relative errors."""
        freed = abs(self.freed_s / self.freed_outside_s - 1) if self.freed_outside_s else 0.0
        return max(freed, abs(self.kept_s / self.kept_outside_s - 1))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=60, help="default: %(default)s")
    parser.add_argument("--notebooks", type=int, default=10, help="that share them (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="size of the pool (default: %(default)s)")
    parser.add_argument("--policy", default="auto", help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    found = measure(options.cells, options.notebooks, options.workers, options.policy)
    if options.json:
        print(json.dumps({**asdict(found), "off": found.off}, indent=2))
    else:
        print(f"{found.waits} waits on {options.workers} workers under {options.policy}, {found.moved} let go")
        print(f"without a worker  {found.freed_outside_s:8.2f} s from outside, {found.freed_s:8.2f} s in the ledger")
        print(f"with a worker     {found.kept_outside_s:8.2f} s from outside, {found.kept_s:8.2f} s in the ledger")
        print(f"off by {found.off:.1%} at most; allowed {ALLOWED:.0%}")
    return 0 if found.off <= ALLOWED else 1


def measure(cells: int, notebooks: int, workers: int, policy: str) -> Found:
    env = {"CAESURA_WORKERS": str(workers), "CAESURA_POLICY": policy, "CAESURA_START_METHOD": "spawn"}
    with zmq.Context() as context, Bench(**env) as bench, Ends() as ends:
        kernels = []
        with progress(notebooks, "notebooks") as done:
            for number in range(notebooks):
                kernels.append(bench.hosted(context))
                kernels[-1].ready()
                done(number + 1)
        ids = [(kernels[n % notebooks], kernels[n % notebooks].submit(_code(n, notebooks))) for n in range(cells)]
        _answer_until_over(bench, kernels, ids, ends)
        outside = [_outside(kernel, cell, ends) for kernel, cell in ids]
        rows = bench.request("savings")
    moved = [freed_s for freed_s, _ in outside if freed_s is not None]
    wait_s, freed_s, delay_s = (sum(row[name] for row in rows) for name in ("wait_s", "freed_s", "delay_s"))
    waits = sum(row["waits"] for row in rows)
    if (waits, sum(row["moved"] for row in rows)) != (cells, len(moved)):
        raise RuntimeError(f"from outside {cells} waits and {len(moved)} moves were seen, in the ledger {rows}")
    kept_outside_s = sum(kept_s for _, kept_s in outside)
    return Found(cells, len(moved), sum(moved), freed_s, kept_outside_s, wait_s + delay_s - freed_s)


def _code(number: int, notebooks: int) -> str:
    return CELL.format(wait=WAITS[(number // notebooks + number) % len(WAITS)])


def _answer_until_over(bench: Bench, kernels: Sequence[Kernel], ids: list[tuple[Kernel, str]], ends: Ends) -> None:
    quick_at = slow_at = time.time()
    left = list(ids)
    with progress(len(ids), "cells") as done:
        while left:
            for kernel in kernels:
                kernel.look()
            for kernel, cell in ids:
                for line in kernel.text_of(cell).splitlines():
                    if int(line) not in ends.at:
                        _started_at(int(line))
                        ends.watch(int(line))
            left = [(kernel, cell) for kernel, cell in left if not kernel.is_over(cell)]
            done(len(ids) - len(left))
            now = time.time()
            waiting = {event["name"] for event in bench.request("events")} if left else set()
            if now >= quick_at + QUICK_EVERY_S and "quick" in waiting:
                quick_at = now
                bench.request("send_event", name="quick", value=None)
            if now >= slow_at + SLOW_EVERY_S and "slow" in waiting:
                slow_at = now
                bench.request("send_event", name="slow", value=None)


def _outside(kernel: Kernel, cell: str, ends: Ends) -> tuple[float | None, float]:
    """How long the wait of the cell had no worker (None: it kept it), and how long it had one."""
    lines: list[tuple[float, str]] = []
    for at, text in kernel.wait(cell).texts:  # the end of a line may come by itself
        lines += [(at, line) for line in text.splitlines() if line]
    if len(lines) != 2:
        raise RuntimeError(f"a cell printed {lines}")
    (begun_at, before), (over_at, after) = lines
    if before == after:
        return None, over_at - begun_at
    freed_s = _started_at(int(after)) - ends.at[int(before)]
    return freed_s, over_at - begun_at - freed_s


_STARTED: dict[int, float] = {}


def _started_at(pid: int) -> float:
    """When the process began; its worker may be gone by now, so that it is remembered from the first look on."""
    if pid not in _STARTED:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        since_boot_s = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        uptime_s = float(Path("/proc/uptime").read_text().split()[0])
        _STARTED[pid] = time.time() - (uptime_s - since_boot_s)
    return _STARTED[pid]


if __name__ == "__main__":
    sys.exit(main())
