"""Cells that wait for several things at once, that are cancelled, and that wait for time."""

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

program(
    "the number of cancellations",
    """
log = []
async def patient():
    task = asyncio.current_task()
    for _ in range(3):
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError as error:
            log.append((task.cancelling(), error.args))
            await turn()
            log.append(task.cancelling())
    task.uncancel()
    await turn()
    log.append(task.uncancel())
    await asyncio.sleep(1)
    return task.cancelling()
task = asyncio.create_task(patient())
for i in range(3):
    await asyncio.sleep(1)
    task.cancel(f"message {i}")
    await asyncio.sleep(1)
result = log, await task, task.cancelling()
""",
)
program(
    "time-outs inside each other, moved and taken back",
    """
log = []
for outer_limit, inner_limit in ((5, 50), (50, 5), (5, 5), (None, 5)):
    try:
        async with asyncio.timeout(outer_limit) as outer:
            try:
                async with asyncio.timeout(inner_limit) as inner:
                    await turn()
                    await asyncio.sleep(1000)
            except TimeoutError:
                log.append("inner")
                await asyncio.sleep(1)
    except TimeoutError:
        log.append("outer")
    log.append((outer.expired(), inner.expired(), asyncio.current_task().cancelling()))
async with asyncio.timeout(3) as limit:
    await turn()
    limit.reschedule(limit.when() + 10)
    await asyncio.sleep(8)
    limit.reschedule(None)
    await asyncio.sleep(100)
log.append(repr(limit))
result = log
""",
)
program(
    "a time-out and a cancellation from outside at once",
    """
log = []
async def work():
    try:
        async with asyncio.timeout(5):
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                await turn()
                await asyncio.sleep(10)
                raise
    except TimeoutError:
        log.append("timed out")
        raise
task = asyncio.create_task(work())
await asyncio.sleep(6)
task.cancel()
await asyncio.wait([task])
result = log, task.cancelled()
""",
)
program(
    "a task that was cancelled although its future did not let it",
    """
log = []
class Firm(asyncio.Future):
    def cancel(self, msg=None):
        log.append("not now")
        return False
firm = Firm()
async def waits():
    try:
        await firm
    except asyncio.CancelledError as error:
        log.append(error.args)
        await turn()
        raise
task = asyncio.create_task(waits())
await turn()
task.cancel("soon")
await turn()
firm.set_result(1)
await asyncio.wait([task])
result = log, task.cancelled()
""",
)
program(
    "what a cancelled task says when it is awaited later",
    """
import traceback
async def deep():
    await asyncio.sleep(1000)
async def work():
    await deep()
task = asyncio.create_task(work())
await turn()
task.cancel("why")
await asyncio.wait([task])
await turn()
try:
    await task
except asyncio.CancelledError as error:
    lines = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    result = error.args, lines
""",
)

program(
    "timers: order, cancelled ones, arguments, contexts, when",
    """
import contextvars
var = contextvars.ContextVar("var", default="none")
log = []
loop = asyncio.get_running_loop()
began = loop.time()
context = contextvars.copy_context()
context.run(var.set, "own")
def note(*args):
    log.append((*args, var.get(), loop.time() - began))
handles = [loop.call_later(5, note, i) for i in range(3)]
handles.append(loop.call_at(began + 2, note, "at", context=context))
handles.append(loop.call_later(9, note, "never"))
handles.append(loop.call_soon(note, "soon"))
gone = loop.call_soon(note, "gone")
gone.cancel()
handles[1].cancel()
await turn()
handles[4].cancel()
await asyncio.sleep(20)
log.append([h.cancelled() for h in handles])
result = log, gone.cancelled(), [h.when() - began for h in handles[:4]], loop.time() - began
""",
)
program(
    "many timers, half of them cancelled",
    """
log = []
loop = asyncio.get_running_loop()
handles = [loop.call_later(i % 7, log.append, i) for i in range(300)]
for handle in handles[::2]:
    handle.cancel()
await asyncio.sleep(3)
for handle in handles[1::4]:
    handle.cancel()
await asyncio.sleep(30)
result = log, len(loop._scheduled)
""",
)
program(
    "the loop's time goes on",
    """
loop = asyncio.get_running_loop()
began = loop.time()
times = []
for i in range(3):
    await asyncio.sleep(i)
    times.append(loop.time() - began)
deadline = loop.time() + 5
async with asyncio.timeout_at(deadline):
    await asyncio.sleep(4)
result = times, loop.time() - began
""",
)
