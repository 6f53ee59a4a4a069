"""Chains that are deeper than the interpreter's stack would let a pickler go. Each cell leaves a ``result``."""

from __future__ import annotations

DEEP_PROGRAMS: dict[str, str] = {}


def program(name: str, source: str) -> None:
    DEEP_PROGRAMS[name] = source


program(
    "two thousand nested awaits",
    """
import sys
sys.setrecursionlimit(20000)
async def deep(n):
    if n:
        return await deep(n - 1) + 1
    return await turn()
result = await deep(2000)
""",
)
program(
    "deep generators",
    """
import sys
sys.setrecursionlimit(20000)
def deep(n):
    if n:
        yield from deep(n - 1)
    yield n
g = deep(900); next(g)
await turn()
result = sum(g)
""",
)
program(
    "deep with managers",
    """
import contextlib
@contextlib.asynccontextmanager
async def cm(n):
    yield n
async def deep(n):
    async with cm(n) as k:
        if n:
            return await deep(n - 1) + k
        return await turn()
result = await deep(200)
""",
)
program(
    "deep task chain",
    """
async def deep(n):
    if n:
        return await asyncio.create_task(deep(n - 1)) + 1
    return await turn()
result = await deep(600)
""",
)
program(
    "deep exception chain",
    """
import sys
async def deep(n):
    try:
        raise ValueError(n)
    except ValueError as e:
        if n:
            return await deep(n - 1)
        x = await turn()
        c, k = e, 0
        while c is not None:
            c, k = c.__context__, k + 1
        return k
result = await deep(200), await deep(900)
""",
)
program(
    "deep awaitable objects",
    """
class Aw:
    def __init__(self, n): self.n = n
    def __await__(self):
        if self.n:
            return (yield from Aw(self.n - 1).__await__()) + 1
        return (yield from turn().__await__())
result = await Aw(300)
""",
)
program(
    "deep async generators",
    """
async def deep(n):
    if n:
        async for x in deep(n - 1):
            yield x + 1
    else:
        yield await turn()
        yield await turn()
result = [x async for x in deep(200)]
""",
)
program(
    "deep closures",
    """
def wrap(f):
    async def g():
        return await f() + 1
    return g
f = turn
for _ in range(150): f = wrap(f)
result = await f()
""",
)
program(
    "deep gather",
    """
async def deep(n):
    if n:
        return (await asyncio.gather(deep(n - 1)))[0] + 1
    return await turn()
result = await deep(300)
""",
)
program(
    "deep futures in results",
    """
fs = []
f = asyncio.get_running_loop().create_future(); f.set_result(1)
for _ in range(500):
    n = asyncio.get_running_loop().create_future(); n.set_result(f); f = n
await turn()
k = 0
while isinstance(f, asyncio.Future): f = f.result(); k += 1
result = k
""",
)
program(
    "deep iterators",
    """
i = iter(range(10))
for _ in range(200): i = map(lambda x: x + 1, i)
next(i)
await turn()
result = list(i)
""",
)
program(
    "deep exit stack",
    """
import contextlib
log = []
async with contextlib.AsyncExitStack() as s:
    for i in range(300):
        s.callback(log.append, i)
    await turn()
result = sum(log), log[:3]
""",
)
program(
    "two hundred exceptions in flight",
    """
async def deep(n):
    try:
        raise ValueError(n)
    except ValueError:
        if n: return await deep(n - 1)
        await turn()
        raise KeyError(1)
try:
    await deep(150)
except KeyError as e:
    k = 0
    c = e
    while c: c = c.__context__; k += 1
result = k
""",
)
