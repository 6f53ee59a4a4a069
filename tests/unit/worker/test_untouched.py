"""The mark that nothing has run since a session was saved."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from caesura.loop import CellLoop, SignalHandling
from caesura.store.begun import BegunCell, has_begun, is_untouched
from caesura.worker.untouched import Untouched


@pytest.fixture
def loop() -> Iterator[CellLoop]:
    loop = CellLoop()
    handling = SignalHandling.install(loop, lambda: None)
    yield loop
    handling.uninstall()
    loop.close()


@pytest.fixture
def unmonitored() -> Iterator[None]:
    """Without the handlers and tools of whoever runs the tests."""
    if sys.gettrace() or sys.getprofile():
        pytest.skip("a tracer runs")
    if sys.version_info >= (3, 12) and any(sys.monitoring.get_tool(tool) for tool in range(6)):
        pytest.skip("a tool of sys.monitoring runs")
    numbers = [n for n in signal.valid_signals() if n != signal.SIGINT and callable(signal.getsignal(n))]
    before = {number: signal.signal(number, signal.SIG_DFL) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_mark_stands_until_code_may_run(tmp_path: Path, loop: CellLoop, unmonitored: None) -> None:
    mark = BegunCell(tmp_path, "s")
    mark.begin("c")
    untouched = Untouched(mark)
    loop.before_code = untouched.end
    untouched.keep(3, 14, collects=False)
    assert is_untouched(tmp_path, "s", 3, 14)
    assert not is_untouched(tmp_path, "s", 3, 1)
    assert not is_untouched(tmp_path, "other", 3, 14)
    assert has_begun(tmp_path, "s", "c")
    seen: list[bool] = []

    def posted() -> None:
        seen.append(is_untouched(tmp_path, "s", 3, 14))
        loop.stop()

    loop.post(posted)
    loop.run_forever()
    assert seen == [False]


def test_the_end_of_a_block_takes_the_mark_away_before_a_timer_runs(
    tmp_path: Path, loop: CellLoop, unmonitored: None
) -> None:
    untouched = Untouched(BegunCell(tmp_path, "s"))
    loop.before_code = untouched.end
    seen: list[bool] = []
    loop.on_blocked = lambda block: untouched.keep(1, block.serial, collects=False)

    def due() -> None:
        seen.append(is_untouched(tmp_path, "s", 1, 1))
        loop.stop()

    loop.call_later(0.01, due)
    loop.run_forever()
    assert seen == [False]


def test_nothing_is_collected_while_the_mark_stands(tmp_path: Path, loop: CellLoop, unmonitored: None) -> None:
    untouched = Untouched(BegunCell(tmp_path, "s"))
    gc.disable()
    try:
        untouched.keep(1, 1, collects=True)
        assert not gc.isenabled()
        untouched.end()
        assert gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize("begin", ["signal", "trace", "profile"])
def test_what_runs_without_the_loop_prevents_the_mark(
    tmp_path: Path, loop: CellLoop, unmonitored: None, begin: str
) -> None:
    undo: Callable[[], object]
    if begin == "signal":
        before = signal.signal(signal.SIGUSR1, lambda *_: None)
        undo = lambda: signal.signal(signal.SIGUSR1, before)  # noqa: E731
    elif begin == "trace":
        sys.settrace(lambda *_: None)
        undo = lambda: sys.settrace(None)  # noqa: E731
    else:
        sys.setprofile(lambda *_: None)
        undo = lambda: sys.setprofile(None)  # noqa: E731
    try:
        Untouched(BegunCell(tmp_path, "s")).keep(1, 1, collects=True)
    finally:
        undo()
    assert not is_untouched(tmp_path, "s", 1, 1)
    assert gc.isenabled()
