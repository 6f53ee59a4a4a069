"""The subcommand `simulate`: policies on recorded or synthetic waits, with as many workers and cells as one likes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from caesura.cli.context import Context
from caesura.cli.text import table
from caesura.errors import UsageError
from caesura.policy import parse
from caesura.policy.crowd import Arrival, Load, arrivals_at, crowd
from caesura.policy.simulate import costing, replay
from caesura.policy.trace import arrivals_of, read_trace
from caesura.policy.workloads import BETA_S, CHANGING, STATIONARY

Json = dict[str, Any]

POLICIES = ("never", "always", "fixed:60", "break-even", "mean:10", "auto")
_WORKLOADS = {**STATIONARY, **CHANGING}
_BAR = 40


def takes(made: argparse.ArgumentParser) -> None:
    """The options of the subcommand."""
    made.add_argument(
        "trace", metavar="TRACE", nargs="?", help="a CSV file with the columns key,start,duration_s,state_bytes"
    )
    made.add_argument("--workload", choices=sorted(_WORKLOADS), help="synthetic waits instead of a trace")
    made.add_argument("--policy", action="append", metavar="POLICY", help="which to compare; repeatable")
    made.add_argument("--workers", type=int, default=8, metavar="K", help="size of the pool (default: 8)")
    made.add_argument(
        "--load", type=float, action="append", metavar="X",
        help="how dense the cells come: a synthetic load of 1 takes all workers if no cell ever leaves; a trace is "
        "played X times as fast; repeatable",
    )  # fmt: skip
    made.add_argument("--calls", type=int, default=1000, metavar="N", help="synthetic waits (default: 1000)")
    made.add_argument("--seed", type=int, default=1, help="of the random numbers (default: 1)")
    made.add_argument("--plot", metavar="FILE", help="draw cost against load (needs matplotlib)")


def simulate(context: Context) -> int:
    options = context.options
    policies = [str(parse(text)) for text in options.policy or POLICIES]
    if options.workers < 1 or options.calls < 1 or any(load <= 0 for load in options.load or ()):
        raise UsageError("--workers, --calls and --load have to be positive.")
    if bool(options.trace) == bool(options.workload):
        raise UsageError("Give a trace or a --workload: `caesura simulate --help` lists the workloads.")
    loads = options.load or ([1.0] if options.trace else [0.3, 1.0, 3.0])
    arrivals, durations = _source(options)
    results: list[Json] = []
    bar = _Bar(len(policies) * len(loads) * len(durations))
    for policy in policies:
        ratio = replay(parse(policy), durations, cost=costing(BETA_S)).ratio if options.workload else None
        for load in loads:
            found = crowd(parse(policy), arrivals(load), options.workers, progress=bar.step)
            results.append({"policy": policy, "load": load, "cost_over_optimum": ratio, **_described(found)})
    bar.close()
    context.give({"workers": options.workers, "calls": len(durations), "results": results})
    context.say(_table(results))
    if options.plot:
        _plot(Path(options.plot), policies, results)
        context.say(f"drawn in {options.plot}")
    return 0


def _source(options: argparse.Namespace) -> tuple[Callable[[float], Sequence[Arrival]], Sequence[float]]:
    if options.trace:
        path = Path(options.trace)
        try:
            trace = read_trace(path.read_text().splitlines(), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{path} cannot be read: {error}") from error
        return lambda load: arrivals_of(trace, speed=load), [one.duration_s for one in trace]
    random = Random(options.seed)  # noqa: S311  nothing secret
    durations = _WORKLOADS[options.workload](random, options.calls)
    cost = costing(BETA_S)
    return (
        lambda load: list(arrivals_at(load, durations, options.workers, Random(options.seed), cost=cost)),  # noqa: S311
        durations,
    )


def _described(found: Load) -> Json:
    return {
        "cells": found.cells,
        "moved": found.moved,
        "added_s": found.added_s,
        "queued_s": found.queued_s,
        "occupied": found.occupied,
        "cells_per_hour": found.cells_per_hour,
    }


def _table(results: Sequence[Json]) -> list[str]:
    rows = [
        (
            one["policy"],
            f"{one['load']:g}",
            "-" if one["cost_over_optimum"] is None else f"{one['cost_over_optimum']:.2f}",
            f"{one['moved']}/{one['cells']}",
            f"{one['added_s']:.2f} s",
            f"{one['queued_s']:.1f} s",
            f"{one['occupied']:.0%}",
            f"{one['cells_per_hour']:.0f}",
        )
        for one in results
    ]
    return table(("POLICY", "LOAD", "COST/OPT", "MOVED", "ADDED", "QUEUED", "OCCUPIED", "CELLS/H"), rows)


def _plot(path: Path, policies: Sequence[str], results: Sequence[Json]) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("--plot needs matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot(xlabel="load", ylabel="added and queued per cell, s", xscale="log")
    for policy in policies:
        points = [(one["load"], one["added_s"] + one["queued_s"]) for one in results if one["policy"] == policy]
        points.sort()
        axes.plot([load for load, _ in points], [seconds for _, seconds in points], "o-", label=policy)
    axes.set_yscale("symlog", linthresh=0.1)
    axes.legend()
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be drawn: {error}") from error


class _Bar:
    """Progress on a terminal's stderr; nothing elsewhere."""

    def __init__(self, total: int) -> None:
        self._total = max(1, total)
        self._done = 0
        self._is_shown = sys.stderr.isatty()

    def step(self) -> None:
        self._done += 1
        if self._is_shown and self._done % max(1, self._total // 200) == 0:
            filled = _BAR * self._done // self._total
            sys.stderr.write(f"\r{'#' * filled}{'.' * (_BAR - filled)} {self._done / self._total:4.0%}")
            sys.stderr.flush()

    def close(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r" + " " * (_BAR + 6) + "\r")
            sys.stderr.flush()
