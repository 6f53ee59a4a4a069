"""What processes take."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from caesura.coordinator import usage
from caesura.coordinator.usage import Usage


def test_a_process_and_its_children_are_counted_together() -> None:
    measure = Usage()
    alone = measure.of(os.getpid())
    program = [sys.executable, "-c", "x = bytearray(b'1') * 50_000_000; print(flush=True); input()"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        both = measure.of(os.getpid())
        child.communicate(b"\n")
    assert alone["pid"] == both["pid"] == os.getpid()
    assert alone["kernel_memory"] > 5_000_000
    assert both["kernel_memory"] > alone["kernel_memory"] + 45_000_000
    assert both["host_virtual_memory"]["total"] == psutil.virtual_memory().total


def test_the_processor_is_counted_from_one_look_to_the_next() -> None:
    measure = Usage()
    measure.of(os.getpid())
    sum(range(3_000_000))
    assert measure.of(os.getpid())["kernel_cpu"] > 0


@pytest.mark.parametrize("pid", [0, 2**22 + 1])
def test_no_process_takes_nothing(pid: int) -> None:
    found = Usage().of(pid)
    assert (found["kernel_cpu"], found["kernel_memory"]) == (0, 0)


def test_processes_that_were_looked_at_long_ago_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "_KEPT", 2)
    measure, mine = Usage(), psutil.Process()
    measure._processes = {(-1, 0.0): mine, (-2, 0.0): mine}
    measure._known(mine)
    assert [pid for pid, _ in measure._processes] == [-2, mine.pid]
