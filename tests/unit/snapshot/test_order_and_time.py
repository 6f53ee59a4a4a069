"""What happens to a cell that is away happens as it would have if the cell had stayed: in its order, at its time."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timed_notebook import Answer, histories

CELLS = {
    "an answer before a deadline beats it": (
        """
async def cell():
    try:
        async with asyncio.timeout(20):
            note(await call("a"))
    except TimeoutError:
        note("late")
""",
        [Answer(19.5, "a", "in time")],
    ),
    "a deadline before an answer beats it": (
        """
async def cell():
    try:
        note(await asyncio.wait_for(call("a"), 20))
    except TimeoutError:
        note("late")
    await asyncio.sleep(5)
    note("slept")
""",
        [Answer(20.5, "a", "too late")],
    ),
    "an answer at the moment of a deadline": (
        """
async def cell():
    try:
        async with asyncio.timeout(20):
            note(await call("a"))
    except TimeoutError:
        note("late")
""",
        [Answer(20, "a", "in time")],
    ),
    "callbacks and waiters of one future": (
        """
async def waits(call, name):
    await call
    note(name)
async def cell():
    a = call("a")
    first = asyncio.create_task(waits(a, "first"))
    await asyncio.sleep(0)
    a.add_done_callback(lambda _: note("callback"))
    second = asyncio.create_task(waits(a, "second"), context=contextvars.Context())
    await asyncio.sleep(0)
    a.add_done_callback(lambda _: note("last"))
    await asyncio.wait([first, second])
    note("both")
""",
        [Answer(3, "a")],
    ),
    "timers of the same moment, and one that an earlier one cancels": (
        """
async def cell():
    handles = [loop.call_later(5 + i % 3, note, i) for i in range(12)]
    loop.call_later(5.5, handles[4].cancel)
    loop.call_at(began + 6, note, "at")
    handles[7].cancel()
    await asyncio.sleep(6)
    note("slept")
    loop.call_soon(note, "soon")
    await asyncio.sleep(30)
    note([handle.cancelled() for handle in handles])
""",
        [],
    ),
    "a task that polls until an answer comes": (
        """
async def cell():
    a = call("a")
    while not a.done():
        await asyncio.sleep(7)
        note("poll")
    note(a.result())
""",
        [Answer(30, "a", "seen")],
    ),
    "gather of answers that come in another order, and one fails": (
        """
async def one(name):
    try:
        found = await call(name)
        note(name, found)
        return found
    except ValueError as error:
        note(name, str(error))
        raise
async def cell():
    try:
        note(await asyncio.gather(one("a"), one("b"), one("c")))
    except ValueError as error:
        note("failed", str(error))
    note(await asyncio.gather(call("d"), asyncio.sleep(1, "s"), return_exceptions=True))
""",
        [Answer(9, "a", 1), Answer(4, "b", 2), Answer(6, "c", error="no"), Answer(12, "d", error="neither")],
    ),
    "as they are completed, with a limit": (
        """
async def cell():
    try:
        for nearest in asyncio.as_completed([call(name) for name in "abcd"], timeout=20):
            note(await nearest)
    except TimeoutError:
        note("late")
""",
        [Answer(9, "a", 1), Answer(4, "b", 2), Answer(9, "c", 3), Answer(25, "d", 4)],
    ),
    "a queue between a producer that is answered and a consumer that is slow": (
        """
queue = asyncio.Queue(1)
async def produce():
    for name in "abc":
        await queue.put(await call(name))
        note("put", name)
async def cell():
    asyncio.create_task(produce(), name="producer")
    for _ in range(3):
        note("got", await queue.get())
        await asyncio.sleep(6)
""",
        [Answer(2, "a", 1), Answer(3, "b", 2), Answer(21, "c", 3)],
    ),
    "a task group whose time is over while it waits for its children": (
        """
async def child(name):
    try:
        note(name, await call(name))
    except asyncio.CancelledError:
        note(name, "cancelled", asyncio.current_task().cancelling())
        await asyncio.sleep(2)
        raise
async def cell():
    try:
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            for name in "ab":
                group.create_task(child(name))
    except TimeoutError:
        note("late", asyncio.current_task().cancelling())
""",
        [Answer(8, "a", 1), Answer(11, "b", 2)],
    ),
}


@pytest.mark.parametrize("absences", [[], [1.0], [4.0, 8.5, 19.75]], ids=["once", "soon", "often"])
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_that_was_away_has_the_history_of_one_that_stayed(
    name: str, absences: list[float], tmp_path: Path
) -> None:
    source, answers = CELLS[name]
    stayed, was_away = histories(source, answers, 60.0, absences, tmp_path)
    assert was_away == stayed
    assert stayed != "[]"


MANY = """
plans = {plans!r}
async def work(number, op_id, limit, pause, shielded):
    try:
        async with asyncio.timeout(limit):
            await asyncio.sleep(pause)
            note(number, "begins")
            waits = call(op_id) if op_id not in loop.operations else loop.operations[op_id][0]
            note(number, await (asyncio.shield(waits) if shielded else waits))
    except TimeoutError:
        note(number, "late")
    except ValueError as error:
        note(number, str(error))
    except asyncio.CancelledError:
        note(number, "cancelled by another")
async def cell():
    for number, plan in enumerate(plans):
        loop.call_later(plan[2], note, "timer", number)
    await asyncio.gather(*(work(number, *plan) for number, plan in enumerate(plans)))
    note("all")
"""

moments = st.integers(1, 40).map(lambda quarters: quarters / 4)
plans = st.lists(
    st.tuples(st.sampled_from("abc"), moments, moments.map(lambda moment: moment - 0.25), st.booleans()),
    min_size=1,
    max_size=5,
)
answers = st.lists(
    st.builds(
        Answer,
        moments.map(lambda moment: moment + 0.125),
        st.sampled_from("abc"),
        st.integers(),
        st.sampled_from(["", "no"]),
    ),
    max_size=4,
    unique_by=lambda answer: answer.at,
)


@settings(max_examples=25, deadline=None)
@given(plans, answers, st.lists(moments, max_size=2, unique=True).map(sorted))
def test_whatever_is_planned_and_answered(
    plans: list[tuple[str, float, float, bool]], answers: list[Answer], absences: list[float]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stayed, was_away = histories(MANY.format(plans=plans), answers, 20.0, absences, Path(folder))
    assert was_away == stayed
