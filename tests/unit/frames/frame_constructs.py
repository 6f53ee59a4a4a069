"""Statements and expressions with an await inside, one suspended frame each: table 3 of the facts about frames.

Every function logs its side effects, so that one that runs twice, or not at all, is seen.
"""

from __future__ import annotations

from typing import Any

from frame_driving import Construct, ask

CONSTRUCTS: dict[str, Construct] = {}
Log = list[object]


def construct(function: Construct) -> Construct:
    CONSTRUCTS[function.__name__] = function  # type: ignore[attr-defined]
    return function


def note(log: Log, value: Any) -> Any:
    log.append(value)
    return value


def both(first: object, *args: object, **named: object) -> object:
    return first, args, named


class Thing:
    def __init__(self, log: Log) -> None:
        self.log = log

    def method(self, *values: object) -> object:
        return note(self.log, ("method", *values))

    def __matmul__(self, other: object) -> object:
        return ("matmul", other)


@construct
async def plain_await(log: Log) -> object:
    note(log, "before")
    value = await ask(1)
    return note(log, value)


@construct
async def call_with_operands(log: Log) -> object:
    return both(note(log, 1), await ask(2), note(log, 3), k=await ask(4))


@construct
async def call_of_a_method(log: Log) -> object:
    return Thing(log).method(1, await ask(2)), "a,b".split(await ask(","))


@construct
async def call_of_a_builtin_method(log: Log) -> object:
    log.append(await ask("appended"))
    return max(await ask(1), 2), [].__len__(), str.upper(await ask("x"))


@construct
async def call_with_unpacking(log: Log) -> object:
    values, named = [1, 2], {"d": 4}
    return both(*values, await ask(3), *note(log, (9,)), **named, b=await ask(5))


@construct
async def for_loop_over_a_list(log: Log) -> object:
    total = 0
    for value in [1, 2, 3]:
        total += note(log, await ask(value))
    else:
        log.append("else")
    return total


@construct
async def nested_loops(log: Log) -> object:
    found = []
    for outer in range(2):
        for key, value in {"a": 1, "b": 2}.items():
            for letter in "xy":
                found.append((outer, key, value, await ask(letter)))
    return found


@construct
async def loops_over_iterators(log: Log) -> object:
    found: list[object] = []
    for pair in zip([1, 2], map(str, (3, 4)), strict=True):
        found.append((pair, await ask(0)))
    for pair in enumerate(reversed([5, 6])):
        found.append((pair, await ask(1)))
    for value in filter(None, [0, 7, 8]):
        found.append((value, await ask(2)))
    for value in iter([9, 10].pop, 9):
        found.append((value, await ask(3)))
    for value in {11}:
        found.append((value, await ask(4)))
    return found


def counting(log: Log) -> Any:
    try:
        for value in range(3):
            note(log, ("generated", value))
            yield value
    finally:
        log.append("generator ends")


@construct
async def for_loop_over_a_generator(log: Log) -> object:
    return [value async for value in _doubled(log)] + [await ask(value) for value in counting(log)]


async def _doubled(log: Log) -> Any:
    for value in counting(log):
        yield 2 * await ask(value)


@construct
async def while_with_break_and_continue(log: Log) -> object:
    count = 0
    while True:
        count += 1
        if await ask(count) == 2:
            continue
        if count > 3:
            break
        log.append(count)
    return count


@construct
async def comparison_chains(log: Log) -> object:
    return 1 < await ask(2) < await ask(3), 5 < await ask(4) < note(log, 1)


@construct
async def boolean_operators(log: Log) -> object:
    return (
        note(log, 1) and await ask(2),
        note(log, 0) or await ask(3),
        (await ask(4)) if await ask(True) else note(log, 5),
        (walrus := await ask(6)) + walrus,
        not await ask(7),
        -(await ask(8)),
    )


@construct
async def binary_operators(log: Log) -> object:
    return 1 + await ask(2) * await ask(3), Thing(log) @ await ask(4), [1] * await ask(2)


@construct
async def format_strings(log: Log) -> object:
    return f"{note(log, 1)} a {await ask(2)!r:>{await ask(5)}} b {note(log, 3)}"


@construct
async def augmented_assignments(log: Log) -> object:
    table: dict[str, Any] = {"a": [1]}
    table["a"] += [await ask(2)]
    thing: Any = Thing(log)
    thing.count = 1
    thing.count += await ask(10)
    return table, thing.count


@construct
async def subscripts(log: Log) -> object:
    values: Any = [0, 1, 2, 3, 4, 5]
    values[await ask(0)] = note(log, "set")
    values[1], values[await ask(2)] = await ask("x"), "y"
    del values[await ask(3)]
    values[await ask(2) : await ask(4)] = [await ask("z")]
    return values, values[1 : await ask(3)]


@construct
async def displays(log: Log) -> object:
    given, more = [1, 2], {"z": 26}
    return (
        {"a": note(log, 1), "b": await ask(2), **more, "c": await ask(3)},
        {1, await ask(2), *given},
        [*given, await ask(3), *given],
        (*given, await ask(4)),
    )


@construct
async def unpacking_assignment(log: Log) -> object:
    first, *rest = [note(log, 1), await ask(2), await ask(3)]
    (a, b), c = (await ask((4, 5))), await ask(6)
    return first, rest, a, b, c


@construct
async def pattern_matching(log: Log) -> object:
    found = []
    for subject in ([1, [2, 3]], {"k": 1, "rest": 2}, Thing(log), 4):
        match subject:
            case [one, [two, *three]] if await ask(True):
                found.append((one, two, three, await ask("list")))
            case {"k": value, **rest} if await ask(value):
                found.append((value, rest))
            case Thing(log=inner):
                found.append((len(inner), await ask("thing")))
            case other:
                found.append(await ask(other))
    return found


@construct
async def unbound_and_deleted_locals(log: Log) -> object:
    gone: object = 1
    del gone
    if await ask(False):
        never = 1
    try:
        return never
    except UnboundLocalError as error:
        log.append(str(error))
    try:
        return gone  # noqa: F821
    except UnboundLocalError as error:
        return str(error), await ask(1)


@construct
async def asserts(log: Log) -> object:
    assert await ask(True), note(log, "not shown")
    try:
        assert not await ask(True), await ask("message")
    except AssertionError as error:
        return str(error)


@construct
async def imports_and_globals(log: Log) -> object:
    global _written
    import math

    _written = await ask(2)
    return math.sqrt(await ask(4)), _written


_written: object = None


@construct
async def every_kind_of_argument(log: Log) -> object:
    return await _arguments(1, await ask(2), 3, 4, kw=5, more=6)


async def _arguments(
    only: object, /, plain: object, *args: object, kw: object, default: object = 0, **more: object
) -> object:
    captured = lambda: (only, kw)  # noqa: E731
    await ask(None)
    return only, plain, args, kw, default, more, captured()


def _many() -> None:
    names = [f"v{index}" for index in range(300)]
    sums = " + ".join(names)
    body = "\n".join(f"    {name} = {index}" for index, name in enumerate(names))
    deep = "(" + ", ".join(["note(log, 1)"] * 40 + ["await ask(41)"] + ["*log"] + ["await ask(3)"] * 30) + ")"
    source = (
        f"async def many_locals(log):\n{body}\n    deep = {deep}\n    v299 = await ask(1)\n    return {sums}, deep\n"
    )
    exec(compile(source, __file__, "exec"), globals())
    construct(globals()["many_locals"])


_many()
