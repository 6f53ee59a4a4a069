"""What Caesura costs when nobody does anything: a coordinator without notebooks, and the stub of one that is open.

Wake-ups are voluntary context switches of all threads (Linux).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from kernels import Bench

from caesura.starting import ensure_coordinator

MIB = 1 << 20
SETTLE_S = 4.0
"""The stub falls asleep after two seconds."""


@dataclass(frozen=True)
class Figures:
    seconds: float
    coordinator_pss_mib: float
    coordinator_rss_mib: float
    coordinator_threads: int
    coordinator_wakes: int
    coordinator_cpu_s: float
    stub_pss_mib: float
    stub_uss_mib: float
    stub_wakes: int


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to look (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    figures = measure(options.seconds)
    if options.json:
        print(json.dumps(asdict(figures), indent=2))
        return 0
    rows = [
        ("coordinator without notebooks", f"{figures.coordinator_pss_mib:.1f} MiB (PSS)"),
        ("  wakes up", f"{figures.coordinator_wakes} times in {figures.seconds:g} s"),
        ("  processor", f"{figures.coordinator_cpu_s:.2f} s, {figures.coordinator_threads} threads"),
        ("stub of an open notebook", f"{figures.stub_pss_mib:.1f} MiB (PSS), {figures.stub_uss_mib:.1f} of its own"),
        ("  wakes up", f"{figures.stub_wakes} times in {min(10.0, figures.seconds):g} s"),
    ]
    for name, text in rows:
        print(f"{name:<32}{text}")
    return 0


def measure(seconds: float) -> Figures:
    with Bench() as bench:
        found = ensure_coordinator(bench.path, bench.environ())
        coordinator = psutil.Process(found["pid"])
        time.sleep(SETTLE_S)
        memory, threads = coordinator.memory_full_info(), coordinator.num_threads()
        wakes, busy = wakes_of(coordinator.pid), sum(coordinator.cpu_times()[:2])
        time.sleep(seconds)
        wakes, busy = wakes_of(coordinator.pid) - wakes, sum(coordinator.cpu_times()[:2]) - busy
        kernel = bench.caesura()
        kernel.ready()
        time.sleep(SETTLE_S)
        stub = psutil.Process(kernel.pid).memory_full_info()
        stub_wakes = wakes_of(kernel.pid)
        time.sleep(min(10.0, seconds))
        return Figures(
            seconds=seconds,
            coordinator_pss_mib=getattr(memory, "pss", memory.rss) / MIB,
            coordinator_rss_mib=memory.rss / MIB,
            coordinator_threads=threads,
            coordinator_wakes=wakes,
            coordinator_cpu_s=busy,
            stub_pss_mib=getattr(stub, "pss", stub.rss) / MIB,
            stub_uss_mib=stub.uss / MIB,
            stub_wakes=wakes_of(kernel.pid) - stub_wakes,
        )


def wakes_of(pid: int) -> int:
    return sum(
        int(task.joinpath("status").read_text().split("\nvoluntary_ctxt_switches:")[1].split()[0])
        for task in Path(f"/proc/{pid}/task").iterdir()
    )


if __name__ == "__main__":
    sys.exit(main())
