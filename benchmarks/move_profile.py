"""Where the time of a small session's suspend and resume goes, step by step over all processes.

The product has named points for its tests; each notes when it was reached, and what CPU time its process had used.
"""

from __future__ import annotations

import contextlib
import statistics
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from kernels import Bench, progress, wait_until_gone

from caesura.client import Client

MS = 1000
WAITING_CELL = """
print(os.getpid(), time.time(), flush=True)
answer = await caesura.event({event!r})
print("here", flush=True)
"""


@dataclass
class Step:
    """Of one point: milliseconds since the beginning, since the point before, and of CPU in its process since that
    process's last point, with the pages that it touched first meanwhile."""

    at: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)


Reached = list[tuple[float, str, float, int, str]]
"""(wall time, point, CPU time, page faults, pid) in order."""


def profile(runs: int) -> None:
    """Move a small session ``runs`` times and print a table for each way."""
    suspends: dict[str, Step] = defaultdict(Step)
    resumes: dict[str, Step] = defaultdict(Step)
    with (
        tempfile.TemporaryDirectory(prefix="caesura-points-") as folder,
        contextlib.closing(Path(folder, "times").open("x")),
        Bench(CAESURA_WORKERS="2", CAESURA_POLICY="always", CAESURA_TEST_POINTS=folder) as bench,
        progress(runs, "moves") as done,
    ):
        times = Path(folder, "times")
        kernel = bench.caesura()
        kernel.ready()
        kernel.run("import caesura, os, time\nstate = list(range(100))")
        with contextlib.closing(Client(bench.path)) as client:
            for count in range(runs + 1):
                kernel.run("pass")
                _take(times)
                cell = kernel.submit(WAITING_CELL.format(event=f"go-{count}"))
                pid, blocked_at = kernel.wait_for_line(cell).text.split()
                gone_at = wait_until_gone(int(pid))
                suspend = [*_take(times), (gone_at, "(the process is gone)", 0.0, 0, "")]
                time.sleep(0.2)  # as if something were waited for: a spare worker is made meanwhile
                answered_at = time.time()
                client.request("send_event", name=f"go-{count}", value=None)
                here_at = kernel.wait_for_line(cell, 2).texts[-1][0]
                kernel.wait(cell)
                resume = [each for each in _take(times) if each[0] < here_at]
                if count:  # the first is not warm
                    _add(suspends, float(blocked_at), suspend)
                    _add(resumes, answered_at, [*resume, (here_at, "(the first line arrives)", 0.0, 0, "")])
                done(count)
    _show("suspend: from just before the await to the end of the process", suspends)
    _show("resume: from the answer to the first line after the await", resumes)


def _take(times: Path) -> Reached:
    """What was noted since the last call."""
    found: Reached = []
    for line in times.read_text().splitlines():
        wall, name, cpu, faults, pid = line.split()
        found.append((float(wall), name, float(cpu), int(faults), pid))
    times.write_text("")
    return sorted(found)


def _add(steps: dict[str, Step], began: float, reached: Reached) -> None:
    before = began
    last: dict[str, tuple[float, int]] = {}
    for wall, name, cpu, faults, pid in reached:
        step = steps[name]
        step.at.append((wall - began) * MS)
        step.took.append((wall - before) * MS)
        if pid in last:
            step.cpu.append((cpu - last[pid][0]) * MS)
            step.faults.append(faults - last[pid][1])
        before = wall
        last[pid] = cpu, faults


def _show(title: str, steps: dict[str, Step]) -> None:
    print(title)
    print(f"  {'':28}{'at ms':>9}{'took':>9}{'CPU':>9}{'faults':>9}")
    for name, step in sorted(steps.items(), key=lambda item: statistics.median(item[1].at)):
        cpu = f"{statistics.median(step.cpu):9.2f}{statistics.median(step.faults):9.0f}" if step.cpu else ""
        print(f"  {name:28}{statistics.median(step.at):9.2f}{statistics.median(step.took):9.2f}{cpu}")
