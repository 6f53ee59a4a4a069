"""Cores and memory as a process may use them: the limits of its control groups count, also those around them."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from caesura.coordinator import machine

GIB = 1 << 30


@pytest.fixture(autouse=True)
def eight_cores_and_16_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine.os, "process_cpu_count", lambda: 8, raising=False)
    memory = psutil.virtual_memory()._replace(total=16 * GIB, available=8 * GIB)
    monkeypatch.setattr(machine.psutil, "virtual_memory", lambda: memory)


def group(tmp_path: Path, line: str, **files: str) -> tuple[Path, Path]:
    """A process in the group of ``line``; in the keys ``__`` stands for a dot and ``___`` for a slash."""
    groups, mount = tmp_path / "cgroup", tmp_path / "mount"
    groups.write_text(line + "\n")
    for name, text in files.items():
        path = mount / name.replace("___", "/").replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    mount.mkdir(exist_ok=True)
    return groups, mount


def test_without_limits_it_is_the_machine(tmp_path: Path) -> None:
    found = group(
        tmp_path, "0::/user", user___cpu__max="max 100000", user___memory__max="max", user___memory__current="1"
    )
    assert (machine.cores(*found), machine.memory_fraction(*found)) == (8, 0.5)


def test_where_there_are_no_control_groups_it_is_the_machine(tmp_path: Path) -> None:
    nothing = tmp_path / "none", tmp_path / "mount"
    assert (machine.cores(*nothing), machine.memory_fraction(*nothing)) == (8, 0.5)


def test_the_limits_of_a_container_count_and_what_can_be_reclaimed_does_not(tmp_path: Path) -> None:
    found = group(
        tmp_path,
        "0::/",
        cpu__max="150000 100000",
        memory__max=str(2 * GIB),
        memory__current=str(2 * GIB),
        memory__stat=f"anon 5\ninactive_file {GIB // 2}",
    )
    assert (machine.cores(*found), machine.memory_fraction(*found)) == (2, 0.25)


def test_the_nearest_limit_of_the_groups_around_counts(tmp_path: Path) -> None:
    found = group(
        tmp_path,
        "0::/pod/one",
        pod___cpu__max="300000 100000",
        pod___one___cpu__max="400000 100000",
        pod___memory__max=str(4 * GIB),
        pod___memory__current=str(3 * GIB),
    )
    assert (machine.cores(*found), machine.memory_fraction(*found)) == (3, 0.25)


def test_version_1_has_them_under_other_names(tmp_path: Path) -> None:
    found = group(
        tmp_path,
        "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n2:pids:/docker/abc",
        cpu___cpu__cfs_quota_us="100000",
        cpu___cpu__cfs_period_us="50000",
        memory___memory__limit_in_bytes=str(GIB),
        memory___memory__usage_in_bytes=str(GIB),
        memory___memory__stat=f"total_inactive_file {GIB // 4}",
    )
    assert (machine.cores(*found), machine.memory_fraction(*found)) == (2, 0.25)


def test_version_1_without_limits_is_the_machine(tmp_path: Path) -> None:
    found = group(
        tmp_path,
        "4:memory:/\n3:cpu:/",
        cpu___cpu__cfs_quota_us="-1",
        cpu___cpu__cfs_period_us="100000",
        memory___memory__limit_in_bytes=str((1 << 63) - 4096),
        memory___memory__usage_in_bytes=str(GIB),
    )
    assert (machine.cores(*found), machine.memory_fraction(*found)) == (8, 0.5)
