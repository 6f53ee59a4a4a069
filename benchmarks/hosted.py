"""What many waiting notebooks cost that have no process: `density.py --provisioner`.

Each has a kernel manager, as in Jupyter Server, and a client until its cell is suspended. Then the memory, descriptors
and processor time of all processes of Caesura are measured, all cells get their answer, and each has to write what it
makes of it. This process is Jupyter's, and not counted.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import zmq
from kernels import Bench, Kernel, progress

KIB = 1 << 10
TIMEOUT_S = 3600
STEP = 40
CPU_S = 60.0
"""For how long the processor time of the waiting notebooks is measured."""
SAMPLE = 20
"""How many notebooks get a client again in the end."""


@dataclass(frozen=True)
class HostedFigures:
    """``empty_kib`` is the coordinator before the first notebook, ``kib_each`` what a notebook adds to it."""

    notebooks: int
    workers: int
    memory: str
    empty_kib: float
    coordinator_kib: float
    kib_each: float
    processes_each: int
    descriptors_each: float
    other_processes: int
    core_percent_per_1000: float
    suspended_s: float
    finished_s: float


def measure(notebooks: int, workers: int) -> HostedFigures:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard > 0 else soft, hard))
    with zmq.Context() as context, Bench(CAESURA_WORKERS=str(workers), CAESURA_POLICY="always") as bench:
        context.set(zmq.MAX_SOCKETS, min(65_535, int(context.get(zmq.SOCKET_LIMIT))))
        written = bench.path.parent / "written"
        first = suspend(bench, context, 1, 1, written)  # with it come a zygote and what is imported on first use
        coordinator = psutil.Process(bench.request("status")["coordinator"]["pid"])
        empty, empty_files = kib(coordinator), coordinator.num_fds()
        started = time.monotonic()
        kernels = first + suspend(bench, context, notebooks, notebooks + 1, written)
        suspended_s = time.monotonic() - started
        full, full_files = kib(coordinator), coordinator.num_fds()
        others = coordinator.children(recursive=True)
        busy = cpu_s(coordinator)
        time.sleep(CPU_S)
        busy = (cpu_s(coordinator) - busy) / CPU_S
        sys.stderr.write(f"all suspended: {(full - empty) / notebooks:.1f} KiB each, {100 * busy:.3f} % of a core\n")
        started = time.monotonic()
        wake(bench, written, len(kernels))
        finished_s = time.monotonic() - started
        look_at_some(kernels)
        return HostedFigures(
            notebooks=notebooks,
            workers=workers,
            memory="pss" if psutil.LINUX else "rss",
            empty_kib=empty,
            coordinator_kib=full,
            kib_each=(full - empty) / notebooks,
            processes_each=0,
            descriptors_each=(full_files - empty_files) / notebooks,
            other_processes=len(others),
            core_percent_per_1000=100 * busy * 1000 / notebooks,
            suspended_s=suspended_s,
            finished_s=finished_s,
        )


def suspend(bench: Bench, context: zmq.Context, count: int, total: int, written: Path) -> list[Kernel]:
    """Start ``count`` notebooks, a few at a time, until ``total`` cells are suspended; their clients go then."""
    code = (
        "import caesura\nnumber = 21\nanswer = number * await caesura.event('go')\n"
        f"with open({str(written)!r}, 'a') as file:\n    _ = file.write(f'{{answer}}\\n')"
    )
    kernels: list[Kernel] = []
    with progress(count, "suspended notebooks") as done:
        while len(kernels) < count:
            batch = [bench.hosted(context) for _ in range(min(STEP, count - len(kernels)))]
            for kernel in batch:
                kernel.ready()
                kernel.submit(code)
            kernels += batch
            wait_for_states(bench, "released", total - count + len(kernels))
            for kernel in batch:
                kernel.leave()
            done(len(kernels))
    end = time.monotonic() + 20
    while bench.request("status")["workers"] and time.monotonic() < end:
        time.sleep(0.1)
    return kernels


def wait_for_states(bench: Bench, state: str, count: int) -> None:
    end = time.monotonic() + TIMEOUT_S
    while sum(cell["state"] == state for cell in bench.request("cells")) < count:
        if time.monotonic() > end:
            raise TimeoutError(f"not within {TIMEOUT_S} s: {count} cells {state}")
        time.sleep(0.05 + count / 5000)  # the coordinator has to list them all


def wake(bench: Bench, written: Path, count: int) -> None:
    """Answer all cells and wait until each has written what it made of the answer."""
    end = time.monotonic() + TIMEOUT_S
    bench.request("send_event", name="go", value=2)
    with progress(count, "finished notebooks") as done:
        while True:
            lines = written.read_text().splitlines() if written.exists() else []
            done(len(lines))
            if len(lines) >= count:
                break
            if time.monotonic() > end:
                raise TimeoutError(f"only {len(lines)} of {count} notebooks woke within {TIMEOUT_S} s")
            time.sleep(0.2)
    if set(lines) != {"42"} or len(lines) != count:
        raise RuntimeError(f"{len(lines)} notebooks wrote {sorted(set(lines))} instead of 42")


def look_at_some(kernels: Sequence[Kernel]) -> None:
    """A client comes back to some of them: the variables are there."""
    for kernel in kernels[:: max(1, len(kernels) // SAMPLE)]:
        kernel.come_back()
        if (text := kernel.run("print(answer)").text) != "42\n":
            raise RuntimeError(f"a notebook printed {text!r} instead of 42")
        kernel.leave()


def kib(process: psutil.Process) -> float:
    info = process.memory_full_info()
    return float(getattr(info, "pss", info.rss)) / KIB


def cpu_s(process: psutil.Process) -> float:
    """Of it and of all that it has started and not yet reaped."""
    total = 0.0
    for each in (process, *process.children(recursive=True)):
        times = each.cpu_times()
        total += times.user + times.system
    return total


def show(figures: HostedFigures) -> None:
    rows = [
        (f"memory of a notebook ({figures.memory})", f"{figures.kib_each:.1f} KiB, in the coordinator"),
        ("coordinator", f"{figures.coordinator_kib / KIB:.1f} MiB, {figures.empty_kib / KIB:.1f} with one notebook"),
        ("processes of a notebook", f"{figures.processes_each} ({figures.other_processes} others in all)"),
        ("descriptors of a notebook", f"{figures.descriptors_each:.2f}"),
        ("processor, for 1000 notebooks", f"{figures.core_percent_per_1000:.3f} % of a core"),
        ("all suspended", f"{figures.suspended_s:.0f} s after the first start"),
        ("all awake", f"{figures.finished_s:.0f} s after the answer"),
    ]
    print(
        f"{figures.notebooks} suspended notebooks without a process, pool of {figures.workers}, {os.cpu_count()} cores"
    )
    for name, text in rows:
        print(f"  {name:<32}{text}")
