"""What may differ between two runs of one notebook: the published list, docs/differences.md, as code.

:func:`normalised` maps the outputs of a cell to a value that has to be equal for all kernels. Each rule has a test in
``test_normalise.py`` and an entry in the list; nothing else is forgiven.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Json = dict[str, Any]

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,16}\b")
_CELL_FILE = re.compile(r"\S*ipykernel_\d+[/\\]\d+\.py|(?<=\()\d{4,}\.py")
_BAR_FIGURES = re.compile(r"\[\d+:\d+(?::\d+)?<[^\]]*\]")
_BAR_TOTAL = re.compile(r"\|\s*\d+/\d+ ")


def text(value: str) -> str:
    """A text without colours, addresses, names of cell files and the figures of progress bars."""
    value = _ANSI.sub("", value)
    value = _ADDRESS.sub("0x...", value)
    value = _CELL_FILE.sub("<cell>", value)
    return "\n".join(_overwritten(line) for line in value.replace("\r\n", "\n").split("\n"))


def _overwritten(line: str) -> str:
    """What a terminal shows of a line with carriage returns: a progress bar's last state, without times and rates."""
    states = [state for state in line.split("\r") if state.strip()]
    last = states[-1] if states else line.rpartition("\r")[2]
    return _BAR_FIGURES.sub("[time]", last) if _BAR_TOTAL.search(last) else last


def normalised(outputs: Iterable[Mapping[str, Any]]) -> list[Json]:
    """The outputs of one cell in the form in which runs are compared.

    All text of a stream is one output, and the streams come last: how a stream is cut into messages, and how two
    streams interleave with each other and with displays, depends on when buffers are flushed.
    """
    streams: dict[str, str] = {}
    rest: list[Json] = []
    for output in outputs:
        match output["output_type"]:
            case "stream":
                streams[output["name"]] = streams.get(output["name"], "") + output["text"]
            case "error":
                rest.append({"error": output["ename"], "value": text(output["evalue"]), "trace": _trace(output)})
            case kind:
                shown = {mime: text(part) if isinstance(part, str) else part for mime, part in output["data"].items()}
                rest.append({kind: shown, "metadata": dict(output.get("metadata", {}))})
    return [*rest, *({name: text(streams[name])} for name in sorted(streams))]


def _trace(output: Mapping[str, Any]) -> Sequence[str]:
    return [line.rstrip() for line in text("\n".join(output["traceback"])).splitlines()]
