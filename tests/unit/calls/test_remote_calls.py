"""A remote function starts when it is called, and is awaited like anything else."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import threading
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import remote_functions as functions
from fake_backend import FakeBackend

import caesura
from caesura.calls.function import dump_error, run_call
from caesura.errors import CallFailed, CannotMove, OperationUncertain, UsageError
from caesura.loop import CellLoop
from caesura.model import AllOf, CallKind, OnOp
from caesura.wire.messages import Answered


def run(code: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(code)


def test_a_call_starts_when_it_is_called(backend: FakeBackend) -> None:
    async def cell() -> None:
        call = functions.double(21)
        (started,) = backend.started
        assert (started.kind, started.key) == (CallKind.FUNCTION, "function:remote_functions.double")
        assert started.options == {"retries": 0}
        assert started.parent == {"msg_id": "the cell's"}
        assert backend.carry_out() == (functions.double, (21,), {})
        assert repr(call) == "<Call double(), waiting for 0 s>"
        backend.answer(call.op_id, 42)
        assert await call == 42
        assert repr(call) == "<Call double(), done>"
        assert not backend.operations

    run(cell())


def test_retries_are_passed_on(backend: FakeBackend) -> None:
    async def cell() -> None:
        functions.slow_double(1)

    run(cell())
    assert backend.started[0].options == {"retries": 2}


@pytest.mark.parametrize("retries", [-1, True, 1.5, "2"])
def test_retries_that_are_no_count_are_refused(retries: Any) -> None:
    with pytest.raises(UsageError, match="retries is"):
        caesura.remote(retries=retries)


def test_a_remote_function_looks_like_its_function() -> None:
    assert functions.double.__name__ == "double"  # type: ignore[attr-defined]
    assert functions.double.__doc__ == "Twice the value."
    assert list(inspect.signature(functions.double).parameters) == ["value"]
    assert functions.double.local(4) == 8
    assert repr(functions.double) == "<remote function remote_functions.double>"


def test_a_remote_function_can_be_a_method(backend: FakeBackend) -> None:
    async def cell() -> None:
        functions.Doubler().times(3)

    run(cell())
    function, (instance, value), _ = backend.carry_out()
    assert function.local(instance, value) == 6


@pytest.mark.parametrize("thing", [42, len, int], ids=["number", "builtin", "class"])
def test_only_functions_can_be_remote(thing: Any) -> None:
    with pytest.raises(UsageError, match="is for functions"):
        caesura.remote(thing)


def test_an_async_generator_cannot_be_remote() -> None:
    async def generator() -> Any:
        yield 1

    with pytest.raises(UsageError, match="async generator"):
        caesura.remote(generator)


def test_a_function_of_the_notebook_travels_with_its_definition() -> None:
    def local() -> int:
        return 1

    remote = caesura.remote(retries=1)(local)
    rebuild, arguments, state = remote.__reduce__()
    made = rebuild(*arguments)
    made.__setstate__(state)
    assert made.function is local
    assert made.retries == 1
    assert made.__name__ == "local"


def test_a_function_of_a_module_travels_by_name() -> None:
    assert pickle.loads(pickle.dumps(functions.double)) is functions.double


def test_arguments_that_do_not_fit_raise_at_the_call(backend: FakeBackend) -> None:
    async def cell() -> None:
        functions.double(1, 2)  # type: ignore[call-arg]

    with pytest.raises(TypeError, match="too many positional"):
        run(cell())
    assert not backend.started


def test_an_argument_that_cannot_be_moved_is_named_at_the_call(backend: FakeBackend) -> None:
    async def cell() -> None:
        functions.slow_double(1, wait=threading.Lock())

    with pytest.raises(CannotMove, match=r"argument 'wait' of slow_double\(\)") as caught:
        run(cell())
    assert caught.value.kind == "_thread.lock"
    assert not backend.started
    assert not backend.operations


def test_a_call_without_a_loop_says_where_it_can_be_made(backend: FakeBackend) -> None:
    with pytest.raises(UsageError, match="only be started where an event loop runs"):
        functions.double(1)


def test_a_call_on_the_loop_of_another_thread_is_refused(backend: FakeBackend) -> None:
    backend.loop = asyncio.new_event_loop()

    async def cell() -> None:
        functions.double(1)

    with pytest.raises(UsageError, match="another thread"):
        run(cell())
    backend.loop.close()


def test_a_call_that_the_backend_refuses_leaves_nothing_behind(backend: FakeBackend) -> None:
    backend.refusal = UsageError("no")

    async def cell() -> None:
        functions.double(1)

    with pytest.raises(UsageError, match="no"):
        run(cell())
    assert not backend.operations


def test_a_cancelled_call_is_given_up(backend: FakeBackend) -> None:
    async def cell() -> None:
        call = functions.double(1)
        waiter = asyncio.ensure_future(asyncio.wait_for(call, 0.001))
        with pytest.raises(TimeoutError):
            await waiter
        assert call.cancelled()
        assert backend.cancelled == [call.op_id]
        assert not backend.operations
        assert not call.cancel()
        backend.answer(call.op_id, "too late")

    run(cell())


Combine = Callable[[list[Any]], Coroutine[Any, Any, list[int]]]


async def _gather(calls: list[Any]) -> list[int]:
    return list(await asyncio.gather(*calls))


async def _wait(calls: list[Any]) -> list[int]:
    await asyncio.wait(calls)
    return [call.result() for call in calls]


async def _as_completed(calls: list[Any]) -> list[int]:
    return sorted([await following for following in asyncio.as_completed(calls)])


async def _task_group(calls: list[Any]) -> list[int]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(call) for call in calls]
    return [task.result() for task in tasks]


@pytest.mark.parametrize("combine", [_gather, _wait, _as_completed, _task_group])
def test_calls_work_with_what_asyncio_offers(backend: FakeBackend, combine: Combine) -> None:
    async def cell() -> list[int]:
        calls = [functions.double(n) for n in (1, 2, 3)]
        for call, value in zip(calls, (2, 4, 6), strict=True):
            asyncio.get_running_loop().call_soon(backend.answer, call.op_id, value)
        return await combine(calls)

    loop = CellLoop()
    assert loop.run_until_complete(cell()) == [2, 4, 6]
    loop.close()


def test_a_loop_that_awaits_calls_is_blocked_on_them(backend: FakeBackend) -> None:
    loop = CellLoop()
    backend.loop, backend.operations = loop, loop.operations

    async def cell() -> list[int]:
        return list(await asyncio.gather(functions.double(1), functions.double(2)))

    wakes: list[Any] = []

    def blocked(block: Any) -> None:
        wakes.append(block.wake)
        for started in backend.started:
            backend.answer(started.op_id, 5)

    loop.on_blocked = blocked
    assert loop.run_until_complete(cell()) == [5, 5]
    assert wakes == [AllOf(tuple(OnOp(started.op_id) for started in backend.started), fail_fast=True)]
    loop.close()


# --- answers --------------------------------------------------------------------------------------------------------


def outcome(backend: FakeBackend, answer: Callable[[str], None]) -> BaseException | None:
    """What the await of a call raises that is answered by ``answer``."""

    async def cell() -> BaseException | None:
        call = functions.double(1)
        answer(call.op_id)
        return call.exception()

    found = run(cell())
    assert found is None or isinstance(found, BaseException)
    return found


def test_an_exception_of_the_function_is_raised_where_it_is_awaited(backend: FakeBackend) -> None:
    error = outcome(backend, lambda op_id: backend.answer(op_id, ValueError("odd"), ok=False))
    assert isinstance(error, ValueError)
    assert error.args == ("odd",)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError(), StopIteration(1)])
def test_an_exception_that_would_end_the_caller_is_wrapped(backend: FakeBackend, error: BaseException) -> None:
    found = outcome(backend, lambda op_id: backend.answer(op_id, error, ok=False))
    assert isinstance(found, CallFailed)
    assert type(found.__cause__) is type(error)


def test_an_uncertain_answer_says_what_is_known(backend: FakeBackend) -> None:
    text = "double() may have run: its worker was killed."
    error = outcome(
        backend, lambda op_id: backend.say(Answered(op_id=op_id, ok=False, at=0.0, uncertain=True, text=text))
    )
    assert isinstance(error, OperationUncertain)
    assert str(error) == text


def test_an_answer_without_a_value_is_a_failure_in_words(backend: FakeBackend) -> None:
    error = outcome(backend, lambda op_id: backend.say(Answered(op_id=op_id, ok=False, at=0.0, text="refused")))
    assert type(error) is CallFailed
    assert str(error) == "refused"


def test_a_result_that_cannot_be_loaded_fails_the_call(backend: FakeBackend) -> None:
    damaged = Answered(op_id="", ok=True, at=0.0, buffers=(b"not a pickle",))
    error = outcome(backend, lambda op_id: backend.say(Answered(op_id=op_id, ok=True, at=0.0, buffers=damaged.buffers)))
    assert isinstance(error, CallFailed)
    assert "cannot be loaded here" in str(error)


def test_an_answer_that_comes_twice_counts_once(backend: FakeBackend) -> None:
    async def cell() -> int:
        call = functions.double(1)
        backend.answer(call.op_id, 2)
        backend.answer(call.op_id, 3)
        return await call

    assert run(cell()) == 2


# --- the worker's side ----------------------------------------------------------------------------------------------


def carried_out(backend: FakeBackend, start: Callable[[], Any]) -> bytes:
    async def both() -> bytes:
        start()
        return await run_call(backend.started[-1].payload)

    return bytes(run(both()))


@pytest.mark.parametrize("function", [functions.double, functions.slow_double])
def test_a_worker_runs_the_call_and_gives_its_result(backend: FakeBackend, function: Any) -> None:
    assert pickle.loads(carried_out(backend, lambda: function(4))) == 8


def test_a_call_that_waits_holds_nothing_but_what_it_awaits(backend: FakeBackend) -> None:
    async def both() -> tuple[object, ...]:
        functions.slow_double(4, "a large argument")
        running: Any = run_call(backend.started[-1].payload)
        running.send(None)
        kept = dict(running.cr_frame.f_locals)
        value = kept.pop("value")
        running.close()
        return value.__name__, kept

    assert asyncio.run(both()) == ("slow_double", {"label": "slow_double()"})


def test_the_traceback_of_an_exception_begins_in_the_function(backend: FakeBackend) -> None:
    with pytest.raises(ValueError, match="odd") as caught:
        carried_out(backend, lambda: functions.fails("odd"))
    loaded = pickle.loads(dump_error(caught.value))
    assert isinstance(loaded, ValueError)
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert names == ["fails"]


def test_a_call_as_an_argument_is_refused_with_what_to_do(backend: FakeBackend) -> None:
    async def cell() -> None:
        functions.slow_double(1, functions.double(2))

    with pytest.raises(CannotMove, match="Await it, and pass its result"):
        run(cell())


def test_a_result_that_cannot_be_moved_is_a_clear_error(backend: FakeBackend) -> None:
    with pytest.raises(CannotMove, match=r"the result of gives_what_cannot_move\(\)"):
        carried_out(backend, functions.gives_what_cannot_move)


def test_an_exception_that_cannot_be_moved_is_told_in_words(backend: FakeBackend) -> None:
    class Local(Exception):
        pass

    loaded = pickle.loads(dump_error(Local("why")))
    assert isinstance(loaded, CallFailed)
    assert "Local" in str(loaded)
    assert "why" in str(loaded)
