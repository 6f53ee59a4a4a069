"""Cells that use anyio on its asyncio back end."""

from __future__ import annotations

from program_table import Programs

PROGRAMS = Programs()
program = PROGRAMS.add

program(
    "task group with start, start_soon and a failing child",
    """
import anyio
log = []
async def serve(n, *, task_status=anyio.TASK_STATUS_IGNORED):
    await turn()
    task_status.started(n * 10)
    try:
        await anyio.sleep(1000)
    finally:
        log.append(("served", n))
async def fails():
    await turn()
    await anyio.sleep(3)
    raise ValueError("child")
try:
    async with anyio.create_task_group() as group:
        log.append(await group.start(serve, 1))
        log.append(await group.start(serve, 2))
        group.start_soon(fails, name="failing")
        await anyio.sleep(1000)
except* ValueError as error:
    log.append([repr(e) for e in error.exceptions])
    await turn()
result = log[:2], sorted(map(str, log[2:])), asyncio.current_task().cancelling()
""",
)
program(
    "cancel scopes: nested, shielded, cancelled from outside",
    """
import anyio
log = []
async def work(scope):
    with scope:
        try:
            await anyio.sleep(1000)
        finally:
            with anyio.CancelScope(shield=True) as inner:
                await turn()
                await anyio.sleep(2)
                log.append(("cleaned", scope.cancel_called, inner.cancel_called))
    log.append(("after", scope.cancelled_caught))
scopes = [anyio.CancelScope() for _ in range(2)]
async with anyio.create_task_group() as group:
    for scope in scopes:
        group.start_soon(work, scope)
    await turn()
    scopes[0].cancel()
    await anyio.sleep(5)
    with anyio.CancelScope() as own:
        group.cancel_scope.cancel()
        await anyio.sleep(1000)
    log.append("never")
result = log, group.cancel_scope.cancelled_caught, own.cancelled_caught
""",
)
program(
    "time limits: fail_after, move_on_after, and one that is moved",
    """
import anyio
log = []
with anyio.move_on_after(5) as scope:
    await turn()
    await anyio.sleep(1000)
log.append((scope.cancelled_caught, anyio.current_time() - scope.deadline))
try:
    with anyio.fail_after(3):
        with anyio.move_on_after(50) as outer:
            await anyio.sleep(100)
except TimeoutError:
    log.append("late")
with anyio.move_on_after(3) as scope:
    await turn()
    scope.deadline += 10
    await anyio.sleep(8)
    log.append("in time")
with anyio.fail_after(10):
    log.append(await turn() is not None)
result = log, asyncio.current_task().cancelling()
""",
)
program(
    "memory object streams, with a full buffer and many receivers",
    """
import anyio
log = []
send, receive = anyio.create_memory_object_stream(1)
async def producer(stream, name):
    async with stream:
        for i in range(3):
            await stream.send((name, i))
            await turn()
async def consumer(stream, name):
    async with stream:
        async for item in stream:
            log.append((name, item))
            await anyio.sleep(1)
async with anyio.create_task_group() as group:
    for name in "ab":
        group.start_soon(producer, send.clone(), name)
        group.start_soon(consumer, receive.clone(), name.upper())
    send.close()
    receive.close()
result = sorted(log), send.statistics().open_send_streams
""",
)
program(
    "event, lock, semaphore, condition and limiter",
    """
import anyio
log = []
event, lock, limiter = anyio.Event(), anyio.Lock(), anyio.CapacityLimiter(2)
semaphore, condition = anyio.Semaphore(1), anyio.Condition()
async def locked(i):
    async with lock:
        log.append(("lock", i))
        await anyio.sleep(1)
async def limited(i):
    async with limiter:
        log.append(("limiter", i, limiter.borrowed_tokens))
        await turn()
async def counted(i):
    async with semaphore:
        log.append(("semaphore", i))
        await anyio.sleep(1)
async def told(i):
    async with condition:
        await condition.wait()
        log.append(("condition", i))
async def waits(i):
    await event.wait()
    log.append(("event", i))
async with anyio.create_task_group() as group:
    for i in range(3):
        for function in (locked, limited, counted, told, waits):
            group.start_soon(function, i)
    await turn()
    await anyio.sleep(5)
    event.set()
    async with condition:
        condition.notify_all()
result = log, lock.locked(), limiter.borrowed_tokens, semaphore.value
""",
)
program(
    "variables of a run, the default limiter and who runs",
    """
import anyio, anyio.lowlevel
log = []
number = anyio.lowlevel.RunVar("number", 1)
token = number.set(5)
limiter = anyio.to_thread.current_default_thread_limiter()
limiter.total_tokens = 7
async def child():
    await turn()
    info = anyio.get_current_task()
    log.append((info.name, info.parent_id == id(parent)))
    log.append(sorted(task.name for task in anyio.get_running_tasks() if task.name and task.name.startswith("my ")))
async with anyio.create_task_group() as group:
    parent = asyncio.current_task()
    group.start_soon(child, name="my first")
    group.start_soon(child, name="my second")
    await turn()
log.append((number.get(), anyio.to_thread.current_default_thread_limiter() is limiter, limiter.total_tokens))
number.reset(token)
log.append(number.get())
result = log
""",
)
program(
    "a library's way: one task group for a whole class",
    """
import anyio, contextlib
log = []
class Service:
    async def __aenter__(self):
        async with contextlib.AsyncExitStack() as stack:
            self.group = await stack.enter_async_context(anyio.create_task_group())
            self.send, self.receive = anyio.create_memory_object_stream(10)
            stack.push_async_callback(self.send.aclose)
            self.group.start_soon(self.run)
            self.stack = stack.pop_all()
        return self
    async def run(self):
        async with self.receive:
            async for item in self.receive:
                await anyio.sleep(1)
                log.append(item)
    async def __aexit__(self, *exc):
        return await self.stack.__aexit__(*exc)
async with Service() as service:
    for i in range(3):
        await service.send.send(i)
        await turn()
result = log
""",
)
