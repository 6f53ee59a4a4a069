"""Cells that wait in all kinds of ways. Each leaves a ``result`` that says what happened, in order."""

from __future__ import annotations

PROGRAMS: dict[str, str] = {}


def program(name: str, source: str) -> None:
    PROGRAMS[name] = source


program(
    "a turn in a loop in a function",
    """
async def f():
    found = []
    for i in range(3):
        found.append((i, await turn()))
    return found
result = await f()
""",
)
program(
    "gather",
    """
async def one(i):
    await turn()
    await asyncio.sleep(i)
    return i * i
result = await asyncio.gather(one(1), one(2), one(3), return_exceptions=True)
""",
)
program(
    "nested gather, one fails",
    """
log = []
async def one(i):
    try:
        await turn()
        if i == 2:
            raise ValueError(i)
        await asyncio.sleep(10 * i)
        return i
    finally:
        log.append(("end", i))
try:
    await asyncio.gather(asyncio.gather(one(1), one(2)), one(3))
except ValueError as error:
    log.append(repr(error))
await asyncio.sleep(100)
result = log
""",
)
program(
    "task group",
    """
async def one(i):
    await asyncio.sleep(i)
    return await turn()
async with asyncio.TaskGroup() as group:
    tasks = [group.create_task(one(i), name=f"t{i}") for i in range(3)]
result = [(t.get_name(), t.result(), t.done()) for t in tasks]
""",
)
program(
    "task group, one fails",
    """
log = []
async def one(i):
    try:
        await asyncio.sleep(i)
        if i == 1:
            raise KeyError("k")
        await turn()
    except asyncio.CancelledError:
        log.append(("cancelled", i))
        await asyncio.sleep(5)
        raise
try:
    async with asyncio.TaskGroup() as group:
        for i in range(3):
            group.create_task(one(i))
        await asyncio.sleep(50)
except* KeyError as group_error:
    log.append([repr(e) for e in group_error.exceptions])
    await turn()
result = log, asyncio.current_task().cancelling()
""",
)
program(
    "wait_for that ends and one that does not",
    """
async def one():
    await turn()
    return "turn"
first = await asyncio.wait_for(one(), 100)
try:
    await asyncio.wait_for(asyncio.sleep(1000), 5)
except TimeoutError:
    first += " late"
result = first
""",
)
program(
    "timeout, with a wait while it is being cancelled",
    """
log = []
try:
    async with asyncio.timeout(5) as limit:
        try:
            await asyncio.sleep(1000)
        finally:
            log.append(asyncio.current_task().cancelling())
            await turn()
            log.append(asyncio.current_task().cancelling())
except TimeoutError:
    log.append(("late", limit.expired()))
result = log, asyncio.current_task().cancelling()
""",
)
program(
    "wait with three conditions",
    """
async def one(i):
    await asyncio.sleep(i)
    if i == 2:
        raise OSError(2, "no")
    return i
log = []
for when in (asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION, asyncio.ALL_COMPLETED):
    done, pending = await asyncio.wait([asyncio.ensure_future(one(i)) for i in (1, 2, 3)], return_when=when)
    log.append((sorted(repr(t.exception() or t.result()) for t in done), len(pending)))
    if pending:
        await asyncio.wait(pending)
result = log
""",
)
program(
    "as_completed and shield",
    """
async def one(i):
    await asyncio.sleep(3 - i)
    return i
log = []
for next_one in asyncio.as_completed([one(0), one(1), one(2)]):
    log.append(await next_one)
    await turn()
inner = asyncio.ensure_future(one(-5))
try:
    await asyncio.wait_for(asyncio.shield(inner), 1)
except TimeoutError:
    log.append("late")
log.append(await inner)
result = log
""",
)
program(
    "lock, semaphore, condition, event",
    """
log = []
lock, semaphore, event = asyncio.Lock(), asyncio.Semaphore(2), asyncio.Event()
condition = asyncio.Condition()
async def locked(i):
    async with lock:
        log.append(("lock", i))
        await asyncio.sleep(1)
async def limited(i):
    async with semaphore:
        log.append(("semaphore", i))
        await asyncio.sleep(1)
async def waiter(i):
    async with condition:
        await condition.wait_for(lambda: event.is_set())
        log.append(("condition", i))
async def setter():
    await turn()
    event.set()
    async with condition:
        condition.notify_all()
await asyncio.gather(*map(locked, range(3)), *map(limited, range(4)), waiter(1), waiter(2), setter(), event.wait())
result = log
""",
)
program(
    "queue with producer and consumers",
    """
log = []
queue = asyncio.Queue(maxsize=1)
async def produce():
    for i in range(5):
        await queue.put(i)
        log.append(("put", i))
async def consume(name):
    while True:
        item = await queue.get()
        await asyncio.sleep(1)
        log.append((name, item))
        queue.task_done()
workers = [asyncio.create_task(consume(n)) for n in "ab"]
await produce()
await queue.join()
for worker in workers:
    worker.cancel()
result = log, await asyncio.gather(*workers, return_exceptions=True) and [w.cancelled() for w in workers]
""",
)
program(
    "background task with a timer, and call_later",
    """
log = []
async def tick():
    while True:
        await asyncio.sleep(1)
        log.append("tick")
ticking = asyncio.create_task(tick(), name="ticking")
loop = asyncio.get_running_loop()
handle = loop.call_later(2.5, log.append, "later")
never = loop.call_later(2.6, log.append, "never")
await asyncio.sleep(2.2)
never.cancel()
await asyncio.sleep(2.2)
ticking.cancel()
result = log, handle.when() > 0, handle.cancelled(), never.cancelled()
""",
)
program(
    "finished tasks and futures",
    """
async def fine(): return [1]
async def bad(): raise ValueError("bad")
async def never(): await asyncio.sleep(1000)
tasks = [asyncio.create_task(c()) for c in (fine, bad, never)]
tasks[2].cancel("why")
future = asyncio.get_running_loop().create_future()
future.set_result(tasks)
await asyncio.wait(tasks)
await turn()
try:
    await tasks[1]
except ValueError as error:
    caught = repr(error), error.__traceback__ is not None
result = tasks[0].result(), caught, tasks[2].cancelled(), future.result() is tasks, tasks[1] in {tasks[1]: 1}
""",
)
program(
    "callbacks in their order",
    """
log = []
future = asyncio.get_running_loop().create_future()
async def one(i):
    await future
    log.append(i)
first = asyncio.create_task(one(1))
await asyncio.sleep(1)
future.add_done_callback(lambda f: log.append(2))
second = asyncio.create_task(one(3))
await asyncio.sleep(1)
future.add_done_callback(lambda f: log.append(4))
await turn()
future.set_result(None)
await asyncio.gather(first, second)
result = log
""",
)
program(
    "future subclass with attributes",
    """
class Call(asyncio.Future):
    def __init__(self, op):
        super().__init__()
        self.op = op
call = Call("x")
call.extra = [call]
async def waits(): return await call
task = asyncio.create_task(waits())
await turn()
call.set_result((call.op, call.extra[0] is call, type(call) is Call))
result = await task
""",
)
program(
    "context variables",
    """
import contextvars
var = contextvars.ContextVar("var", default="default")
log = []
async def child():
    var.set("child")
    await turn()
    log.append(var.get())
token = var.set("cell")
task = asyncio.create_task(child())
await turn()
await task
log.append(var.get())
var.reset(token)
log.append(var.get())
context = contextvars.copy_context()
await turn()
log.append(var in context)
result = log
""",
)
program(
    "decimal context",
    """
import decimal
decimal.getcontext().prec = 5
await turn()
result = str(decimal.Decimal(1) / 3)
""",
)
program(
    "async generators and async for",
    """
log = []
async def numbers():
    try:
        for i in range(3):
            log.append(await turn())
            yield i
    finally:
        log.append("closed")
async for n in numbers():
    await asyncio.sleep(1)
    log.append(n)
half = numbers()
await anext(half)
await asyncio.sleep(1)
squares = [n * n async for n in half]
result = log, squares
""",
)
program(
    "with, async with and an exception on its way",
    """
import contextlib
log = []
@contextlib.asynccontextmanager
async def resource(name):
    log.append(("open", name))
    try:
        yield name
    except ValueError as error:
        log.append((name, repr(error)))
        await turn()
        raise
    finally:
        await turn()
        log.append(("close", name))
@contextlib.contextmanager
def plain():
    try:
        yield 1
    finally:
        log.append("plain")
try:
    with plain():
        async with resource("a") as a, contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(resource("b"))
            await turn()
            raise ValueError("x")
except ValueError as error:
    await turn()
    log.append([f.name for f in __import__("traceback").extract_tb(error.__traceback__)][0])
    try:
        raise KeyError(1)
    except KeyError as second:
        await turn()
        log.append((second.__context__ is error, type(second.__traceback__).__name__))
result = log
""",
)
program(
    "bare raise and sys.exc_info after a move",
    """
import sys
async def inner():
    await turn()
    return sys.exc_info()[0].__name__
log = []
try:
    try:
        raise LookupError("l")
    except LookupError as error:
        error.add_note("a note")
        log.append(await inner())
        raise
except LookupError as error:
    log.append(error.__notes__)
result = log
""",
)
program(
    "half-consumed generators",
    """
def count(n):
    got = yield "start"
    for i in range(n):
        got = yield (i, got)
    return "over"
def outer():
    value = yield from count(3)
    yield value
g, h, fresh, over = outer(), count(9), count(1), count(0)
next(g); g.send(None); next(h); list(over)
pairs = zip(h, iter([1, 2, 3]))
next(pairs)
await turn()
result = g.send("sent"), list(g), list(pairs), list(fresh), list(over), next(h)
""",
)
program(
    "closures, recursion and globals that change",
    """
factor = 2
def make():
    total = 0
    def add(n):
        nonlocal total
        total += n * factor
        return total
    def recursive(n):
        return 1 if n < 2 else n * recursive(n - 1)
    return add, recursive
add, recursive = make()
add(1)
functions = [add, recursive, lambda x, *, y=[1]: (x, y, factor)]
await turn()
factor = 10
result = add(1), recursive(5), functions[2](1), functions[0] is add, add.__globals__ is globals()
""",
)
program(
    "classes",
    """
import abc, enum, functools, typing
from dataclasses import dataclass, field
class Base:
    __slots__ = ("z", "extra")
    registry = []
    def __init_subclass__(cls, tag="", **kw):
        super().__init_subclass__(**kw)
        Base.registry.append((cls.__name__, tag))
class Point(Base, tag="p"):
    __slots__ = ("x", "_y")
    count = 0
    def __init__(self, x):
        self.x = x; self.z = 1
        Point.count += 1
    @property
    def double(self): return self.x * 2
    @classmethod
    def make(cls): return cls(7)
    @staticmethod
    def static(): return Point
    def up(self): return super().__repr__()[:5]
    def __eq__(self, other): return self.x == other.x
    def __hash__(self): return hash(self.x)
class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...
class Square(Shape):
    side = 2
    def area(self): return self.side ** 2
Shape.register(int)
class Colour(enum.Enum):
    RED = 1
    BLUE = "b"
    def loud(self): return self.name + "!"
class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2
@dataclass(order=True)
class Item:
    name: str
    parts: list = field(default_factory=list)
    seen: typing.ClassVar[int] = 3
@dataclass(frozen=True, slots=True)
class Frozen:
    a: int
Pair = typing.NamedTuple("Pair", [("a", int), ("b", str)])
import collections
Triple = collections.namedtuple("Triple", "a b c")
T = typing.TypeVar("T")
class Box(typing.Generic[T]):
    def __init__(self, value: T): self.value = value
class Node:
    def __init__(self): self.me = self; self.kind = Node
class Meta(type):
    made = []
    def __new__(mcls, name, bases, ns, **kw):
        Meta.made.append(name)
        return super().__new__(mcls, name, bases, ns)
class WithMeta(metaclass=Meta):
    pass
point, node, colours, box = Point(3), Node(), {Colour.RED: 1}, Box[int](5)
point.extra = Colour.BLUE
method = point.up
item = Item("a")
await turn()
def refused():
    try:
        Shape()
    except TypeError:
        return True
result = (
    point.double, Point.make().x, Point.static() is Point, point.up(), method(), Point.count, point == Point(3),
    {point: 1}[Point(3)], Base.registry, Square().area(), refused(), isinstance(3, Shape),
    colours[Colour.RED], Colour(1) is Colour.RED, point.extra is Colour.BLUE, Colour.BLUE.loud(), list(Colour),
    str(Level.LOW | Level.HIGH), Level(1) is Level.LOW, Item("b", [1]) > item, item, Item("z"), Item.seen,
    Frozen(1) == Frozen(1), hash(Frozen(1)) == hash(Frozen(1)), Pair(1, "b"), Triple(1, 2, 3)._asdict(),
    Box[str].__args__, box.value, Box.__parameters__ == (T,), node.me is node, node.kind is Node, Meta.made,
    type(WithMeta) is Meta, hasattr(point, "_y"),
)
result = repr(result)
""",
)
program(
    "cached functions, partials, properties of the standard library",
    """
import functools, itertools, re, weakref, types, random
calls = []
@functools.cache
def cached(n):
    calls.append(n)
    return n + 1
@functools.lru_cache(maxsize=2)
def bounded(n): return n
@functools.singledispatch
def show(x): return "any"
@show.register
def _(x: int): return "int"
class Thing:
    @functools.cached_property
    def slow(self): calls.append("slow"); return 1
    def go(self, a): return a
    later = functools.partialmethod(go, 5)
thing = Thing()
cached(1); thing.slow
half = functools.partial(int, base=2)
match = re.search("(b)(c)", "abcd")
counter = itertools.count(5); next(counter)
first, second = itertools.tee([1, 2, 3]); next(first)
alive = weakref.ref(thing)
weak = weakref.WeakValueDictionary(t=thing)
weak_keys = weakref.WeakKeyDictionary({thing: 1})
proxy = types.MappingProxyType({"a": 1})
keys = {"k": 1}.keys()
numbers = random.Random(5); numbers.random()
view = memoryview(bytearray(b"abc"))
upper = "x".upper
append = calls.append
wrapped = functools.wraps(half)(lambda: 1)
await turn()
append("appended")
result = (cached(1), bounded(3), show(1), show("x"), thing.slow, thing.later(), half("11"), match.groups(),
    match.span(), next(counter), list(first), list(second), alive() is thing, weak["t"] is thing, weak_keys[thing],
    proxy["a"], list(keys), numbers.random(), bytes(view), upper(), calls,
    NotImplemented, ..., int, type(None), types.FunctionType)
""",
)
program(
    "cyclic data and shared parts",
    """
a = []
a.append(a)
d = {"a": a}
d["d"] = d
t = ([],)
t[0].append(t)
s = frozenset([1])
pair = [a, a, d]
holder = []
async def refers_to_itself():
    me = holder[0]
    await turn()
    return me is holder[0]
coroutine = refers_to_itself()
holder.append(coroutine)
task = asyncio.create_task(coroutine)
await turn()
result = a[0] is a, d["d"] is d, t[0][0] is t, pair[0] is pair[1] is d["a"], await task, task.get_coro() is holder[0]
""",
)
program(
    "three hundred nested awaits",
    """
async def deep(n):
    if n:
        return await deep(n - 1) + 1
    return await turn()
result = await deep(300) + await deep(3)
""",
)
program(
    "a module-level name after a move",
    """
x = 1
y = [await turn() for _ in range(2)]
x, z = x + 1, {k: await turn() for k in "ab"}
del x
result = y, z, "x" in globals(), [n for n in globals() if not n.startswith("__")][:3]
""",
)
program(
    "exceptions with cause, group and odd arguments",
    """
class Odd(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a}-{b}")
        self.a, self.b = a, b
def fail():
    try:
        1 / 0
    except ZeroDivisionError as error:
        raise Odd(1, b=2) from error
try:
    fail()
except Odd as error:
    kept = error
others = [OSError(2, "no", "file"), UnicodeDecodeError("utf8", b"x", 0, 1, "r"), KeyError("k"), SystemExit(3),
    StopIteration(4), ExceptionGroup("g", [ValueError(1)]), ImportError("i", name="n"), FileNotFoundError(2, "x")]
await turn()
import traceback
lines = [line.split(",")[1:] for line in traceback.format_exception(kept) if "line" in line]
result = (repr(kept), kept.a, kept.b, repr(kept.__cause__), lines, [repr(o) for o in others], others[0].filename,
    others[1].reason, others[3].code, others[4].value, others[5].exceptions, others[6].name, type(others[7]).__name__)
result = repr(result)
""",
)
program(
    "locks and idle threads",
    """
import threading, concurrent.futures, queue
lock, rlock, event, cond = threading.Lock(), threading.RLock(), threading.Event(), threading.Condition()
local = threading.local(); local.x = 1
over = threading.Thread(target=len, args=("x",), name="over"); over.start(); over.join()
unstarted = threading.Thread(target=lambda: event.set())
pool = concurrent.futures.ThreadPoolExecutor(1)
job = pool.submit(len, "abc"); job.result()
pool.shutdown()
q = queue.Queue(); q.put(1)
await turn()
unstarted.start(); unstarted.join()
with lock, rlock, cond:
    pass
result = lock.locked(), over.is_alive(), over.name, event.is_set(), job.result(), q.get(), local.x
""",
)
