"""The cell that is suspended in the golden snapshots: some of everything that has a form of its own in the stream.

Changing it says nothing about the snapshots that are there: each carries the source that it was made from.
"""

from __future__ import annotations

CELL = """
import abc, collections, contextlib, dataclasses, datetime, decimal, enum, functools, itertools, pickle, random, re
import threading, types, weakref

log = []

class Kind(enum.Enum):
    FIRST = 1
    SECOND = 'two'

@dataclasses.dataclass(order=True)
class Point:
    x: int
    y: int = 2
    kind: Kind = dataclasses.field(default=Kind.FIRST, compare=False)

class Shape(abc.ABC):
    __slots__ = ('name', '__weakref__')
    @abc.abstractmethod
    def area(self) -> float: ...

class Square(Shape):
    __slots__ = ('side',)
    def __init__(self, side: float) -> None:
        super().__init__()
        self.name, self.side = 'square', side
    def area(self) -> float:
        return self.side ** 2
    @property
    def doubled(self): return self.side * 2
    @staticmethod
    def plain(): return 'plain'
    @classmethod
    def named(cls): return cls.__name__

class Bulk:
    def __init__(self, content): self.content = content
    def __reduce_ex__(self, protocol): return Bulk, (pickle.PickleBuffer(self.content),)

def counter(start):
    count = start
    def step(by=1, *, twice=False):
        nonlocal count
        count += by * (2 if twice else 1)
        return count
    return step

@functools.lru_cache(maxsize=None)
def square(n):
    log.append(('computed', n))
    return n * n

def numbers():
    try:
        got = yield 1
        yield from (got, 'delegated')
        yield 3
    finally:
        log.append('numbers closed')

async def ticks():
    for tick in range(3):
        yield tick

@contextlib.contextmanager
def opened(name):
    log.append(('open', name))
    yield name.upper()
    log.append(('close', name))

async def inner(n, /, *rest, key=None):
    with opened('outer') as outer, opened('second'):
        for each in [x * 2 for x in range(n)]:
            try:
                if each == 2:
                    raise KeyError(each)
            except KeyError as error:
                error.add_note('a note')
                log.append((outer, await turn(), repr(error), error.__notes__))
            finally:
                log.append(('finally', each, key, rest))
    return n

async def child(n):
    await asyncio.sleep(n)
    log.append(('child', n))
    return n, await turn()

async def guarded(lock):
    async with lock:
        return await asyncio.wait_for(child(3), 50)

async def failing():
    try:
        raise ExceptionGroup('two', [ValueError('first'), KeyError('second')])
    except* ValueError as errors:
        log.append([str(error) for error in errors.exceptions])
        log.append(await turn())
    except* KeyError:
        raise RuntimeError('at the end') from None

async def grouped():
    async with asyncio.TaskGroup() as group:
        group.create_task(child(1), name='in a group')
        log.append(await turn())

point, squares = Point(1), Square(3)
again, weak = point, weakref.ref(squares)
step = counter(10); step()
square(3)
generator = numbers(); next(generator); generator.send('sent')
half = ticks(); await anext(half)
plain, pairs = iter([1, 2, 3]), zip('abc', itertools.count(5))
next(plain); next(pairs)
counts = collections.Counter('abracadabra')
ordered = collections.OrderedDict(b=1, a=2); ordered.move_to_end('b')
cycle = []; cycle.append(cycle)
bulk = Bulk(bytearray(range(256)) * 260)
partial = functools.partial(divmod, 23)
view = memoryview(bytearray(b'abc'))[1:]
generator_of_numbers = random.Random(5); generator_of_numbers.random()
price, when = decimal.Decimal('1.10'), datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc)
match = re.match('(a)(?P<name>b)', 'abc')
space = types.SimpleNamespace(a=point)
lock, thread_lock, queue = asyncio.Lock(), threading.Lock(), asyncio.Queue()
queue.put_nowait(point)
background = asyncio.create_task(guarded(lock), name='background')
waiting = asyncio.create_task(guarded(lock))
groups = asyncio.create_task(grouped())
failed = asyncio.gather(failing(), return_exceptions=True)
timer = asyncio.get_running_loop().call_later(5, log.append, 'timer')
total = [await inner(3, 'rest', key=point)]
gathered = await asyncio.gather(child(2), asyncio.shield(child(4)), return_exceptions=True)
both = [await background, await waiting, await groups, *await failed]
rest = [n async for n in half]
generator.close()
result = [
    log, total, gathered, both, rest, again is point, Point(0) < point, point, Kind('two'), squares.area(),
    squares.doubled,
    Square.plain(), Square.named(), weak() is squares, step(twice=True), square(3), list(plain), list(pairs),
    counts.most_common(1), list(ordered), cycle[0] is cycle, bytes(bulk.content[250:260]), len(bulk.content),
    partial(7),
    bytes(view), generator_of_numbers.random(), price, when, match['name'], space.a is point,
    queue.get_nowait() is point,
    thread_lock.locked(), isinstance(squares, Shape),
]
"""
