"""Constructs that wait while an exception is handled, a context is open, or something is still to be cleaned up."""

from __future__ import annotations

import contextlib
import sys
import types
from typing import Any

from frame_constructs import Log, construct, note
from frame_driving import ask


class Context:
    def __init__(self, log: Log, swallows: bool = False) -> None:
        self.log = log
        self.swallows = swallows

    def __enter__(self) -> object:
        return note(self.log, "enter")

    def __exit__(self, *exc: object) -> bool:
        self.log.append(("exit", exc[0] is not None))
        return self.swallows

    async def __aenter__(self) -> object:
        return note(self.log, await ask("aenter"))

    async def __aexit__(self, *exc: Any) -> bool:
        self.log.append(await ask("aexit"))
        self.log.append(("aexit", str(exc[1]), exc[2] is not None))
        return self.swallows


class Sometimes(Exception):
    pass


@construct
async def with_statement(log: Log) -> object:
    with Context(log) as a, Context(log) as b:
        return a, b, await ask(1)


@construct
async def with_swallows(log: Log) -> object:
    with Context(log, True):
        await ask(1)
        raise ValueError(await ask("lost"))
    return await ask(2)


@construct
async def with_lets_through(log: Log) -> object:
    with Context(log):
        raise ValueError(await ask("kept"))


@construct
async def async_with(log: Log) -> object:
    async with Context(log) as value, Context(log):
        log.append(await ask("body"))
    return value


@construct
async def async_with_swallows(log: Log) -> object:
    async with Context(log, True):
        raise ValueError(await ask("lost"))
    return await ask("after")


@construct
async def async_with_lets_through(log: Log) -> object:
    async with Context(log):
        raise ValueError(await ask("kept"))


@construct
async def except_body(log: Log) -> object:
    try:
        raise KeyError("k")
    except KeyError:
        await ask(1)
        return str(sys.exc_info()[1]), await ask(2)


@construct
async def except_as_body(log: Log) -> object:
    try:
        raise KeyError("k")
    except (ValueError, KeyError) as error:
        log.append(await ask(1))
        log.append(repr(error))
    return sys.exc_info(), await ask(2)


@construct
async def nested_excepts(log: Log) -> object:
    try:
        raise KeyError("outer")
    except KeyError as outer:
        try:
            raise ValueError("inner")
        except ValueError as inner:
            await ask(1)
            log.append((repr(inner.__context__), repr(sys.exc_info()[1])))
        await ask(2)
        return repr(outer), repr(sys.exc_info()[1])


@construct
async def await_while_matching(log: Log) -> object:
    try:
        raise Sometimes("x")
    except await ask(ValueError):  # noqa: B030
        return "wrong"
    except await ask(Sometimes):  # noqa: B030
        return repr(sys.exc_info()[1])


@construct
async def finally_both_ways(log: Log) -> object:
    try:
        log.append("try")
    finally:
        log.append(await ask("normal"))
    try:
        raise ValueError("v")
    finally:
        log.append(await ask("by exception"))


@construct
async def return_through_finally(log: Log) -> object:
    for index in range(3):
        try:
            if await ask(index) == 1:
                return note(log, f"returned {index}")
        finally:
            log.append(await ask(f"finally {index}"))
    return None


@construct
async def break_and_continue_through_finally(log: Log) -> object:
    for index in range(4):
        try:
            if index == 1:
                continue
            if index == 2:
                break
        finally:
            log.append(await ask(index))
    return index


@construct
async def exception_groups(log: Log) -> object:
    try:
        raise ExceptionGroup("g", [ValueError(1), KeyError(2), TypeError(3)])
    except* ValueError as group:
        log.append((await ask(1), [repr(error) for error in group.exceptions]))
    except* KeyError as group:
        log.append((await ask(2), [repr(error) for error in group.exceptions], repr(sys.exc_info()[1])))
    except* TypeError:
        log.append(await ask(3))
    return await ask(4)


@construct
async def exception_group_with_a_rest(log: Log) -> object:
    try:
        raise ExceptionGroup("g", [ValueError(1), KeyError(2), TypeError(3)])
    except* ValueError:
        log.append(await ask(1))
        raise
    except* KeyError:
        raise RuntimeError(await ask("new")) from None


@construct
async def naked_exception_in_except_star(log: Log) -> object:
    try:
        raise ValueError("naked")
    except* ValueError as group:
        return_value = await ask(1), repr(group)
    return return_value


@construct
async def raise_from_a_class(log: Log) -> object:
    raise ValueError("a") from await ask(KeyError)


@construct
async def raise_from_an_exception(log: Log) -> object:
    cause = (await ask([KeyError("cause")]))[0]
    raise ValueError(await ask("a")) from cause


@construct
async def bare_raise(log: Log) -> object:
    try:
        raise KeyError("again")
    except KeyError:
        await ask(1)
        raise


@construct
async def implicit_context(log: Log) -> object:
    try:
        raise KeyError("first")
    except KeyError:
        await ask(1)
        raise ValueError("second")  # noqa: B904


@construct
async def inner_coroutine_reraises(log: Log) -> object:
    async def inner() -> None:
        await ask(1)
        log.append(repr(sys.exc_info()[1]))
        raise

    try:
        raise KeyError("of the outer")
    except KeyError:
        await inner()


@construct
async def exception_with_a_note(log: Log) -> object:
    try:
        try:
            raise KeyError("noted")
        except KeyError as error:
            error.add_note("a note")
            await ask(1)
            raise
    finally:
        log.append(await ask(2))


@construct
async def answered_with_an_exception(log: Log) -> object:
    try:
        await ask(ValueError("thrown in"))
    except ValueError as error:
        log.append((str(error), await ask(1)))
    await ask(Sometimes("not caught"))


@construct
async def traceback_as_a_value(log: Log) -> object:
    try:
        raise KeyError(1)
    except KeyError:
        kept: types.TracebackType | None = sys.exc_info()[2]
    await ask(1)
    return kept is not None and kept.tb_lineno > 0


@contextlib.contextmanager
def manager(log: Log) -> Any:
    log.append("opened")
    try:
        yield 1
    finally:
        log.append("closed")


@contextlib.asynccontextmanager
async def async_manager(log: Log) -> Any:
    log.append(await ask("opening"))
    try:
        yield 2
    except KeyError:
        log.append(await ask("handling"))
    finally:
        log.append(await ask("closing"))


@construct
async def context_managers_from_generators(log: Log) -> object:
    with manager(log) as one:
        async with async_manager(log) as two:
            log.append(await ask((one, two)))
            raise KeyError
    return await ask(3)


@construct
async def exit_stacks(log: Log) -> object:
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(manager(log))
        await stack.enter_async_context(async_manager(log))
        stack.callback(log.append, "callback")
        with contextlib.ExitStack() as inner:
            inner.enter_context(Context(log))
            await ask(1)
        with contextlib.suppress(KeyError):
            await ask(KeyError(1))
    return "left"
