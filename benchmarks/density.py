"""What many waiting notebooks cost: suspended ones on a small pool, beside plain kernels that wait.

Memory is the proportional set size (PSS) summed over all processes where the system tells it (Linux), else the resident
size. A few plain kernels are measured and multiplied. Afterwards all notebooks get their answer and have to finish.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import hosted
import psutil
from kernels import Bench, Kernel, progress

MIB = 1 << 20
TIMEOUT_S = 900
STEP = 20
"""How many notebooks are started before waiting for them to be suspended."""


@dataclass(frozen=True)
class Figures:
    """``plain_*`` are extrapolated from ``plain_measured`` kernels to ``notebooks``."""

    notebooks: int
    workers: int
    memory: str
    caesura_mib: float
    caesura_processes: int
    stubs_mib: float
    coordinator_mib: float
    zygotes_and_workers_mib: float
    plain_measured: int
    plain_mib: float
    plain_processes: int
    suspended_s: float
    finished_s: float

    @property
    def ratio(self) -> float:
        return self.plain_mib / self.caesura_mib


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--notebooks", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--workers", type=int, default=2, help="size of the pool (default: %(default)s)")
    parser.add_argument("--plain", type=int, default=5, help="plain kernels to measure (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--provisioner", action="store_true", help="notebooks without a process (hosted.py)")
    options = parser.parse_args(arguments)
    if options.provisioner:
        found = hosted.measure(options.notebooks, options.workers)
        if options.json:
            print(json.dumps(asdict(found), indent=2))
        else:
            hosted.show(found)
        return 0
    figures = measure(options.notebooks, options.workers, options.plain)
    if options.json:
        print(json.dumps({**asdict(figures), "ratio": figures.ratio}, indent=2))
    else:
        show(figures)
    return 0


def measure(notebooks: int, workers: int, plain: int) -> Figures:
    plain_each = plain_kernel_mib(plain)
    with Bench(CAESURA_WORKERS=str(workers), CAESURA_POLICY="always") as bench:
        started = time.monotonic()
        cells = suspend_all(bench, notebooks)
        suspended_s = time.monotonic() - started
        coordinator = bench.request("status")["coordinator"]["pid"]
        stubs = [kernel.pid for kernel, _ in cells]
        others = [process.pid for process in psutil.Process(coordinator).children(recursive=True)]
        parts = total_mib(stubs), total_mib([coordinator]), total_mib(others)
        started = time.monotonic()
        finish_all(bench, cells)
        finished_s = time.monotonic() - started
    return Figures(
        notebooks=notebooks,
        workers=workers,
        memory="pss" if psutil.LINUX else "rss",
        caesura_mib=sum(parts),
        caesura_processes=len(stubs) + 1 + len(others),
        stubs_mib=parts[0],
        coordinator_mib=parts[1],
        zygotes_and_workers_mib=parts[2],
        plain_measured=plain,
        plain_mib=plain_each * notebooks,
        plain_processes=notebooks,
        suspended_s=suspended_s,
        finished_s=finished_s,
    )


def plain_kernel_mib(count: int) -> float:
    """The median memory of a plain kernel whose cell waits."""
    with Bench() as bench, progress(count, "plain kernels") as done:
        kernels = []
        for index in range(count):
            kernel = bench.plain()
            kernel.ready()
            kernel.wait_for_line(kernel.submit("import asyncio\nprint('waits', flush=True)\nawait asyncio.sleep(3600)"))
            kernels.append(kernel)
            done(index + 1)
        return statistics.median(total_mib([kernel.pid]) for kernel in kernels)


def suspend_all(bench: Bench, count: int) -> list[tuple[Kernel, str]]:
    """Start the notebooks a few at a time and wait until every cell is suspended."""
    cells: list[tuple[Kernel, str]] = []
    with progress(count, "suspended notebooks") as done:
        while len(cells) < count:
            batch = [bench.caesura() for _ in range(min(STEP, count - len(cells)))]
            for kernel in batch:
                kernel.ready()
                cells.append(
                    (kernel, kernel.submit("import caesura\nnumber = 21\nprint(number * await caesura.event('go'))"))
                )
            wait_for(lambda: count_suspended(bench) >= len(cells), "all cells are suspended")
            done(len(cells))
    wait_for(lambda: not bench.request("status")["workers"], "the workers are gone", give_up_s=20)
    return cells


def finish_all(bench: Bench, cells: Sequence[tuple[Kernel, str]]) -> None:
    bench.request("send_event", name="go", value=2)
    with progress(len(cells), "finished notebooks") as done:
        for index, (kernel, cell) in enumerate(cells):
            text = kernel.wait(cell).text
            if text != "42\n":
                raise RuntimeError(f"a notebook printed {text!r} instead of 42")
            done(index + 1)


def count_suspended(bench: Bench) -> int:
    return sum(cell["state"] == "released" for cell in bench.request("status")["cells"])


def wait_for(condition: object, what: str, give_up_s: float | None = None) -> None:
    """Until ``condition()``; after ``give_up_s`` go on without it, and without that fail after TIMEOUT_S."""
    assert callable(condition)
    end = time.monotonic() + (TIMEOUT_S if give_up_s is None else give_up_s)
    while not condition():
        if time.monotonic() > end:
            if give_up_s is not None:
                return
            raise TimeoutError(f"not within {TIMEOUT_S} s: {what}")
        time.sleep(0.05)


def total_mib(pids: Iterable[int]) -> float:
    total = 0
    for pid in pids:
        info = psutil.Process(pid).memory_full_info()
        total += getattr(info, "pss", info.rss)
    return total / MIB


def show(figures: Figures) -> None:
    rows = [
        (f"Caesura, pool of {figures.workers}", figures.caesura_mib, str(figures.caesura_processes)),
        ("  stubs", figures.stubs_mib, str(figures.notebooks)),
        ("  coordinator", figures.coordinator_mib, "1"),
        (
            "  zygotes and workers",
            figures.zygotes_and_workers_mib,
            str(figures.caesura_processes - figures.notebooks - 1),
        ),
        (f"plain kernels ({figures.plain_measured} measured)", figures.plain_mib, str(figures.plain_processes)),
    ]
    width = max(len(name) for name, _, _ in rows)
    print(
        f"{figures.notebooks} waiting notebooks".ljust(width), f"{f'MiB ({figures.memory})':>12}", "processes", sep="  "
    )
    for name, mib, processes in rows:
        print(name.ljust(width), f"{mib:12,.1f}", f"{processes:>9}", sep="  ")
    print("plain / Caesura".ljust(width), f"{figures.ratio:12.1f}", sep="  ")
    print(f"all suspended {figures.suspended_s:.1f} s after the first start, all finished ", end="")
    print(f"{figures.finished_s:.1f} s after the answer")


if __name__ == "__main__":
    sys.exit(main())
