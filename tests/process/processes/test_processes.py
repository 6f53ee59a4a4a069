"""Workers as processes: started, watched, adopted, killed; with a zygote that forks but runs no notebook."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from caesura.coordinator import exits
from caesura.coordinator.processes import WorkerProcesses
from caesura.errors import EnvironmentFault

pytestmark = pytest.mark.process

FAKE = Path(__file__).with_name("fake_zygote.py")
WORKER = "import os, signal, sys, json; open(os.environ['RECORD'], 'w').write(json.dumps(sys.argv[1:]));"


class Ends:
    """What ``on_exit`` was told."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int | None]] = []

    def __call__(self, worker_id: str, pid: int, status: int | None) -> None:
        self.seen.append((worker_id, pid, status))


async def until(condition: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.005)
    return value


def interpreter(tmp_path: Path, name: str = "python", script: str = f'exec "{sys.executable}" "{FAKE}" "$@"') -> str:
    """An executable that takes the place of an environment's Python."""
    path = tmp_path / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def environment(tmp_path: Path, **variables: str) -> dict[str, Any]:
    env = {**os.environ, **variables}
    env.pop("PYTHONHASHSEED", None)
    return {"executable": interpreter(tmp_path), "prefix": str(tmp_path), "cwd": str(tmp_path), "env": env, "argv": []}


@contextlib.asynccontextmanager
async def processes(tmp_path: Path, ends: Ends | None = None, **options: Any) -> AsyncIterator[WorkerProcesses]:
    made = WorkerProcesses(home=tmp_path / "home", socket=Path("/s"), hash_seed=7, on_exit=ends or Ends(), **options)
    try:
        yield made
    finally:
        await made.close()


def alive(pid: int) -> bool:
    return bool(exits.started(pid))


def test_a_zygote_says_what_its_environment_is(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with processes(tmp_path) as workers:
            one, two = await asyncio.gather(workers.ready(environment(tmp_path)), workers.ready(environment(tmp_path)))
            assert one is two
            assert one.kernel_info["seed"] == "7"
            assert not list(Path(one.kernel_info["cwd"]).glob("*.py"))

    asyncio.run(scenario())


def test_the_users_hash_seed_wins(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with processes(tmp_path) as workers:
            own = environment(tmp_path)
            own["env"]["PYTHONHASHSEED"] = "12"
            assert (await workers.ready(own)).kernel_info["seed"] == "12"

    asyncio.run(scenario())


def test_a_worker_gets_the_notebooks_variables_and_the_way_to_the_coordinator(tmp_path: Path) -> None:
    record = tmp_path / "record"

    async def scenario() -> None:
        async with processes(tmp_path) as workers:
            own = environment(tmp_path, RECORD=str(record), MINE="1", JPY_PARENT_PID="99")
            pid = await workers.fork("w1", own)
            await until(record.exists)
            said = json.loads(record.read_text())
            assert said["pid"] == pid
            assert said["cwd"] == str(tmp_path)
            assert said["env"]["MINE"] == "1"
            assert said["env"]["CAESURA_SOCKET"] == "/s"
            assert said["env"]["CAESURA_HOME"] == str(tmp_path / "home")
            assert "JPY_PARENT_PID" not in said["env"]

    asyncio.run(scenario())


def test_workers_of_one_environment_share_a_zygote_and_others_do_not(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with processes(tmp_path) as workers:
            parents = []
            for number, extra in enumerate(({}, {"MINE": "1"}, {"OMP_NUM_THREADS": "1"})):
                record = tmp_path / f"record{number}"
                await workers.fork(f"w{number}", environment(tmp_path, RECORD=str(record), **extra))
                await until(record.exists)
                parents.append(json.loads(record.read_text())["parent"])
            assert parents[0] == parents[1] != parents[2]

    asyncio.run(scenario())


def test_an_installation_of_packages_brings_a_new_zygote_and_leaves_the_old_workers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with processes(tmp_path) as workers:
            packages = tmp_path / "lib" / "python3.11" / "site-packages"
            packages.mkdir(parents=True)
            first = await workers.ready(environment(tmp_path))
            worker = await workers.fork("w1", environment(tmp_path))
            os.utime(packages, (1, 1))
            second = await workers.ready(environment(tmp_path))
            assert first.pid != second.pid
            await until(lambda: not alive(first.pid))
            assert alive(worker)

    asyncio.run(scenario())


def test_the_end_of_a_worker_is_told_once_with_its_status(tmp_path: Path) -> None:
    ends = Ends()

    async def scenario() -> None:
        async with processes(tmp_path, ends) as workers:
            left = await workers.fork("w1", environment(tmp_path, EXIT="5"))
            killed = await workers.fork("w2", environment(tmp_path))
            assert workers.kill(killed)
            await until(lambda: len(ends.seen) == 2)
            assert sorted(ends.seen) == [("w1", left, 5), ("w2", killed, -signal.SIGKILL)]

    asyncio.run(scenario())


def test_a_failed_fork_says_why(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with processes(tmp_path) as workers:
            with pytest.raises(EnvironmentFault, match="too many processes"):
                await workers.fork("w1", environment(tmp_path, REFUSE="too many processes"))

    asyncio.run(scenario())


def test_a_killed_zygote_is_replaced_and_its_workers_are_still_watched(tmp_path: Path) -> None:
    ends = Ends()

    async def scenario() -> None:
        async with processes(tmp_path, ends) as workers:
            old = (await workers.ready(environment(tmp_path))).pid
            first = await workers.fork("w1", environment(tmp_path))
            os.kill(old, signal.SIGKILL)
            await until(lambda: not alive(old))
            second = await workers.fork("w2", environment(tmp_path))
            assert alive(first)
            assert alive(second)
            workers.kill(first)
            await until(lambda: ends.seen)
            assert ends.seen == [("w1", first, None)]
            assert (await workers.ready(environment(tmp_path))).pid != old

    asyncio.run(scenario())


def test_a_zygote_that_dies_in_a_fork_is_replaced_for_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with processes(tmp_path) as workers:
            pid = await workers.fork("w1", environment(tmp_path, DIE_ONCE=str(tmp_path / "died")))
            assert alive(pid)
            assert (tmp_path / "died").exists()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (f'FAKE=broken exec "{sys.executable}" "{FAKE}" "$@"', r"ended with status 1: ImportError: no spam.*zygote-"),
        (f'exec "{sys.executable}" -I -S -m caesura.worker.zygote', r"not installed for .*-m pip install caesura"),
        ("exit 3", "ended with status 3: it said nothing"),
    ],
)
def test_an_environment_that_cannot_run_workers_says_why(tmp_path: Path, script: str, text: str) -> None:
    async def scenario() -> None:
        async with processes(tmp_path) as workers:
            broken = {**environment(tmp_path), "executable": interpreter(tmp_path, "broken", script)}
            for _ in range(2):
                with pytest.raises(EnvironmentFault, match=text):
                    await workers.fork("w1", broken)

    asyncio.run(scenario())


def test_an_environment_that_was_deleted_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with processes(tmp_path) as workers:
            with pytest.raises(EnvironmentFault, match=r"/gone/python.*not there"):
                await workers.ready({**environment(tmp_path), "executable": "/gone/python"})

    asyncio.run(scenario())


def test_an_environment_that_was_repaired_works(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with processes(tmp_path) as workers:
            repaired = {**environment(tmp_path), "executable": interpreter(tmp_path, "repaired", "exit 3")}
            with pytest.raises(EnvironmentFault):
                await workers.fork("w1", repaired)
            interpreter(tmp_path, "repaired")
            assert alive(await workers.fork("w1", repaired))

    asyncio.run(scenario())


def test_a_later_coordinator_adopts_a_worker_that_was_left_alone(tmp_path: Path) -> None:
    ends = Ends()

    async def scenario() -> None:
        async with processes(tmp_path) as earlier:
            pid = await earlier.fork("w1", environment(tmp_path))
            identity = earlier.started(pid)
            await earlier.close(kill_workers=False)
        assert alive(pid)
        async with processes(tmp_path, ends) as later:
            assert not later.adopt("w1", pid, "another start")
            assert later.adopt("w1", pid, identity)
            assert later.kill(pid)
            await until(lambda: ends.seen)
            assert ends.seen == [("w1", pid, None)]
            assert not later.adopt("w1", pid, identity)

    asyncio.run(scenario())


def test_killing_spares_a_process_that_only_has_the_pid(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with processes(tmp_path) as workers:
            with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
                identity = workers.started(stranger.pid)
                assert not workers.kill(stranger.pid)
                assert not workers.kill(stranger.pid, "another start")
                assert alive(stranger.pid)
                assert workers.kill(stranger.pid, identity)
                assert stranger.wait(10) == -signal.SIGKILL

    asyncio.run(scenario())


def test_closing_ends_workers_and_zygotes(tmp_path: Path) -> None:
    async def scenario() -> tuple[int, int]:
        async with processes(tmp_path) as workers:
            zygote = (await workers.ready(environment(tmp_path))).pid
            return zygote, await workers.fork("w1", environment(tmp_path))

    zygote, worker = asyncio.run(scenario())
    assert not alive(zygote)
    assert not alive(worker)


def test_logs_are_private(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with processes(tmp_path) as workers:
            await workers.ready(environment(tmp_path))

    asyncio.run(scenario())
    logs = list((tmp_path / "home" / "logs").iterdir())
    assert len(logs) == 1
    assert stat.S_IMODE(logs[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(logs[0].parent.stat().st_mode) == 0o700


def test_the_spawn_path_starts_and_watches_single_workers(tmp_path: Path) -> None:
    ends = Ends()
    record = tmp_path / "record"
    code = (
        "import os, signal, sys; print(*sys.argv[1:], file=open(os.environ['RECORD'], 'w'), flush=True); signal.pause()"
    )
    (tmp_path / "worker.py").write_text(code)
    spawns = (
        f'case "$2" in caesura.worker) exec "{sys.executable}" "{tmp_path}/worker.py" "$@";; esac\n'
        f'exec "{sys.executable}" "{FAKE}" "$@"'
    )

    async def scenario() -> None:
        async with processes(tmp_path, ends, start_method="spawn") as workers:
            spawning = {**environment(tmp_path, RECORD=str(record)), "executable": interpreter(tmp_path, "s", spawns)}
            ready = await workers.ready(spawning)
            await until(lambda: not alive(ready.pid))
            assert await workers.ready(spawning) is ready
            pid = await workers.fork("w1", spawning)
            await until(lambda: record.exists() and record.read_text())
            assert record.read_text() == "-m caesura.worker --worker-id w1\n"
            workers.kill(pid)
            await until(lambda: ends.seen)
            assert ends.seen == [("w1", pid, -signal.SIGKILL)]

    asyncio.run(scenario())


def test_a_process_that_has_ended_has_no_identity() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    first = exits.started(process.pid)
    assert first == exits.started(process.pid) != exits.started(os.getpid())
    process.communicate()
    assert exits.started(process.pid) == ""
