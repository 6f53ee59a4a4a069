"""How long cells wait for a worker when many notebooks share a few: new cells, and those that come back from a wait.

Half of the notebooks run a cell that waits and computes in turns; the others run short cells, one after the other. For
each kind the distribution of the waits is printed, over all and for the notebook that fared worst. A share is what a
wait would be if all got the same: the time that all computing takes, over the number of workers.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import zmq
from kernels import Bench, Kernel, progress

WAITING_CELL = """
import asyncio, time
for _ in range({rounds}):
    due = time.time() + {pause_s}
    await asyncio.sleep({pause_s})
    late = time.time() - due
    end = time.process_time() + {busy_s}
    while time.process_time() < end:
        pass
    print("late", late, flush=True)
"""
SHORT_CELL = """
import time
print("began", time.time(), flush=True)
end = time.process_time() + {busy_s}
while time.process_time() < end:
    pass
"""


@dataclass(frozen=True)
class Waits:
    """Seconds. ``worst_notebook_s`` is the largest of the notebooks' medians."""

    name: str
    count: int
    median_s: float
    p90_s: float
    p99_s: float
    longest_s: float
    worst_notebook_s: float


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notebooks", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--workers", type=int, default=2, help="size of the pool (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="waits, or short cells, of each (default: %(default)s)")
    parser.add_argument("--pause-s", type=float, default=2.0, help="of each wait (default: %(default)s)")
    parser.add_argument("--busy-s", type=float, default=0.02, help="of each computing (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    found = measure(options.notebooks, options.workers, options.rounds, options.pause_s, options.busy_s)
    if options.json:
        print(json.dumps([asdict(each) for each in found], indent=2))
    else:
        show(found)
    return 0


def measure(notebooks: int, workers: int, rounds: int, pause_s: float, busy_s: float) -> list[Waits]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard > 0 else soft, hard))
    with zmq.Context() as context, Bench(CAESURA_WORKERS=str(workers), CAESURA_POLICY="always") as bench:
        context.set(zmq.MAX_SOCKETS, min(65_535, int(context.get(zmq.SOCKET_LIMIT))))
        kernels = start(bench, context, notebooks)
        waiting, short = kernels[::2], kernels[1::2]
        code = WAITING_CELL.format(rounds=rounds, pause_s=pause_s, busy_s=busy_s)
        began = time.monotonic()
        long_cells = [(kernel, kernel.submit(code)) for kernel in waiting]
        new: dict[int, list[float]] = {}
        with progress(rounds, "rounds of short cells") as done:
            for count in range(rounds):
                cells = [
                    (number, kernel, kernel.submit(SHORT_CELL.format(busy_s=busy_s)))
                    for number, kernel in enumerate(short)
                ]
                for number, kernel, cell in cells:
                    run = kernel.wait(cell)
                    new.setdefault(number, []).append(float(run.text.split()[1]) - run.sent_at)
                done(count + 1)
        back: dict[int, list[float]] = {}
        with progress(len(long_cells), "cells that waited") as done:
            for number, (kernel, cell) in enumerate(long_cells):
                text = kernel.wait(cell).text
                back[number] = [float(line.split()[1]) for line in text.splitlines()]
                done(number + 1)
        took_s = time.monotonic() - began
    if any(len(each) != rounds for each in (*new.values(), *back.values())):
        raise RuntimeError("a cell did not run as often as it should")
    share_s = took_s / rounds
    sys.stderr.write(f"all took {took_s:.1f} s; a share is {share_s:.2f} s of that for each round of all notebooks\n")
    return [summary("new cells, from request to first line", new), summary("resumed cells, from due on", back)]


def start(bench: Bench, context: zmq.Context[zmq.Socket[bytes]], count: int) -> list[Kernel]:
    kernels: list[Kernel] = []
    with progress(count, "notebooks") as done:
        for number in range(count):
            kernels.append(bench.hosted(context))
            kernels[-1].ready()
            done(number + 1)
    return kernels


def summary(name: str, waits: dict[int, list[float]]) -> Waits:
    all_of_them = sorted(each for of_one in waits.values() for each in of_one)
    percentiles = statistics.quantiles(all_of_them, n=100)
    return Waits(
        name,
        len(all_of_them),
        statistics.median(all_of_them),
        percentiles[89],
        percentiles[98],
        all_of_them[-1],
        max(statistics.median(of_one) for of_one in waits.values()),
    )


def show(found: Sequence[Waits]) -> None:
    rows = [("", "count", "median s", "90 %", "99 %", "longest", "worst notebook")]
    rows += [
        (
            each.name,
            str(each.count),
            *(f"{value:.2f}" for value in (each.median_s, each.p90_s, each.p99_s, each.longest_s)),
            f"{each.worst_notebook_s:.2f}",
        )
        for each in found
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for name, *rest in rows:
        print(
            name.ljust(widths[0]), *(text.rjust(width) for text, width in zip(rest, widths[1:], strict=True)), sep="  "
        )


if __name__ == "__main__":
    sys.exit(main())
