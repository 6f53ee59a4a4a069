"""Cells that are cancelled, that wait for time, and what calls them back."""

from __future__ import annotations

from program_table import Programs

PROGRAMS = Programs()
program = PROGRAMS.add

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
program(
    "methods of the interpreter as callbacks, and the set that keeps background tasks",
    """
log = []
background = set()
loop = asyncio.get_running_loop()
async def work(i):
    await turn()
    await asyncio.sleep(1)
    log.append((i, len(background)))
for i in range(2):
    task = asyncio.create_task(work(i))
    background.add(task)
    task.add_done_callback(background.discard)
future, event = loop.create_future(), asyncio.Event()
sleeper = asyncio.create_task(asyncio.sleep(1000))
loop.call_later(4, future.set_result, "set")
loop.call_later(3, event.set)
loop.call_later(6, sleeper.cancel)
async def when_set():
    await event.wait()
    log.append("event")
waiting = asyncio.create_task(when_set())
await turn()
log.append(await future)
await asyncio.wait([sleeper, waiting])
await asyncio.sleep(20)
result = log, sleeper.cancelled(), background, future.done()
""",
)
program(
    "helpers of asynchronous generators: asend, athrow, aclose",
    """
log = []
async def echo():
    got = None
    while True:
        try:
            got = yield await turn(), got
        except KeyError as error:
            await asyncio.sleep(1)
            got = repr(error)
        finally:
            await asyncio.sleep(1)
            log.append("step")
generator = echo()
log.append((await anext(generator))[1])
log.append((await generator.asend("sent"))[1])
log.append((await generator.athrow(KeyError("thrown")))[1])
closing = generator.aclose()
await turn()
await closing
log.append(await anext(generator, "over"))
result = log
""",
)
