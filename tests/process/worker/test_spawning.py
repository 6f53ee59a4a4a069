"""A worker without a zygote, where a process cannot be forked."""

from __future__ import annotations

import subprocess
import sys

import pytest

from caesura.wire.messages import Attach, Exit
from process.worker.fake_coordinator import DEADLINE_S, FakeCoordinator

pytestmark = pytest.mark.process


def test_a_spawned_worker_runs_cells_and_ends_gently(coordinator: FakeCoordinator) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "caesura.worker", "--worker-id", "spawned"],
        env=coordinator.variables(),
        cwd=coordinator.home.run_path,
        stdin=subprocess.DEVNULL,
        stdout=coordinator.log,
        stderr=coordinator.log,
        start_new_session=True,
    )
    try:
        link = coordinator.accept()
        assert link.hello.worker_id == "spawned"
        link.send(Attach(session_id="s", epoch=1, kind="notebook", environment=coordinator.environment, next_number=1))
        assert coordinator.run("import asyncio\nawait asyncio.sleep(0, 3)").value == "3"
        link.send(Exit(gently=True))
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
        process.wait()
