"""What a snapshot costs, beside other ways to put the same data on the disk, in one run.

All ways are measured in turns in one process, so that they see the same machine; figures are medians, and the ratio is
that of each pair. Loads are measured in new processes that have imported what the data needs, as a worker has:
"same boot" trusts files that are provably unchanged, "cold" reads and verifies them first. The small session is
measured from end to end, with real kernels.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import by_hand
from kernels import progress
from latency import moves
from move_profile import profile

MS = 1000


@dataclass(frozen=True)
class Figure:
    """One line: what Caesura takes, and what ``beside`` takes for the same; ``ratio`` is the median of the pairs'."""

    case: str
    caesura_ms: float
    beside: str = ""
    beside_ms: float | None = None
    ratio: float | None = None
    target: str = ""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything: a minute, and rough")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is saved (default: %(default)s)")
    parser.add_argument("--megabytes", type=int, default=300, help="of arrays and frames (default: %(default)s)")
    parser.add_argument("--thousands", type=int, default=1000, help="of small objects (default: %(default)s)")
    parser.add_argument("--buffers", type=int, default=20_000, help="of 100 kB (default: %(default)s)")
    parser.add_argument("--only", choices=["arrays", "medium", "objects", "small", "by-hand"], help="one case")
    parser.add_argument("--folder", type=Path, help="where to write (default: the temporary directory)")
    parser.add_argument("--profile", action="store_true", help="only: where the time of a small move goes")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds = 3
        options.megabytes //= 10
        options.thousands //= 10
        options.buffers //= 10
    if options.profile:
        profile(max(5, 4 * options.rounds))
        return 0

    figures: list[Figure] = []
    has_numpy = importlib.util.find_spec("numpy") is not None
    with tempfile.TemporaryDirectory(prefix="caesura-snapshot-", dir=options.folder) as folder:
        place = Path(folder)
        if options.only in (None, "arrays") and has_numpy:
            figures += stored("arrays", options.megabytes, f"{options.megabytes} MB of arrays", options.rounds, place)
        if options.only in (None, "medium") and has_numpy:
            label = f"{options.buffers:,} buffers of 100 kB"
            figures += stored("medium", options.buffers // 10, label, min(3, options.rounds), place)
        if options.only in (None, "objects"):
            label = f"{options.thousands:,} thousand small objects"
            figures += stored("objects", options.thousands, label, options.rounds, place)
    if options.only in (None, "small"):
        small = moves("small session", "state = list(range(100))", "pass", 4 * options.rounds)
        targets = ("15 ms", "30 ms")
        figures += [
            Figure(each.name, each.caesura_ms, target=target) for each, target in zip(small, targets, strict=True)
        ]
    if options.only in (None, "by-hand") and importlib.util.find_spec("dill") is not None:
        for name in ("small session", *(["arrays"] if has_numpy else []), "objects"):
            moved = by_hand.compare(name, options.megabytes, options.thousands, min(3, options.rounds))
            pairs = (
                ("suspend", moved.suspend_ms, "dill.dump_module", moved.dump_ms),
                ("resume", moved.resume_ms, "new kernel, dill.load_module", moved.restart_ms),
            )
            figures += [
                Figure(f"{what}, {name}, end to end", ours, way, theirs, ours / theirs)
                for what, ours, way, theirs in pairs
            ]
    if options.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
    else:
        show(figures)
    return 0


def stored(what: str, amount: int, label: str, rounds: int, folder: Path) -> list[Figure]:
    """Save it in all ways, load it, save it again."""
    ways = ["caesura", "write + fsync", "C pickle"]
    limits = {"write + fsync": "1.3", "C pickle": ""} if what != "objects" else {"write + fsync": "", "C pickle": "1.5"}
    others = [name for name in ("cloudpickle", "dill") if importlib.util.find_spec(name) is not None]
    if what != "medium" and amount <= 1000:
        ways += others
        limits |= {"dill": "0.1"} if what == "objects" else {}
    with progress(1, f"saves, {label}") as done:
        found = child(do="save", what=what, amount=amount, ways=ways, rounds=rounds, folder=str(folder))
        done(1)
    seconds = found["seconds"]
    ours = seconds["caesura"]
    figures = [
        Figure(
            f"save, {label}",
            statistics.median(ours) * MS,
            way,
            statistics.median(seconds[way]) * MS,
            statistics.median(a / b for a, b in zip(ours, seconds[way], strict=True)),
            limits.get(way, ""),
        )
        for way in ways[1:]
    ]
    warm = [name for name in ("numpy", "pandas") if what != "objects" and importlib.util.find_spec(name) is not None]
    for is_verified, how in ((False, "same boot"), (True, "cold")):
        runs = [
            child(do="load", manifest=found["manifest"], folder=str(folder), is_verified=is_verified, warm=warm)[
                "seconds"
            ]
            for _ in range(3)
        ]
        middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        target = "100 ms" if not is_verified and what == "arrays" else ""
        figures.append(Figure(f"load, {how}, {label}", middle["load"] * MS, target=target))
        if not is_verified:
            target = "50 ms for 2 GB" if what == "arrays" else ""
            figures.append(Figure(f"save again, unchanged, {label}", middle["unchanged"] * MS, target=target))
            if what != "objects":
                figures.append(Figure(f"save again, one array changed, {label}", middle["one changed"] * MS))
            if what == "medium":
                said = f"{middle['maps']:.0f} mappings and {middle['descriptors']:.0f} descriptors after the load"
                print(f"{label}: {said}", file=sys.stderr)
    return figures


def child(**request: Any) -> dict[str, Any]:
    """What a new process answers."""
    command = [sys.executable, str(Path(__file__).with_name("snapshot_ways.py"))]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the process that measures failed:\n{done.stderr}")
    return dict(json.loads(done.stdout))


def show(figures: Sequence[Figure]) -> None:
    rows = [("", "caesura ms", "beside", "its ms", "ratio", "target")]
    for each in figures:
        beside_ms = "" if each.beside_ms is None else f"{each.beside_ms:,.1f}"
        ratio = "" if each.ratio is None else f"{each.ratio:.2f}"
        rows.append((each.case, f"{each.caesura_ms:,.1f}", each.beside, beside_ms, ratio, each.target))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            value.ljust(width) if column in (0, 2) else value.rjust(width)
            for column, (value, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


if __name__ == "__main__":
    sys.exit(main())
