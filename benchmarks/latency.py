"""How fast a Caesura kernel answers, beside plain ipykernel in the same run, and what a suspend and a resume cost.

Every pair is measured in turns (plain, Caesura, plain, ...), so that both see the same machine. Figures are medians.
A suspend is from the moment just before the await to the end of the worker process; a resume is from sending the answer
to the arrival of the first line that the cell prints after the await.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import zmq
from kernels import Bench, Kernel, progress, wait_until_gone

MS = 1000
WAITING_CELL = """
print(os.getpid(), time.time(), flush=True)
answer = await caesura.event({event!r})
print("here", flush=True)
"""
DISPLAY_SETUP = """
from IPython.display import display
payload = "x" * 100_000_000
"""
COMM_SETUP = """
def target(comm, message):
    comm.on_msg(lambda message: comm.send(message["content"]["data"]))
get_ipython().kernel.comm_manager.register_target("benchmark", target)
"""


@dataclass(frozen=True)
class Figure:
    """One line of the result. ``plain_ms`` is None where a plain kernel has nothing to compare."""

    name: str
    caesura_ms: float
    plain_ms: float | None
    runs: int

    @property
    def ratio(self) -> float | None:
        return self.caesura_ms / self.plain_ms if self.plain_ms else None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="runs of what takes seconds (default: %(default)s)")
    parser.add_argument("--round-trips", type=int, default=100, help="round trips of `pass` (default: %(default)s)")
    parser.add_argument("--megabytes", type=int, default=300, help="arrays of the large session (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)

    figures = starts(options.runs)
    figures += cells(options.round_trips, options.runs)
    figures += moves("small session", "state = list(range(100))", "pass", options.runs)
    if importlib.util.find_spec("numpy") is None:
        print("numpy is not installed here: the large session is not measured", file=sys.stderr)
    else:
        size = options.megabytes * 125_000
        make = f"import numpy; arrays = [numpy.random.default_rng(i).random({size // 4}) for i in range(4)]"
        label = f"{options.megabytes} MB of arrays"
        figures += moves(f"{label}, new", "import numpy", make, options.runs)
        figures += moves(f"{label}, stored before", make, "pass", options.runs, warm=True)
    if options.json:
        print(json.dumps([{**asdict(figure), "ratio": figure.ratio} for figure in figures], indent=2))
    else:
        show(figures)
    return 0


def starts(runs: int) -> list[Figure]:
    """Start of a kernel to its first reply. The first start of a home starts the coordinator and a zygote as well."""
    first, later, plain, hosted = [], [], [], []
    with progress(runs, "starts") as done, zmq.Context() as context:
        for count in range(runs):
            with Bench(CAESURA_WORKERS="2", CAESURA_POLICY="never") as bench:
                plain.append(bench.plain().ready())
                first.append(bench.caesura().ready())
                later.append(bench.caesura().ready())
                bench.hosted(context).ready()  # as in a server that has had a notebook already
                hosted.append(bench.hosted(context).ready())
            done(count + 1)
    return [
        Figure("start to first reply, through the provisioner", median_ms(hosted), median_ms(plain), runs),
        Figure("start to first reply, coordinator running", median_ms(later), median_ms(plain), runs),
        Figure("start to first reply, first of all", median_ms(first), median_ms(plain), runs),
    ]


def cells(round_trips: int, runs: int) -> list[Figure]:
    """Round trips of short cells, in turns."""
    with Bench(CAESURA_WORKERS="2", CAESURA_POLICY="never") as bench:
        pair = bench.plain(), bench.caesura()
        for kernel in pair:
            kernel.ready()
            kernel.run("pass")
        passes = in_turns(pair, "pass", round_trips, "round trips")
        prints = in_turns(pair, "for i in range(10_000): print('line', i)", runs, "10,000 lines")
        for kernel in pair:
            kernel.run(DISPLAY_SETUP)
        displays = in_turns(pair, "display({'image/png': payload}, raw=True)", runs, "100 MB displays")
        for kernel in pair:
            kernel.run(COMM_SETUP)
            kernel.open_comm("benchmark", "comm")
        comms = [[], []]
        with progress(round_trips, "comm messages") as done:
            for count in range(round_trips):
                for kernel, times in zip(pair, comms, strict=True):
                    times.append(kernel.comm_round_trip("comm"))
                done(count + 1)
    return [
        Figure("round trip of `pass`, to idle", passes[1], passes[0], round_trips),
        Figure("10,000 printed lines, to idle", prints[1], prints[0], runs),
        Figure("display of 100 MB, to idle", displays[1], displays[0], runs),
        Figure("round trip of a comm message, to idle", median_ms(comms[1]), median_ms(comms[0]), round_trips),
    ]


def in_turns(pair: tuple[Kernel, Kernel], code: str, runs: int, what: str) -> list[float]:
    taken: tuple[list[float], list[float]] = ([], [])
    with progress(runs, what) as done:
        for count in range(runs):
            for kernel, times in zip(pair, taken, strict=True):
                run = kernel.run(code)
                times.append(run.idle_at - run.sent_at)
            done(count + 1)
    return [median_ms(times) for times in taken]


def moves(name: str, setup: str, between: str, runs: int, *, warm: bool = False) -> list[Figure]:
    """Suspends and resumes of a session that ``setup`` made; ``between`` runs before each. With ``warm``, the first
    move, which stores everything, is not counted."""
    suspends, resumes = [], []
    with (
        Bench(CAESURA_WORKERS="2", CAESURA_POLICY="always") as bench,
        progress(runs + warm, f"moves, {name}") as done,
    ):
        kernel = bench.caesura()
        kernel.ready()
        kernel.run(f"import caesura, os, time\n{setup}")
        for count in range(runs + warm):
            kernel.run(between)
            event = f"go-{count}"
            cell = kernel.submit(WAITING_CELL.format(event=event))
            pid, blocked_at = kernel.wait_for_line(cell).text.split()
            gone_at = wait_until_gone(int(pid))
            answered_at = time.time()
            bench.request("send_event", name=event, value=None)
            here_at = kernel.wait_for_line(cell, 2).texts[-1][0]
            kernel.wait(cell)
            if count or not warm:
                suspends.append(gone_at - float(blocked_at))
                resumes.append(here_at - answered_at)
            done(count + 1)
    return [
        Figure(f"suspend, {name}", median_ms(suspends), None, runs),
        Figure(f"resume, {name}", median_ms(resumes), None, runs),
    ]


def median_ms(seconds: Sequence[float]) -> float:
    return statistics.median(seconds) * MS


def show(figures: Sequence[Figure]) -> None:
    number: Callable[[float | None], str] = lambda value: "-" if value is None else f"{value:,.1f}"  # noqa: E731
    rows = [("", "caesura ms", "plain ms", "ratio", "runs")]
    rows += [
        (f.name, number(f.caesura_ms), number(f.plain_ms), "-" if f.ratio is None else f"{f.ratio:.2f}", str(f.runs))
        for f in figures
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    for name, *rest in rows:
        print(
            name.ljust(widths[0]), *(text.rjust(width) for text, width in zip(rest, widths[1:], strict=True)), sep="  "
        )


if __name__ == "__main__":
    sys.exit(main())
