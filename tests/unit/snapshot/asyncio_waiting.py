"""Cells that wait for several things at once."""

from __future__ import annotations

from program_table import Programs

PROGRAMS = Programs()
program = PROGRAMS.add

program(
    "shield, from outside and from inside",
    """
log = []
async def inner(name):
    try:
        await turn()
        await asyncio.sleep(5)
        return name
    finally:
        log.append(("end", name))
kept = asyncio.ensure_future(inner("kept"))
outer = asyncio.shield(kept)
async def waits():
    try:
        return await outer
    except asyncio.CancelledError:
        log.append("outer cancelled")
        raise
waiting = asyncio.create_task(waits())
await asyncio.sleep(1)
waiting.cancel("no more")
await asyncio.wait([waiting])
log.append((waiting.cancelled(), outer.cancelled(), kept.done()))
log.append(await kept)
gone = asyncio.ensure_future(inner("gone"))
protected = asyncio.shield(gone)
await asyncio.sleep(1)
gone.cancel()
try:
    await protected
except asyncio.CancelledError:
    log.append("inner cancelled")
result = log
""",
)
program(
    "wait: each condition, with a time-out and without",
    """
async def one(i, fails=False):
    await turn()
    await asyncio.sleep(i)
    if fails:
        raise OSError(2, "no")
    return i
log = []
for condition in (asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION, asyncio.ALL_COMPLETED):
    for limit in (None, 2.5, 1000):
        tasks = [asyncio.create_task(one(i, i == 2), name=str(i)) for i in (1, 2, 3)]
        done, pending = await asyncio.wait(tasks, timeout=limit, return_when=condition)
        log.append((condition, limit, sorted(t.get_name() for t in done), sorted(t.get_name() for t in pending)))
        await asyncio.gather(*tasks, return_exceptions=True)
result = log
""",
)
program(
    "as_completed in a loop, with a time-out",
    """
async def one(i):
    await asyncio.sleep(i)
    return i
log = []
try:
    for nearest in asyncio.as_completed([one(3), one(1), one(2), one(90)], timeout=10):
        log.append(await nearest)
        await turn()
except TimeoutError:
    log.append("late")
result = log
""",
)
program(
    "as_completed gives the futures themselves",
    """
async def one(i):
    await turn()
    await asyncio.sleep(i)
    return i
log = []
tasks = [asyncio.create_task(one(i), name=f"t{i}") for i in (3, 1, 2)]
async for task in asyncio.as_completed(tasks):
    log.append((task.get_name(), task in tasks, await task))
    await turn()
try:
    async for task in asyncio.as_completed([one(1), one(1000)], timeout=5):
        log.append(task.result())
except TimeoutError:
    log.append("late")
result = log
""",
    (3, 13),
)
program(
    "gather: cancelled from outside, and one that is cancelled inside",
    """
log = []
async def one(i):
    try:
        await turn()
        await asyncio.sleep(100)
    except asyncio.CancelledError as error:
        log.append((i, error.args))
        raise
group = asyncio.gather(one(1), one(2))
async def waits():
    try:
        await group
    except asyncio.CancelledError as error:
        log.append(("group", error.args))
        raise
waiting = asyncio.create_task(waits())
await asyncio.sleep(1)
waiting.cancel("enough")
await asyncio.wait([waiting])
tasks = [asyncio.create_task(one(i)) for i in (3, 4)]
both = asyncio.gather(*tasks, return_exceptions=True)
await asyncio.sleep(1)
tasks[0].cancel()
await asyncio.sleep(1)
tasks[1].cancel()
log.append([type(r).__name__ for r in await both])
empty = asyncio.gather()
log.append(await empty)
shared = asyncio.create_task(asyncio.sleep(3, "s"))
log.append(await asyncio.gather(shared, shared, shared))
result = log
""",
)
program(
    "a task group in a task group, and tasks that are made late",
    """
log = []
async def leaf(i):
    await turn()
    log.append(i)
    return i
async def branch(group, n):
    async with asyncio.TaskGroup() as own:
        for i in range(n):
            own.create_task(leaf(i))
        await asyncio.sleep(1)
        group.create_task(leaf(10 + n))
    log.append(("branch", n))
async with asyncio.TaskGroup() as group:
    first = group.create_task(branch(group, 2), name="first")
    second = group.create_task(branch(group, 1))
    await turn()
result = log, first.get_name(), second.result()
""",
)
program(
    "wait_for around a task that does not want to end",
    """
log = []
async def stubborn():
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        log.append("asked to end")
        await turn()
        await asyncio.sleep(3)
        return "stayed"
try:
    log.append(await asyncio.wait_for(stubborn(), 2))
except TimeoutError:
    log.append("late")
try:
    await asyncio.wait_for(asyncio.sleep(5), 0)
except TimeoutError:
    log.append("at once")
log.append(await asyncio.wait_for(turn(), None) is not None)
result = log
""",
)
