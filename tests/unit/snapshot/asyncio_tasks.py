"""Cells that hold tasks, futures and handles with all that hangs on them."""

from __future__ import annotations

from program_table import Programs

PROGRAMS = Programs()
program = PROGRAMS.add

program(
    "names, contexts and callbacks of tasks",
    """
import contextvars, functools
var = contextvars.ContextVar("var", default="none")
log = []
def callback(name, future):
    log.append((name, var.get(), future.get_name()))
context = contextvars.Context()
context.run(var.set, "task")
other = contextvars.Context()
other.run(var.set, "callback")
async def work():
    log.append(var.get())
    var.set("changed")
    await turn()
    log.append(var.get())
    return asyncio.current_task().get_name()
task = asyncio.create_task(work(), name="mine", context=context)
task.add_done_callback(functools.partial(callback, "first"), context=other)
second = functools.partial(callback, "second")
task.add_done_callback(second)
task.add_done_callback(second)
third = functools.partial(callback, "third")
task.add_done_callback(third)
await turn()
task.set_name("renamed")
log.append(task.remove_done_callback(third))
log.append(await task)
log.append((context[var], var.get()))
fresh = asyncio.create_task(work(), context=contextvars.Context())
await turn()
await fresh
async def nobody(): await turn()
log.append(asyncio.create_task(nobody()).get_name().startswith("Task-"))
result = log
""",
)
program(
    "an exception that nobody retrieves is reported once",
    """
import gc
reports = []
loop = asyncio.get_running_loop()
loop.set_exception_handler(lambda loop, context: reports.append((context["message"], repr(context["exception"]))))
async def fails(text):
    await turn()
    raise ValueError(text)
class Mine(asyncio.Future):
    pass
lost = [asyncio.create_task(fails("task")), loop.create_future(), Mine()]
lost[1].set_exception(KeyError("future"))
lost[2].set_exception(OSError("mine"))
read = asyncio.create_task(fails("read"))
await asyncio.wait([read, lost[0]])
read.exception()
await turn()
await asyncio.sleep(1)
lost.clear(); read = None
gc.collect()
await turn()
gc.collect()
result = sorted(reports)
""",
)
program(
    "the handler of exceptions, the debug flag and the slow callback",
    """
log = []
loop = asyncio.get_running_loop()
def handler(loop, context):
    log.append((context["message"].split()[0], type(context["exception"]).__name__))
loop.set_exception_handler(handler)
loop.slow_callback_duration = 7.5
loop.call_later(3, lambda: 1 / 0)
await turn()
await asyncio.sleep(5)
log.append((loop.get_exception_handler() is handler, loop.slow_callback_duration, loop.get_debug()))
result = log
""",
)
program(
    "a task factory of the user's, with a class of the user's",
    """
class Named(asyncio.Task):
    def __init__(self, coro, *, tag, **options):
        super().__init__(coro, **options)
        self.tag = tag
        self.children = []
def factory(loop, coro, **options):
    return Named(coro, loop=loop, tag=coro.__name__, **options)
loop = asyncio.get_running_loop()
loop.set_task_factory(factory)
async def work(n):
    await turn()
    me = asyncio.current_task()
    if n:
        me.children.append(asyncio.create_task(work(n - 1)))
        await me.children[0]
    return me.tag, type(me) is Named, len(me.children)
result = await asyncio.create_task(work(0)), await asyncio.create_task(work(2)), loop.get_task_factory() is factory
loop.set_task_factory(None)
""",
)
program(
    "eager tasks",
    """
log = []
loop = asyncio.get_running_loop()
loop.set_task_factory(asyncio.eager_task_factory)
async def work(i):
    log.append(("began", i))
    if i:
        await turn()
        log.append((i, asyncio.current_task().get_name()))
    return i
tasks = [asyncio.create_task(work(i), name=f"t{i}") for i in range(3)]
log.append([t.done() for t in tasks])
await asyncio.gather(*tasks)
more = asyncio.create_task(work(0))
log.append((more.done(), loop.get_task_factory() is asyncio.eager_task_factory))
async with asyncio.TaskGroup() as group:
    group.create_task(work(0)); group.create_task(work(5), name="five")
result = log
loop.set_task_factory(None)
""",
    (3, 12),
)
program(
    "debug mode: where a task was made",
    """
import gc
reports = []
loop = asyncio.get_running_loop()
loop.set_debug(True)
loop.slow_callback_duration = 100
loop.set_exception_handler(lambda loop, context: reports.append(
    [(key, [f.name for f in value[-2:]] if "traceback" in key else str(value)[:20]) for key, value in context.items()
     if key in ("message", "source_traceback")]))
async def fails():
    await turn()
    raise ValueError
def make():
    return asyncio.create_task(fails())
task = make()
future = loop.create_future()
handle = loop.call_later(4, lambda: 1 / 0)
await asyncio.wait([task])
await asyncio.sleep(5)
places = [[f.name for f in thing._source_traceback[-1:]] for thing in (future, handle)]
del task
gc.collect()
await turn()
result = reports, places, loop.get_debug()
loop.set_debug(False)
""",
)
program(
    "who retrieves the tasks of the loop",
    """
async def work(): await turn()
tasks = {asyncio.create_task(work(), name=f"w{i}") for i in range(3)}
await asyncio.sleep(1)
here = asyncio.all_tasks() - {asyncio.current_task()}
result = here == tasks, sorted(t.get_name() for t in here), asyncio.current_task().get_name()
""",
)
program(
    "a future with a class, attributes and a callback of its own",
    """
log = []
class Reply(asyncio.Future):
    __slots__ = ("slot",)
    count = 0
    def __init__(self, name, **options):
        super().__init__(**options)
        self.name, self.slot = name, name * 2
        self.add_done_callback(self.note)
    def note(self, future):
        log.append((self.name, self.slot, future is self))
    def set_result(self, value):
        Reply.count += 1
        super().set_result(value)
reply, over, failed = Reply("a"), Reply("b"), Reply("c")
over.set_result(1)
failed.set_exception(ValueError("v"))
gone = Reply("d"); gone.cancel("msg")
async def waits(): return await reply
task = asyncio.create_task(waits())
await turn()
reply.set_result("done")
log.append(await task)
try:
    gone.result()
except asyncio.CancelledError as error:
    log.append(error.args)
log.append(reply.get_loop() is asyncio.get_running_loop())
result = log, over.result(), repr(failed.exception()), Reply.count, over.slot
""",
)
program(
    "a job in an executor that is done, and one after the move",
    """
import concurrent.futures
loop = asyncio.get_running_loop()
def settle(job):
    while not job.done():
        pass
pool = concurrent.futures.ThreadPoolExecutor(1)
jobs = [pool.submit(len, "abc"), pool.submit(int, "x")]
concurrent.futures.wait(jobs)
futures = [asyncio.wrap_future(job) for job in jobs]
await asyncio.sleep(0)
await asyncio.wait(futures)
done = concurrent.futures.Future()
done.set_running_or_notify_cancel()
done.set_result("by hand")
by_hand = asyncio.wrap_future(done)
await by_hand
await turn()
result = ([repr(f.exception() or f.result()) for f in futures], by_hand.result(), [j.done() for j in jobs],
    pool.submit(len, "four").result())
pool.shutdown()
""",
)
program(
    "stream reader without a transport",
    """
log = []
reader = asyncio.StreamReader(limit=64)
async def feed():
    for part in (b"one\\ntw", b"o\\nthr", b"ee and the rest"):
        await turn()
        reader.feed_data(part)
    await asyncio.sleep(1)
    reader.feed_eof()
feeding = asyncio.create_task(feed())
async for line in reader:
    log.append(line)
    if line == b"two\\n":
        break
log.append(await reader.readexactly(5))
await asyncio.sleep(1)
log.append(await reader.read())
log.append(reader.at_eof())
result = log
""",
)
program(
    "asynchronous iterators of a class, and context managers",
    """
log = []
class Count:
    def __init__(self, n): self.n = n
    def __aiter__(self): return self
    async def __anext__(self):
        if not self.n:
            raise StopAsyncIteration
        self.n -= 1
        await turn()
        return self.n
class Held:
    async def __aenter__(self):
        await turn()
        log.append("in")
        return self
    async def __aexit__(self, kind, error, trace):
        await asyncio.sleep(1)
        log.append(("out", kind and kind.__name__))
        return True
async with Held() as held:
    async for i in Count(3):
        log.append(i)
        await asyncio.sleep(1)
    raise KeyError
log.append(await anext(Count(0), "none"))
class Awaited:
    def __await__(self):
        yield from asyncio.sleep(2).__await__()
        return (yield from turn().__await__())
log.append(await Awaited() is not None)
result = log
""",
)
program(
    "an asynchronous generator that is dropped half way",
    """
import gc
log = []
async def numbers():
    try:
        for i in range(10):
            yield i
            await asyncio.sleep(1)
    finally:
        await asyncio.sleep(1)
        log.append("closed")
half = numbers()
log.append(await anext(half))
await turn()
log.append(await anext(half))
await turn()
del half
gc.collect()
await asyncio.sleep(5)
never = numbers()
await turn()
del never
gc.collect()
await asyncio.sleep(5)
result = log
""",
)
program(
    "futures of coroutines that run to their end inside gather, twice awaited",
    """
log = []
async def work():
    await turn()
    return []
task = asyncio.create_task(work())
async def waits(i):
    found = await task
    found.append(i)
    return found
one, two = await asyncio.gather(waits(1), waits(2))
again = await task
result = one is two is again, one
""",
)
program(
    "a future that is its own result, and a cycle of tasks",
    """
loop = asyncio.get_running_loop()
me = loop.create_future()
holder = []
async def first():
    await asyncio.sleep(3)
    return holder[1]
async def second():
    return await holder[0]
holder += [asyncio.create_task(first()), asyncio.create_task(second())]
await turn()
me.set_result([me])
await asyncio.wait(holder)
await turn()
result = me.result()[0] is me, holder[0].result() is holder[1], holder[1].result() is holder[1]
""",
)
program(
    "tasks that are kept only by what they wait for",
    """
log = []
class Source:
    pass
source = Source()
source.future = asyncio.get_running_loop().create_future()
async def forgotten(name):
    log.append((name, await source.future))
    await turn()
    log.append((name, "end"))
for name in "abc":
    asyncio.create_task(forgotten(name))
await turn()
source.future.set_result("x")
await asyncio.sleep(3)
result = log
""",
)
