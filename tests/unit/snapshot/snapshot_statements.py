"""Cells that wait in the middle of every kind of statement and expression. Each leaves a ``result``."""

from __future__ import annotations

STATEMENT_PROGRAMS: dict[str, str] = {}


def program(name: str, source: str) -> None:
    STATEMENT_PROGRAMS[name] = source


program(
    "global and nonlocal",
    """
x = 1
async def f():
    global x, new
    x = await turn()
    new = await turn()
    y = 0
    def g():
        nonlocal y
        y += 1
        global x
        x += 100
        return y
    g()
    await turn()
    g()
    return y, g.__closure__[0].cell_contents
result = await f(), x, new
""",
)
program(
    "walrus everywhere",
    """
if (n := await turn()) or (m := await turn()):
    pass
vals = [w := await turn(), w + 1, (w := await turn())]
c = [last := await turn() for _ in range(3)]
async def f():
    return [q := (await turn()) for _ in range(2)], q
result = n, m, vals, c, last, await f(), w
""",
)
program(
    "del in cell and function",
    """
async def f(a, b):
    del a
    try:
        a
    except UnboundLocalError as e: log = type(e).__name__
    await turn()
    try: a
    except UnboundLocalError: log += "2"
    a = await turn()
    return a, b, log
z = 1
result = await f(1, 2)
del z
await turn()
result += ("z" in globals(),)
""",
)
program(
    "match all patterns",
    """
import dataclasses
@dataclasses.dataclass
class P:
    x: int
    y: object
async def m(s):
    match s:
        case P(x=0, y=y) if await turn() > 1000: return "never", y
        case P(x, y): return "P", x, y, await turn()
        case [a, *rest, b] if await turn() >= 0: return a, rest, b, await turn()
        case {"k": v, **r}: return v, r, await turn()
        case str() | bytes() as t: return t, await turn()
        case None: return await turn()
        case _: return "other", await turn()
result = [await m(s) for s in (P(0, 5), [1, 2, 3, 4], {"k": 1, "z": 2}, "s", b"b", None, 5)]
match await turn():
    case 99: pass
    case n if (q := await turn()) > 0: result.append((n > 5, q > 5))
""",
)
program(
    "except star nested",
    """
log = []
try:
    try:
        raise ExceptionGroup("a", [ValueError(1), ExceptionGroup("b", [KeyError(2), OSError(3)])])
    except* KeyError as e:
        log.append(repr(e)); await turn()
        try:
            raise TypeError(1)
        except* TypeError as e2:
            await turn(); log.append((repr(e2), repr(e2.exceptions[0].__context__)[:20]))
    except* OSError as e:
        log.append(repr(e)); await turn()
        raise RuntimeError("r") from e
except* (ValueError, RuntimeError) as e:
    await turn()
    log.append([repr(x) for x in e.exceptions])
    log.append(repr(e.exceptions[0]))
import sys
log.append(sys.exc_info())
result = log
""",
)
program(
    "finally with return, break, continue, raise",
    """
async def f():
    try:
        try:
            raise ValueError(1)
        finally:
            await turn()
            return "swallowed"
    finally:
        await turn()
async def g():
    out = []
    for i in range(5):
        try:
            if i == 1: raise KeyError(i)
            out.append(i)
        except KeyError:
            await turn()
            continue
        else:
            if await turn() > 1000: break
        finally:
            out.append(("f", i))
            await turn()
            if i == 3: break
    else:
        out.append("else")
    return out
async def h():
    while True:
        try:
            return await turn() * 0
        finally:
            await turn()
            break
    return "after"
import warnings
result = await f(), await g(), await h()
""",
)
program(
    "sys.exc_info in nested handlers",
    """
import sys, traceback
log = []
async def inner():
    log.append(repr(sys.exc_info()[1]))
    try:
        raise KeyError("in")
    except KeyError:
        await turn()
        log.append(repr(sys.exc_info()[1]))
        log.append(repr(sys.exc_info()[1].__context__))
    await turn()
    log.append(repr(sys.exc_info()[1]))
try:
    raise ValueError("out")
except ValueError:
    await inner()
    try:
        raise
    except ValueError as e:
        await turn()
        log.append((e is sys.exc_info()[1], e is sys.exception() if hasattr(sys, "exception") else True))
log.append(sys.exc_info())
result = log
""",
)
program(
    "raise from and contexts",
    """
log = []
def show(e):
    out = []
    while e is not None and len(out) < 9:
        out.append((repr(e), repr(e.__cause__), e.__suppress_context__))
        e = e.__context__
    return out
try:
    try:
        raise ValueError(1)
    except ValueError as a:
        await turn()
        try:
            raise KeyError(2) from a
        except KeyError as b:
            await turn()
            raise OSError(3) from None
        finally:
            await turn()
            try:
                raise IndexError(4)
            except IndexError:
                await turn()
except OSError as e:
    log.append(show(e))
try:
    try:
        1 / 0
    finally:
        await turn()
        raise KeyError("from finally")
except KeyError as e:
    log.append(show(e))
result = log
""",
)
program(
    "context managers of all kinds in an AsyncExitStack",
    """
import contextlib
log = []
@contextlib.contextmanager
def s1(n):
    log.append(("in", n))
    try: yield n
    except ValueError as e: log.append(repr(e))
    finally: log.append(("out", n))
@contextlib.asynccontextmanager
async def a1(n):
    log.append(("ain", n)); await turn()
    try: yield n
    finally:
        await turn(); log.append(("aout", n))
class C(contextlib.ContextDecorator):
    def __enter__(self): log.append("enter"); return self
    def __exit__(self, *e): log.append("exit"); return False
class AC(contextlib.AbstractAsyncContextManager, contextlib.AsyncContextDecorator):
    async def __aenter__(self): await turn(); log.append("aenter"); return self
    async def __aexit__(self, *e): await turn(); log.append(("aexit", e[0]))
@AC()
async def decorated():
    await turn(); return "dec"
@a1("deco")
async def decorated2():
    await turn(); return "dec2"
log.append(await decorated()); log.append(await decorated2())
class Thing:
    def close(self): log.append("close")
    async def aclose(self): await turn(); log.append("aclose")
import io
async with contextlib.AsyncExitStack() as st:
    st.enter_context(s1(1)); await st.enter_async_context(a1(2)); st.enter_context(C())
    await st.enter_async_context(AC())
    st.push_async_callback(turn); st.callback(log.append, "cb")
    st.enter_context(contextlib.closing(Thing())); await st.enter_async_context(contextlib.aclosing(Thing()))
    st.enter_context(contextlib.suppress(KeyError)); st.enter_context(contextlib.nullcontext(3))
    await st.enter_async_context(contextlib.nullcontext(4))
    async def push(*e): await turn(); log.append(("pushed", e[0])); return False
    st.push_async_exit(push)
    moved = None
    await turn()
    inner = st.pop_all()
    await turn()
    async with inner:
        await turn()
        raise ValueError("x")
result = log
""",
)
program(
    "a suppressed exception and a StringIO",
    """
import contextlib, io
buf = io.StringIO()
buf.write("a")
with contextlib.ExitStack() as st:
    st.enter_context(s := contextlib.suppress(ZeroDivisionError))
    await turn()
    buf.write("b")
    1 / 0
result = buf.getvalue(), buf.tell()
""",
)
program(
    "chained attribute subscript slices",
    """
class O: pass
o = O(); o.l = [0] * 5; o.o = o
o.o.l[await turn() * 0 + 1] = await turn()
o.l[await turn() * 0: 2] = [await turn(), 9]
o.l[(await turn()) * 0] += (await turn())
del o.l[await turn() * 0 + 4]
a, (b, *c), o.x = await turn(), (await turn(), 1, 2), await turn()
a = b2 = o.y = await turn()
o.l[0], o.l[1] = o.l[1], await turn()
result = o.l, a, b, c, o.x, o.y, b2
""",
)
program(
    "assert and conditional",
    """
try:
    assert await turn() < 0, f"m{await turn()}"
except AssertionError as e:
    s = str(e)
x = 1 if await turn() >= 0 else 2
y = not (await turn() and await turn()) or await turn()
lam = (lambda v: v)(await turn())
result = s, x, y, lam, -await turn(), (await turn()) ** 2, await turn() in [await turn()]
result += 1 < (await turn()) < 1000 > (await turn()),
""",
)
program(
    "f strings nested",
    """
w = 8
result = f"{await turn():>{await turn() + w}}|{f'{await turn()!r}' + 'x':^9}|{(await turn())=}"
""",
)
program(
    "annotations",
    """
async def f():
    x: int = await turn()
    y: "str"
    return x
a: int = await turn()
result = await f(), a, sorted(__annotations__) if "__annotations__" in globals() else 0
""",
)
program(
    "with multiple and parenthesized",
    """
log = []
class C:
    def __init__(s, n): s.n = n
    def __enter__(s): log.append(s.n); return s
    def __exit__(s, *e): log.append((-s.n, e[0])); return s.n == 2
with (C(1) as a, C(2) as b, C(await turn() * 0 + 3) as c):
    await turn()
    raise KeyError
with C(2), C(5) as d:
    await turn()
    with C(6):
        await turn()
        raise ValueError(await turn() * 0)
async def ret():
    with C(7):
        return await turn() * 0
result = log, await ret()
""",
)
program(
    "return and yields inside with in loop",
    """
log = []
async def f():
    for i in range(3):
        with __import__("contextlib").suppress(KeyError):
            for j in (1, 2):
                try:
                    if j == 2: break
                    if i == 1: continue
                    if i == 2: return log
                    await turn()
                finally:
                    log.append((i, j, await turn() * 0))
            log.append(("broke", i))
result = await f()
""",
)
program(
    "operands of a call with unpacking",
    """
def f(*a, **k):
    return a, k
d = {"k": 1}
result = f(*[await turn(), 2], *(3,), **d, z=await turn(), **{"y": await turn()})
result += [*range(2), await turn()], {**d, "q": await turn()}, (*"ab", await turn()), {*"a", await turn()}
""",
)
