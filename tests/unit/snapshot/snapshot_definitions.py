"""Cells that wait in functions, classes and generators of every kind. Each leaves a ``result``."""

from __future__ import annotations

DEFINITION_PROGRAMS: dict[str, str] = {}


def program(name: str, source: str) -> None:
    DEFINITION_PROGRAMS[name] = source


program(
    "class body comprehension closure",
    """
async def f(x):
    cells = []
    class A:
        y = x
        z = [i * x for i in range(3)]
        def m(self): return x, __class__
        cells.append(lambda: x)
    before = A().m()
    x = await turn()
    return before[0], A().m() == (x, A), cells[0](), A.z
result = await f(5)
""",
)
program(
    "class statement with await in its parts",
    """
def deco(v):
    def d(c): c.v = v; return c
    return d
class Base:
    def __init_subclass__(cls, k=None): cls.k = k
@deco(await turn())
class A((await turn(), Base)[1], k=await turn()):
    x = 1
    def f(self): return __class__
result = A.v, A.k, A.__mro__[1] is Base, A().f() is A
""",
)
program(
    "functions with await in their parts",
    """
def deco(v):
    return lambda f: (f, v)
@deco(await turn())
def f(a=await turn(), *, b=await turn()):
    return a, b
result = f[0](), f[1], f[0].__defaults__
""",
)
program(
    "nested functions three levels",
    """
def a():
    v1 = []
    async def b():
        v2 = [v1]
        async def c():
            v3 = await turn()
            v1.append(v3); v2.append(v3)
            return v1, v2
        r = await c()
        return r[0] is v1, r[1] is v2, len(v2)
    return b
result = await a()()
""",
)
program(
    "async comprehension nested three",
    """
async def agen(n):
    for i in range(n):
        yield i + 0 * await turn()
result = [[[k async for k in agen(2)] for j in range(2)] async for i in agen(1)]
result += {k: v async for k, v in ((i, j) async for i in agen(2) for j in range(2))},
""",
)
program(
    "generator expr async half consumed",
    """
async def agen(n):
    try:
        for i in range(n):
            yield i
            await turn()
    finally:
        log.append("fin")
log = []
ge = (x * 2 async for x in agen(4) if x % 2 == 0 or await turn() > 100)
a = await anext(ge)
await turn()
b = [x async for x in ge]
result = a, b, log
""",
)
program(
    "comprehension with lambda cells",
    """
fs = [lambda i=i: (i, j) for i in range(3) for j in [await turn()]]
gs = [lambda: k for k in range(3) if await turn() >= 0]
async def f():
    hs = [(lambda: k, await turn()) for k in range(3)]
    await turn()
    return [h[0]() for h in hs]
result = [f_() for f_ in fs], [g() for g in gs], await f()
""",
)
program(
    "generator close and throw after a move",
    """
log = []
def g():
    try:
        while True:
            try:
                x = yield len(log)
                log.append(x)
            except KeyError as e:
                log.append(repr(e)); log.append(repr(e.__context__))
    except GeneratorExit:
        log.append("exit"); raise
    finally:
        log.append("fin")
a, b, c, d = g(), g(), g(), g()
for i in (a, b, c): next(i)
await turn()
a.send(1); a.throw(KeyError("k")); a.close()
try: b.throw(ValueError("v"))
except ValueError as e: log.append(repr(e))
c.close(); d.close()
log.append(list(c))
def ret():
    try: yield 1
    except GeneratorExit: return "r"
r = ret(); next(r)
await turn()
log.append(r.close())
result = log
""",
)
program(
    "coroutine close and throw",
    """
log = []
async def co():
    try:
        await turn()
    except GeneratorExit:
        log.append("exit"); raise
    except KeyError:
        log.append("key")
        return 5
    finally:
        log.append("fin")
a, b = co(), co()
a.send(None); b.send(None)
await asyncio.sleep(1)
a.close()
try: b.throw(KeyError(1))
except StopIteration as s: log.append(s.value)
turns._getters.clear()
result = log
""",
)
program(
    "agen finalization",
    """
import gc
log = []
async def ag(n):
    try:
        yield 1
        yield 2
    finally:
        log.append(("fin", n))
        await asyncio.sleep(0)
        log.append(("done", n))
a, b, c = ag("a"), ag("b"), ag("c")
await anext(a), await anext(b)
await turn()
del a
gc.collect()
await asyncio.sleep(1)
await b.aclose()
await asyncio.sleep(1)
del c
result = log
""",
)
program(
    "agen loop broken in body",
    """
log = []
async def ag():
    try:
        for i in range(5):
            yield i
            await turn()
    finally:
        log.append("fin")
async def user():
    async for x in ag():
        if x == 2:
            await turn()
            break
    await turn()
    log.append("user")
await user()
import gc; gc.collect()
await asyncio.sleep(1)
result = sorted(log)
""",
)
program(
    "agen athrow and aclose mid",
    """
log = []
async def ag():
    while True:
        try:
            yield await turn()
        except KeyError as e:
            log.append(repr(e)); await turn(); yield "caught"
        except GeneratorExit:
            await turn(); log.append("closing"); raise
a = ag()
await anext(a)
await turn()
log.append(await a.athrow(KeyError("x")))
await turn()
log.append(await anext(a) >= 0)
await a.aclose()
try: await anext(a)
except StopAsyncIteration: log.append("over")
result = log
""",
)
program(
    "coroutine wrapper types coroutine",
    """
import types
@types.coroutine
def legacy():
    x = yield from turn().__await__()
    y = yield from asyncio.sleep(1).__await__()
    return x
async def f(): return await legacy(), await legacy()
async def g(): return 1
w = g().__await__()
await turn()
try: w.send(None)
except StopIteration as e: v = e.value
result = await f(), v
""",
)
program(
    "large frames",
    """
names = [f"a{i}" for i in range(300)]
lines = [f"async def big({', '.join(names)}):", " await turn()", *(f" b{n} = {n} + 1" for n in names)]
src = chr(10).join([*lines, " x = await turn()", f" return sum([{', '.join('b' + n for n in names)}, x])"])
exec(src)
result = await big(*range(300))
""",
)
program(
    "positional only keyword only star",
    """
async def f(a, /, b, *args, c, d=4, **kw):
    x = (a, b, args, c, d, kw)
    await turn()
    args += (1,)
    kw["n"] = await turn()
    return a, b, args, c, d, kw, x
result = await f(1, 2, 3, 4, c=5, e=6)
""",
)
program(
    "super and class cell",
    """
class A:
    async def m(self, n):
        await turn()
        return [n]
    @classmethod
    async def c(cls): await turn(); return cls.__name__
    @property
    def p(self): return turn()
class B(A):
    async def m(self, n):
        r = await super().m(n)
        r.append(__class__.__name__)
        r += await super(B, self).m(await turn() * 0)
        return r
    @classmethod
    async def c(cls): return await super().c()
    async def __call__(self): return await self.p * 0
    async def __aiter__(self):
        yield await turn() * 0
b = B()
result = await b.m(1), await B.c(), await b(), [x async for x in b]
""",
)
program(
    "recursion mutual",
    """
async def even(n): return True if n == 0 else await odd(n - 1)
async def odd(n): return (await turn()) < 0 if n == 0 else await even(n - 1)
result = await even(31), await odd(30)
""",
)
program(
    "custom awaitables iterators",
    """
class AIt:
    def __init__(self): self.n = 0
    def __aiter__(self): return self
    async def __anext__(self):
        self.n += 1
        if self.n > 2: raise StopAsyncIteration
        return await turn() * 0 + self.n
class D:
    def __await__(self): yield from turn().__await__(); return "d"
result = [x async for x in AIt()], await anext(AIt()), await anext(AIt(), 5), await D()
""",
)
program(
    "anext default pending",
    """
async def ag():
    yield await turn() * 0
    await turn()
a = ag()
x = [await anext(a, "d"), await anext(a, "d"), await anext(a, "d")]
other = ag()
waiting = anext(other, "z")
await turn()
x.append(await waiting)
await other.aclose()
result = x
""",
)
