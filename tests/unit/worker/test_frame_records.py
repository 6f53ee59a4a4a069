"""What a suspended cell records of its frames for people: where each stands, and its variables in short."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from caesura import frames
from caesura.worker.frame_records import FrameRecords

pytestmark = pytest.mark.skipif(frames.unavailable_reason() is not None, reason="frames cannot be read here")

HIDING = {"hidden_names": "passw|token|key"}
Json = dict[str, Any]


@types.coroutine
def forever() -> Iterator[None]:
    yield


def recorded(coroutine: Any, environment: Json = HIDING, cells: dict[str, int] | None = None) -> list[Json]:
    """Of the coroutine, after its first step."""
    coroutine.send(None)
    try:
        return FrameRecords(cells or {}, environment, clock=float).of(coroutine)
    finally:
        coroutine.close()


def texts_of(*values: object) -> list[str]:
    async def waits(value: object) -> None:
        await forever()

    return [recorded(waits(value))[0]["variables"][0][2] for value in values]


def test_frames_are_told_from_the_statement_down_to_what_is_awaited() -> None:
    async def inner(n: int) -> None:
        await forever()

    async def outer() -> None:
        text = "abc"
        await inner(len(text))

    found = recorded(outer(), cells={__file__: 7})
    assert [entry["function"] for entry in found] == ["outer", "inner", "forever"]
    assert [entry["cell"] for entry in found] == [7, 7, 7]
    assert found[0]["variables"][-1] == ["inner", "function", f"{inner.__qualname__}()"]
    assert found[0]["variables"][0] == ["text", "str", "'abc'"]
    assert found[1]["variables"] == [["n", "int", "3"]]
    first = outer.__code__.co_firstlineno
    assert [entry["line"] for entry in found[:2]] == [first + 2, inner.__code__.co_firstlineno + 1]


def test_a_gather_says_how_many_are_done_and_leads_to_the_first_that_is_not() -> None:
    async def at_once() -> None:
        return

    async def fetch() -> None:
        await asyncio.Event().wait()

    async def all_of_them() -> None:
        await asyncio.gather(at_once(), fetch(), fetch())

    async def watched() -> list[Json]:
        task = asyncio.ensure_future(all_of_them())
        for _ in range(5):
            await asyncio.sleep(0)
        found = FrameRecords({}, HIDING, clock=float).of(task.get_coro())
        task.cancel()
        await asyncio.wait([task])
        return found

    found = asyncio.run(watched())
    assert [entry["function"] for entry in found] == ["all_of_them", "gather", "fetch", "wait"]
    assert (found[1]["done"], found[1]["total"]) == (1, 3)


def test_an_asynchronous_generator_and_what_iterates_it_are_both_there() -> None:
    async def numbers() -> Any:
        step = 2
        await forever()
        yield step

    async def loop() -> None:
        async for _ in numbers():
            pass

    assert [entry["function"] for entry in recorded(loop())] == ["loop", "numbers", "forever"]


def test_values_of_builtin_kinds_are_short_texts() -> None:
    assert texts_of(1, 2.5, None, b"ab", [1, [2, [3]]], {"a": (1,)}, "x" * 100, list(range(50)), set()) == [
        "1",
        "2.5",
        "None",
        "b'ab'",
        "[1, [2, [… 1]]]",
        "{'a': (1)}",
        f"{'x' * 60!r}…",
        "[0, 1, 2, 3, … 50 in all]",
        "{}",
    ]


def test_huge_values_cost_and_take_no_more_than_small_ones() -> None:
    found = texts_of(10**100_000, "y" * 10**7, [["z" * 1000] * 100] * 100, range(10**5000))
    assert found[0] == "a number of 332193 bits"
    assert all(len(text) <= 120 for text in found)


def test_no_code_of_the_user_runs() -> None:
    ran: list[str] = []

    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            ran.append(name)
            return super().__getattribute__(name)

    class Sly(metaclass=Meta):
        @property  # type: ignore[misc]
        def __class__(self) -> Any:
            ran.append("class")
            return int

        def __repr__(self) -> str:
            ran.append("repr")
            return "sly"

    class Text(str):
        def __repr__(self) -> str:
            ran.append("repr")
            return "text"

    class Numbers(list[int]):
        def __iter__(self) -> Any:
            ran.append("iter")
            return super().__iter__()

    sly: Any = Sly()
    values = sly, Text("a"), Numbers([1]), [sly, Text("b")], {Text("key"): sly}
    ran.clear()
    found = texts_of(*values)
    assert ran == []
    assert found[:3] == ["", "", ""]
    assert [text.count("<locals>.Sly") + text.count("<locals>.Text") for text in found[3:]] == [2, 2]


def test_what_has_a_secret_name_is_hidden_also_in_a_dict_and_in_an_address() -> None:
    async def waits(api_Key: str, settings: object, url: str) -> None:
        await forever()

    found = recorded(waits("abc", {"Password": "abc", "user": "me"}, "postgres://me:abc@host/db"))[0]["variables"]
    assert [text for _name, _kind, text in found] == [
        "(hidden)",
        "{'Password': (hidden), 'user': 'me'}",
        "'postgres://…@host/db'",
    ]


def test_without_a_word_of_the_coordinator_no_variable_is_recorded_and_the_way_is() -> None:
    async def waits(value: int) -> None:
        await forever()

    (entry, _) = recorded(waits(1), {})
    assert (entry["function"], entry["variables"], entry["more"]) == ("waits", [], 0)


def test_more_variables_than_are_worth_it_are_counted() -> None:
    source = "async def waits():\n" + "".join(f"    v{n} = {n}\n" for n in range(30)) + "    await forever()\n"
    namespace: Json = {"forever": forever}
    exec(source, namespace)
    waits: Callable[[], Awaitable[None]] = namespace["waits"]
    (entry, _) = recorded(waits())
    assert (len(entry["variables"]), entry["more"]) == (20, 10)


def test_a_variable_without_a_value_is_left_out_and_a_shared_one_is_not() -> None:
    async def waits() -> None:
        shared = 1

        def reads() -> int:
            return shared + later

        await forever()
        later = 2
        reads()

    names = [name for name, *_ in recorded(waits())[0]["variables"]]
    assert sorted(names) == ["reads", "shared"]


def test_arrays_and_tables_have_a_shape() -> None:
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    found = texts_of(numpy.zeros((3, 4)), numpy.zeros(()), pandas.DataFrame({"a": [1, 2]}), pandas.Series([1, 2]))
    assert found == ["3 × 4 float64", "one value, float64", "2 × 1", "2"]


def test_when_the_time_is_over_the_variables_are_counted() -> None:
    async def waits(first: int, second: int) -> None:
        await forever()

    times = iter([0.0, 0.001, 0.003])
    coroutine: Any = waits(1, 2)
    coroutine.send(None)
    (entry, _) = FrameRecords({}, HIDING, clock=lambda: next(times)).of(coroutine)
    coroutine.close()
    assert (entry["variables"], entry["more"]) == ([["first", "int", "1"]], 1)
