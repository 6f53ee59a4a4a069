"""The command as a user meets it, against a coordinator that gives canned answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_server import fake_server, greet, wait_until

from caesura.cli import command, main
from caesura.cli.logs import follow, last_lines
from caesura.client import Link
from caesura.model import PROTOCOL
from caesura.wire import messages

CELL = {
    "cell_id": "1f0c9a3e-00aa_4711_3",
    "session_id": "s-1",
    "kind": "notebook",
    "code": "conn = connect()\nawait f()",
    "state": "held",
    "status": "",
    "created": 100.0,
    "since": 100.0,
    "moves": 2,
    "waits": [{"kind": "function", "key": "function:f", "label": "f", "since": 100.0, "due": None}],
    "reason": "conn: socket.socket cannot be moved",
    "worker_pid": 77,
    "policy": "auto",
    "snapshot_bytes": 18_000,
}
OTHER = {**CELL, "cell_id": "1f0c9a3e-00aa_4711_30", "state": "done", "reason": "", "waits": [], "worker_pid": None}
STATUS = {
    "coordinator": {"pid": 5, "version": "0", "home": "/h", "started": 100.0, "policy": "auto", "workers": 2},
    "workers": [{"worker_id": "w", "pid": 77, "session_id": "s-1", "state": "busy", "since": 1.0, "rss_bytes": 3e7}],
    "sessions": [
        {"session_id": "s-1", "kind": "notebook", "name": "/n/a.ipynb", "state": "running", "epoch": 3}
        | {"worker_pid": 77, "environment": "/py", "cells": 2, "detached": False}
    ],
    "cells": [CELL, OTHER],
}
MOVE = {"session_id": "s-1", "cell_id": CELL["cell_id"], "epoch": 1, "from_pid": 70, "to_pid": 77, "id": 1} | {
    "suspended_at": 10.0,
    "resumed_at": 202.0,
    "waited_for": [{"label": "f", "key": "function:f"}],
    "size_bytes": 18_000,
    "save_s": 0.012,
    "load_s": 0.02,
}
DECISION = {"at": 9.0, "action": "suspend", "reason": "f takes 3 s on average", "predicted_mean": 3.0} | {
    "threshold_s": 1.0,
    "actual_s": None,
}
ANSWERS: dict[str, Any] = {
    "status": STATUS,
    "cells": [CELL, OTHER],
    "cell": CELL,
    "moves": [MOVE],
    "decisions": [DECISION],
    "events": [{"name": "go", "op_id": "o", "cell_id": CELL["cell_id"], "session_id": "s-1", "since": 1.0}],
    "cancel": CELL,
    "restart_worker": {"worker_id": "w-1", "pid": 4711, "session_id": "s1", "lost": False},
    "resume": {"warning": "await f() would run again"},
    "send_event": {"answered": 2},
    "store": {"directory": "/h/blobs", "bytes": 3_000_000, "blobs": 7, "live_bytes": 2_000_000, "snapshots": 4}
    | {"snapshot_bytes": 8_000_000, "shared_fraction": 0.75, "quota_bytes": 5_000_000, "max_age_s": None}
    | {"free_bytes": 9e9, "reserve_bytes": 64e6, "collected_at": 100.0, "freed_bytes": 1_000_000},
}

SPENT = {"never_s": 9000.0, "always_s": 30.0, "fixed_s": 90.0, "break_even_s": 60.0, "mean_s": 30.0}
SAVINGS = [
    {"day": day, "key": key, "waits": 2, "moved": 1, "wait_s": 9000.0, "held_s": 10.0, "save_s": 1.0, "load_s": 1.0}
    | {"freed_s": 7200.0, "freed_byte_s": 7.2e11, "delay_s": 1.0, "predicted": 2, "inside": 1, "cost_s": 40.0}
    | {"clairvoyant_s": 20.0, **SPENT}
    for day, key in (("2026-01-01", "function:f"), ("2026-01-01", "event:go"), ("2026-01-02", "function:f"))
]
CALLS = [
    {"key": "function:f", "count": 3, "cut_off": 1, "mean_s": 2.0, "p10_s": 1.0, "p50_s": 2.0, "p90_s": 3.25}
    | {"last_s": [0.0, 2.0, 4.0], "decisions": {"hold": 2, "suspend": 5}},
]
ANSWERS |= {"savings": SAVINGS, "call_history": CALLS, "forget_history": {"forgotten": 3}}


class Asked:
    """A coordinator's behaviour with canned answers; keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.errors: dict[str, tuple[str, str]] = {}

    def __call__(self, link: Link, hello: messages.Hello) -> None:
        greet(link, hello)
        while (request := link.receive(10)) is not None:
            assert isinstance(request, messages.Request)
            self.requests.append((request.method, request.params))
            text, kind = self.errors.get(request.method, ("", ""))
            result = None if text else ANSWERS.get(request.method)
            link.send(messages.Reply(number=request.number, result=result, error=text, error_type=kind))


@pytest.fixture
def asked(tmp_path: Path) -> Any:
    behaviour = Asked()
    with fake_server(tmp_path / "home", behaviour):
        yield behaviour


@pytest.fixture
def caesura(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*words: str) -> tuple[int, str, str]:
        code = main([words[0], "--home", str(tmp_path / "home"), *words[1:]])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


Run = Callable[..., tuple[int, str, str]]


def test_status_names_what_waits_and_what_is_held(asked: Asked, caesura: Run) -> None:
    code, out, err = caesura("status")
    assert (code, err) == (0, "")
    for part in ("pid 5", "policy auto", "/n/a.ipynb", "1f0c9a3e_3", "conn: socket.socket cannot be moved", "30 MB"):
        assert part in out


def test_status_as_json_is_what_the_coordinator_says(asked: Asked, caesura: Run) -> None:
    assert json.loads(caesura("status", "--json")[1]) == STATUS


def test_json_may_stand_before_the_subcommand(asked: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--home", str(tmp_path / "home"), "cells"]) == 0
    assert json.loads(capsys.readouterr().out) == [CELL, OTHER]


def test_the_environment_names_the_home(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CAESURA_HOME", str(tmp_path / "home"))
    assert main(["cells", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [CELL, OTHER]


@pytest.mark.parametrize(
    ("words", "empty"),
    [
        (("status",), {"coordinator": None, "workers": [], "sessions": [], "cells": []}),
        (("cells",), []),
        (("events",), []),
        (("events", "list"), []),
        (("history",), []),
    ],
)
def test_looking_works_without_a_coordinator(words: tuple[str, ...], empty: object, caesura: Run) -> None:
    code, out, err = caesura(*words, "--json")
    assert (code, json.loads(out), err) == (0, empty, "")
    code, out, err = caesura(*words)
    assert (code, err) == (0, "")
    assert out.startswith("No ")


@pytest.mark.parametrize("words", [("cell", "x"), ("cancel", "x"), ("resume", "x"), ("events", "send", "go")])
def test_acting_where_there_was_never_a_coordinator_says_so(words: tuple[str, ...], caesura: Run) -> None:
    code, out, err = caesura(*words)
    assert (code, out) == (1, "")
    assert err.startswith("caesura: No coordinator runs")
    assert err.count("\n") == 1


def test_a_cell_is_shown_with_its_moves_and_decisions(asked: Asked, caesura: Run) -> None:
    code, out, _ = caesura("cell", "1f0c9a3e_3")
    assert code == 0
    for part in (CELL["cell_id"], "70", "77", "3 m 12 s", "12 ms", "f takes 3 s on average", "await f()"):
        assert str(part) in out
    assert ("cell", {"id": CELL["cell_id"]}) in asked.requests
    assert json.loads(caesura("cell", CELL["cell_id"], "--json")[1]) == {
        **CELL,
        "all_moves": [MOVE],
        "decisions": [DECISION],
    }


@pytest.mark.parametrize("named", ["1f0c9a3e_3", "1f0c9a3e-00aa_4711_3"])
def test_a_cell_is_named_by_its_id_or_the_short_form(named: str, asked: Asked, caesura: Run) -> None:
    assert caesura("cancel", named)[0] == 0
    assert asked.requests[-1] == ("cancel", {"cell_id": CELL["cell_id"]})


def test_a_beginning_of_one_id_only_is_enough(asked: Asked, caesura: Run) -> None:
    assert caesura("resume", "1f0c9a3e-00aa_4711_30")[0] == 0
    code, _, err = caesura("resume", "1f0c")
    assert code == 1
    assert "names 2 cells" in err


def test_an_unknown_cell_is_the_coordinators_to_judge(asked: Asked, caesura: Run) -> None:
    asked.errors["cancel"] = ("There is no cell 'zz'.", "UsageError")
    assert caesura("cancel", "zz") == (1, "", "caesura: There is no cell 'zz'.\n")


def test_resuming_shows_the_warning(asked: Asked, caesura: Run) -> None:
    assert "would run again" in caesura("resume", "1f0c9a3e_3")[1]


@pytest.mark.parametrize(
    ("words", "params"),
    [
        ((), {"name": "go", "value": None}),
        (("--json", '{"by": [1]}'), {"name": "go", "value": {"by": [1]}}),
        (("--error", "no"), {"name": "go", "error": "no"}),
    ],
)
def test_an_event_is_sent_with_a_value_or_an_error(
    words: tuple[str, ...], params: dict[str, Any], asked: Asked, caesura: Run
) -> None:
    code, out, _ = caesura("events", "send", "go", *words)
    assert (code, out) == (0, "go: 2 awaits answered.\n")
    assert asked.requests[-1] == ("send_event", params)


def test_a_value_that_is_not_json_is_refused_before_anything_is_sent(asked: Asked, caesura: Run) -> None:
    code, _, err = caesura("events", "send", "go", "--json", "yes")
    assert code == 1
    assert "not JSON" in err
    assert not [method for method, _ in asked.requests if method == "send_event"]


@pytest.mark.parametrize(
    "words", [(), ("nonsense",), ("cancel",), ("events", "send", "go", "--json", "1", "--error", "x"), ("install",)]
)
def test_a_wrong_command_line_is_2(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(list(words)) == 2
    assert "usage: caesura" in capsys.readouterr().err


def subcommands() -> list[list[str]]:
    (action,) = [action for action in command.parser()._actions if action.choices]
    return [[], *([name] for name in action.choices or ()), ["events", "list"], ["events", "send"]]


@pytest.mark.parametrize("words", subcommands(), ids=" ".join)
def test_every_subcommand_has_help_with_examples(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    assert "examples:\n  caesura" in capsys.readouterr().out


def test_version_names_protocol_and_python(caesura: Run) -> None:
    assert json.loads(caesura("version", "--json")[1])["protocol"] == PROTOCOL
    assert caesura("version")[1].startswith("caesura 0")


def test_stopping_what_does_not_run_is_no_error(caesura: Run) -> None:
    assert caesura("stop")[0] == 0


def test_stop_says_why_the_coordinator_refuses(asked: Asked, caesura: Run) -> None:
    asked.errors["stop"] = ("2 notebooks are open. Use --force.", "UsageError")
    assert caesura("stop") == (1, "", "caesura: 2 notebooks are open. Use --force.\n")
    assert asked.requests[-1] == ("stop", {"force": False})


def test_start_finds_the_running_coordinator(asked: Asked, caesura: Run) -> None:
    code, out, _ = caesura("start")
    assert code == 0
    assert f"already runs: pid {os.getpid()}" in out


def test_a_reader_that_goes_away_is_no_error(asked: Asked, tmp_path: Path) -> None:
    line = f'"{sys.executable}" -m caesura.cli --home "{tmp_path}/home" status | head -c 1'
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=30, check=False)
    assert "Traceback" not in done.stderr


# --- logs -----------------------------------------------------------------------------------------------------------


def test_logs_shows_the_last_lines(tmp_path: Path, caesura: Run) -> None:
    log = tmp_path / "home" / "logs" / "coordinator.log"
    assert caesura("logs")[1].startswith("No coordinator")
    log.parent.mkdir(parents=True)
    log.write_text("a\nb\nc\n")
    assert caesura("logs", "--lines", "2") == (0, "b\nc\n", "")
    assert json.loads(caesura("logs", "--json")[1]) == {"path": str(log), "lines": ["a", "b", "c"]}
    assert last_lines(log, 0) == []


def test_following_a_log_gives_new_whole_lines_and_outlives_rotation(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("old\n")
    lines = follow(log, look_s=0.001)
    seen: list[str] = []

    def read() -> None:
        while len(seen) < 3:
            seen.append(next(lines))

    def add(text: str) -> None:
        with log.open("a") as file:
            file.write(text)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    add("one\ntw")
    wait_until(lambda: len(seen) == 1)
    add("o\n")
    wait_until(lambda: len(seen) == 2)
    log.rename(tmp_path / "log.1")
    add("new\n")
    reader.join(10)
    assert seen == ["one", "two", "new"]


def test_the_store_shows_bytes_what_is_shared_and_the_quota(asked: Asked, caesura: Run) -> None:
    code, out, _ = caesura("store")
    assert code == 0
    for text in ("3.0 MB in 7 files", "75% of that is shared", "quota      5.0 MB", "1.0 MB freed"):
        assert text in out
    assert asked.requests[-1] == ("store", {})


def test_collecting_now_is_asked_for(asked: Asked, caesura: Run) -> None:
    code, out, _ = caesura("store", "collect", "--json")
    assert code == 0
    assert json.loads(out)["freed_bytes"] == 1_000_000
    assert asked.requests[-1] == ("store", {"collect": True})


def test_policies_are_compared_on_synthetic_waits(caesura: Run) -> None:
    code, out, err = caesura("simulate", "--workload", "steady 30 s", "--calls", "60", "--workers", "2", "--json")
    found = json.loads(out)
    assert (code, err, found["workers"], found["calls"]) == (0, "", 2, 60)
    ratio = {one["policy"]: one["cost_over_optimum"] for one in found["results"]}
    assert set(ratio) == {"never", "always", "fixed:60", "break-even", "mean:10", "auto"}
    assert ratio["auto"] < 1.1 < ratio["break-even"] < ratio["never"]


def test_a_recorded_trace_is_played_faster_and_drawn(tmp_path: Path, caesura: Run) -> None:
    pytest.importorskip("matplotlib")
    trace, drawing = tmp_path / "waits.csv", tmp_path / "cost.png"
    trace.write_text("key,start,duration_s,state_bytes\n" + "".join(f"function:f,{n},40,0\n" for n in range(20)))
    code, out, _ = caesura(
        "simulate", str(trace), "--policy", "auto", "--policy", "never", "--load", "2", "--plot", str(drawing)
    )
    assert code == 0
    assert "20" in out
    assert drawing.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Give a trace or a --workload"),
        (("missing.csv",), "cannot be read"),
        (("--workload", "steady 30 s", "--workers", "0"), "have to be positive"),
        (("--workload", "steady 30 s", "--policy", "sometimes"), "sometimes"),
    ],
)
def test_what_cannot_be_simulated_is_said_in_one_line(words: tuple[str, ...], said: str, caesura: Run) -> None:
    code, out, err = caesura("simulate", *words)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert said in err


def test_the_history_of_calls_is_shown_with_its_quantiles_and_a_sparkline(asked: Asked, caesura: Run) -> None:
    code, out, _ = caesura("history", "f")
    assert code == 0
    for part in ("function:f", "3 (1 cut off)", "1 s", "2 s", "3.25 s", "2/5", "▁▅█"):
        assert part in out
    assert asked.requests[-1] == ("call_history", {"key": "f"})
    assert json.loads(caesura("history", "--json")[1]) == CALLS


def test_a_worker_is_replaced_and_what_would_be_lost_is_said(
    asked: Asked, caesura: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("caesura.cli.context.ensure_coordinator", lambda *_: None)
    assert caesura("restart", "4711")[:2] == (0, "The worker 4711 is replaced; its session was saved.\n")
    assert asked.requests[-1] == ("restart_worker", {"of": "4711", "force": False})
    asked.errors["restart_worker"] = ("conn cannot be saved.", "WouldLoseState")
    code, out, err = caesura("restart", "4711")
    assert (code, out) == (1, "")
    assert "conn cannot be saved. To do that: caesura restart 4711 --force" in err
    del asked.errors["restart_worker"]
    assert caesura("restart", "4711", "--force")[0] == 0
    assert asked.requests[-1] == ("restart_worker", {"of": "4711", "force": True})


def test_the_history_is_cleared_on_request(asked: Asked, caesura: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("caesura.cli.context.ensure_coordinator", lambda *_: None)
    assert caesura("history", "function:f", "--clear")[:2] == (0, "3 calls were forgotten.\n")
    assert asked.requests[-1] == ("forget_history", {"key": "function:f"})


def test_savings_are_added_up_by_day_and_call(asked: Asked, caesura: Run) -> None:
    code, out, _ = caesura("savings", "--days", "7")
    assert code == 0
    for part in ("6 h freed", "0.6 GB h", "2026-01-02", "event:go", "never 7.5 h", "50%", "6, of which 3"):
        assert part in out
    assert asked.requests[-1] == ("savings", {"days": 7.0})
    found = json.loads(caesura("savings", "--json")[1])
    assert found["total"]["worker_hours_freed"] == 6.0
    assert found["total"]["regret_s"] == 60.0
    assert found["days"]["2026-01-01"]["calibration"] == 0.5
    assert set(found["calls"]) == {"function:f", "event:go"}
    assert found["rows"] == SAVINGS


def test_savings_can_be_drawn(asked: Asked, caesura: Run, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert caesura("savings", "--plot", str(tmp_path / "s.png"))[0] == 0
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
