"""A zygote keeps a worker ready; it is handed out only where nothing would be different."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from caesura.wire.messages import Fork
from caesura.worker.spares import Spares, stamp


@pytest.fixture
def spares() -> Iterator[Spares]:
    made = Spares()
    yield made
    made.drop()


def request(cwd: str = "/", **env: str) -> Fork:
    return Fork(worker_id="w", cwd=cwd, env=env)


def make_ready(spares: Spares, request: Fork, *config: Path) -> int:
    """A spare for the like of ``request`` that has looked for the files ``config``; it writes what it is told to a
    pipe that nobody reads, and ends."""
    import socket

    from caesura.worker.spares import wait_for_request

    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        becoming = wait_for_request(theirs, [stamp(str(path)) for path in config])
        os._exit(7 if becoming is not None and becoming.worker_id == "w" else 0)
    theirs.close()
    spares.made(pid, ours, request)
    deadline = time.monotonic() + 30
    while (spare := next(iter(spares.connections.values()))).stamps is None:
        assert time.monotonic() < deadline
        spares.read(spare)
    return pid


def ended_with(pid: int) -> int:
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def test_a_request_like_the_last_gets_the_spare(spares: Spares) -> None:
    pid = make_ready(spares, request(A="1"))
    assert spares.hand_over(request(A="1", JPY_SESSION_NAME="another notebook")) == pid
    assert ended_with(pid) == 7
    assert spares.hand_over(request(A="1")) is None


@pytest.mark.parametrize("other", [request(A="2"), request(), request("/tmp", A="1")])
def test_another_directory_or_other_variables_do_not_get_it(spares: Spares, other: Fork) -> None:
    make_ready(spares, request(A="1"))
    assert spares.hand_over(other) is None


@pytest.mark.parametrize("change", [Path.touch, Path.unlink, lambda path: path.write_text("c.x = 1")])
def test_a_spare_that_has_read_other_settings_is_not_used(
    spares: Spares, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    config = tmp_path / "ipython_config.py"
    config.write_text("")
    os.utime(config, (0, 0))
    pid = make_ready(spares, request(), config)
    change(config)
    assert spares.hand_over(request()) is None
    assert ended_with(pid) == -9


def test_a_spare_ends_when_its_zygote_has_ended(spares: Spares) -> None:
    pid = make_ready(spares, request())
    spares.leave()  # what the end of a process does
    assert ended_with(pid) == 0


def test_a_spare_that_died_is_not_handed_out(spares: Spares) -> None:
    pid = make_ready(spares, request())
    os.kill(pid, 9)
    assert ended_with(pid) == -9
    assert spares.reaped(pid)
    assert spares.hand_over(request()) is None
    assert not spares.reaped(pid)


def test_one_is_made_a_moment_after_a_request_and_only_once(spares: Spares, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert spares.timeout_ms() is None
    spares.hand_over(request(A="1"))
    assert spares.wanted() is None
    monkeypatch.setattr(time, "monotonic", lambda: now + 1)
    wanted = spares.wanted()
    assert wanted is not None
    assert wanted.env == {"A": "1"}
    assert spares.wanted() is None


def test_none_is_made_after_three_that_did_not_come_up(spares: Spares, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    for _ in range(3):
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            os._exit(1)
        theirs.close()
        spares.made(pid, ours, request())
        spares.read(next(iter(spares.connections.values())))
        ended_with(pid)
    now = time.monotonic()
    spares.hand_over(request())
    monkeypatch.setattr(time, "monotonic", lambda: now + 1)
    assert spares.wanted() is None
