"""The subcommands about what was learned: `history` and `savings`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from caesura.cli.context import Context
from caesura.cli.text import size, table
from caesura.errors import UsageError

Json = dict[str, Any]

_BLOCKS = "▁▂▃▄▅▆▇█"
POLICIES = ("never", "always", "fixed", "break_even", "mean", "clairvoyant")
"""What the ledger compares with."""
_ADDED = ("waits", "moved", "wait_s", "held_s", "save_s", "load_s", "freed_s", "freed_byte_s", "delay_s", "predicted")
_SUMMED = (*_ADDED, "inside", "cost_s", *(f"{name}_s" for name in POLICIES))


def takes_history(made: argparse.ArgumentParser) -> None:
    made.add_argument("key", metavar="KEY", nargs="?", default="", help="a kind of call, or a part of its name")
    made.add_argument("--clear", action="store_true", help="forget the calls of KEY, or without it all of them")


def takes_savings(made: argparse.ArgumentParser) -> None:
    made.add_argument("--days", type=float, default=0.0, metavar="N", help="the last N days (default: all)")
    made.add_argument("--plot", metavar="FILE", help="draw it by day (needs matplotlib)")


# --- history --------------------------------------------------------------------------------------------------------


def history(context: Context) -> int:
    key = context.options.key
    if context.options.clear:
        gone = context.tell("forget_history", key=key)
        context.give(gone)
        context.say(f"{gone['forgotten']} calls were forgotten.")
        return 0
    found = context.ask_or([], "call_history", key=key)
    context.give(found)
    context.say(_calls(found) if found else "No call has been made.")
    return 0


def _calls(found: Sequence[Json]) -> list[str]:
    rows = [
        (
            one["key"],
            f"{one['count']}" + (f" ({one['cut_off']} cut off)" if one["cut_off"] else ""),
            *(_seconds(one[name]) for name in ("p10_s", "p50_s", "p90_s")),
            f"{one['decisions'].get('hold', 0)}/{one['decisions'].get('suspend', 0)}",
            sparkline(one["last_s"][-20:]),
        )
        for one in found
    ]
    return table(("CALL", "COUNT", "P10", "P50", "P90", "HELD/LET GO", "LAST"), rows)


def sparkline(values: Sequence[float]) -> str:
    """One block for each value, from 0 to the greatest."""
    greatest = max(values, default=0.0)
    last = len(_BLOCKS) - 1
    return "".join(_BLOCKS[round(last * value / greatest) if greatest else 0] for value in values)


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.3g} s"


# --- savings --------------------------------------------------------------------------------------------------------


def savings(context: Context) -> int:
    options = context.options
    if options.days < 0:
        raise UsageError("--days has to be positive.")
    rows: list[Json] = context.ask_or([], "savings", days=options.days)
    total = added(rows)
    days = {day: added(row for row in rows if row["day"] == day) for day in dict.fromkeys(row["day"] for row in rows)}
    keys = {key: added(row for row in rows if row["key"] == key) for key in dict.fromkeys(row["key"] for row in rows)}
    context.give({"total": total, "days": days, "calls": keys, "rows": rows})
    if not rows:
        context.say("No wait has ended yet.")
        return 0
    context.say(_summary(total))
    context.say(["", *_parts("DAY", days)])
    context.say(["", *_parts("CALL", keys)])
    if options.plot:
        _plot(Path(options.plot), days)
        context.say(["", f"drawn in {options.plot}"])
    return 0


def added(rows: Iterable[Json]) -> Json:
    """Rows of the ledger together: the sums, and what they say."""
    found = list(rows)
    total: Json = {name: sum(row[name] for row in found) for name in _SUMMED}
    return {
        **total,
        "worker_hours_freed": total["freed_s"] / 3600,
        "memory_gb_hours_freed": total["freed_byte_s"] / 1e9 / 3600,
        "added_latency_s": total["delay_s"] / total["waits"] if total["waits"] else 0.0,
        "regret_s": total["cost_s"] - total["clairvoyant_s"],
        "calibration": total["inside"] / total["predicted"] if total["predicted"] else None,
    }


def _summary(total: Json) -> list[str]:
    inside = "-" if total["calibration"] is None else f"{total['calibration']:.0%} of {total['predicted']}"
    costs = ", ".join(f"{name.replace('_', '-')} {_hours(total[f'{name}_s'])}" for name in POLICIES)
    return [
        f"waits         {total['waits']}, of which {total['moved']} were let go",
        f"workers       {_hours(total['freed_s'])} freed of {_hours(total['wait_s'])} waited",
        f"memory        {total['memory_gb_hours_freed']:.3g} GB h freed ({size(_mean_bytes(total))} a worker)",
        f"latency       {total['added_latency_s']:.2g} s added to a wait on average",
        f"cost          {_hours(total['cost_s'])} of workers and delay, {_hours(total['regret_s'])} more than need be",
        f"instead       {costs}",
        f"calibration   {inside} ended within the 10-90 % band that was predicted",
    ]


def _mean_bytes(total: Json) -> float:
    return float(total["freed_byte_s"] / total["freed_s"]) if total["freed_s"] else 0.0


def _parts(name: str, parts: dict[str, Json]) -> list[str]:
    rows = [
        (
            part or "-",
            f"{one['moved']}/{one['waits']}",
            _hours(one["freed_s"]),
            f"{one['memory_gb_hours_freed']:.3g} GB h",
            f"{one['added_latency_s']:.2g} s",
            _hours(one["regret_s"]),
            "-" if one["calibration"] is None else f"{one['calibration']:.0%}",
        )
        for part, one in parts.items()
    ]
    return table((name, "LET GO", "WORKERS FREED", "MEMORY FREED", "ADDED", "REGRET", "IN BAND"), rows)


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.3g} h" if abs(seconds) >= 3600 else f"{seconds:.3g} s"


def _plot(path: Path, days: dict[str, Json]) -> None:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UsageError("--plot needs matplotlib: pip install matplotlib") from None
    figure = Figure(figsize=(8, 6), layout="constrained")
    freed, cost = figure.subplots(2, 1, sharex=True)
    value: Callable[[str], list[float]] = lambda name: [one[name] / 3600 for one in days.values()]  # noqa: E731
    freed.bar(list(days), value("freed_s"))
    freed.set_ylabel("worker-hours freed")
    for name in ("never", "always", "clairvoyant"):
        cost.plot(list(days), value(f"{name}_s"), "o-", label=name)
    cost.plot(list(days), value("cost_s"), "o-", label="paid", linewidth=3)
    cost.set_ylabel("cost, worker-hours")
    cost.legend()
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be drawn: {error}") from error
