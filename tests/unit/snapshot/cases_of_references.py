"""Weak references, and what the library's own classes hold, see :mod:`snapshot_cases`."""

from __future__ import annotations

CASES = {
    "weak references": (
        r"""
        import weakref

        class N:
            pass

        n = N()
        n2 = N()
        died = []
        ref = weakref.ref(n, lambda r, to=died: to.append("cb"))
        same = weakref.ref(n2)
        same2 = weakref.ref(n2)
        ws = weakref.WeakSet([n, n2])
        wvd = weakref.WeakValueDictionary(a=n)
        wkd = weakref.WeakKeyDictionary({n: 1})
        prox = weakref.proxy(n)
        prox.x = 5
        wm = weakref.WeakMethod(N.__init__) if False else None
        weakref.finalize(n2, died.append, "fin")
        lost = N()
        dead = weakref.proxy(lost)
        del lost
        gone = weakref.ref(N())
        """,
        r"""
        import gc

        assert ref() is n
        assert same is same2
        assert same() is n2
        assert len(ws) == 2
        assert n in ws
        assert wvd["a"] is n
        assert wkd[n] == 1
        assert prox.x == 5
        assert n.x == 5
        assert type(prox) is weakref.ProxyType
        assert gone() is None
        del n
        gc.collect()
        assert died == ["cb"] and len(wvd) == 0 and (len(wkd) == 0) and (len(ws) == 1)
        try:
            prox.x
        except ReferenceError:
            pass
        else:
            raise AssertionError
        del n2
        gc.collect()
        assert died == ["cb", "fin"]
        """,
    ),
    "weak methods, proxies, subclasses of references": (
        r"""
        import weakref

        class N:
            def m(self):
                return 7

            def __call__(self):
                return 8

        n = N()
        wm = weakref.WeakMethod(n.m)
        died = []
        prox = weakref.proxy(n, lambda p, to=died: to.append(1))

        class Ref(weakref.ref):
            __slots__ = ("tag",)

            def __new__(cls, o, cb=None, tag=None):
                return super().__new__(cls, o, cb)

            def __init__(self, o, cb=None, tag=None):
                super().__init__(o, cb)
                self.tag = tag

        r = Ref(n, tag="t")
        weak_in_set = {weakref.ref(n)}
        """,
        r"""
        import gc

        assert wm()() == 7
        assert prox.m() == 7
        assert prox() == 8
        assert r.tag == "t"
        assert r() is n
        assert type(prox) is weakref.CallableProxyType
        assert weakref.ref(n) in weak_in_set
        del n
        gc.collect()
        assert wm() is None
        assert died == [1]
        assert r() is None
        """,
    ),
    "weak containers": (
        r"""
        import weakref

        class N:
            pass

        ws = weakref.WeakSet()
        wvd = weakref.WeakValueDictionary()
        n = N()
        ws.add(n)
        wvd["k"] = n
        d = {"n": n}
        """,
        r"""
        assert len(ws) == 1
        assert wvd["k"] is n
        """,
    ),
    "exceptions of the notebook": (
        r"""
        class MyErr(Exception):
            def __init__(self, code, *, extra):
                super().__init__(f"code {code}")
                self.code = code
                self.extra = extra

        class Grp(ExceptionGroup):
            def derive(self, e):
                return Grp(self.message, e)

        try:
            raise MyErr(3, extra=[1])
        except MyErr as x:
            err = x
            err.add_note("n")

        class KE(KeyError):
            pass

        ke = KE("a")
        grp = Grp("g", [err, ke])
        os_ = OSError(2, "No", "f.txt")
        ue = UnicodeDecodeError("utf8", b"a", 0, 1, "r")
        try:
            try:
                1 / 0
            except ZeroDivisionError as z:
                raise ValueError from z
        except ValueError as v:
            chained = v
        si = StopIteration(4)
        se = SyntaxError("x", ("f", 1, 2, "t"))
        ie = ImportError("x", name="n", path="p")
        ae = AttributeError("a", name="n", obj=[1])
        sx = SystemExit(3)
        ne = NameError("a", name="q")
        """,
        r"""
        assert type(err) is MyErr
        assert err.code == 3
        assert err.extra == [1]
        assert err.__notes__ == ["n"]
        assert str(err) == "code 3"
        assert err.__traceback__ is not None
        assert grp.exceptions[0] is err
        assert type(grp) is Grp
        assert os_.errno == 2
        assert os_.filename == "f.txt"
        assert isinstance(os_, FileNotFoundError)
        assert ue.reason == "r"
        assert isinstance(chained.__cause__, ZeroDivisionError)
        assert si.value == 4
        assert se.lineno == 1
        assert ie.name == "n"
        assert ae.name == "n"
        assert ae.obj == [1]
        assert sx.code == 3
        assert ne.name == "q"
        try:
            raise MyErr(1, extra=0)
        except MyErr:
            pass
        """,
    ),
    "asynchronous methods": (
        r"""
        class AC:
            async def __aenter__(self):
                return self

            async def __aexit__(self, *a):
                pass

            async def gen(self):
                yield 1

        ac = AC()
        g = ac.gen
        """,
        r"""
        assert type(ac) is AC
        """,
    ),
    "subclasses of library classes": (
        r"""
        import threading, queue, json, logging, argparse, string, configparser, collections, datetime

        class JE(json.JSONEncoder):
            def default(self, o):
                return "x"

        class LR(logging.Handler):
            def emit(self, r):
                self.got = r

        class TL(threading.local):
            pass

        class UD(collections.UserDict):
            pass

        class DT(datetime.datetime):
            pass

        ap = argparse.ArgumentParser(prog="p")
        ap.add_argument("--x", type=int, default=3)
        cp = configparser.ConfigParser()
        cp.read_string("[a]\nb=1")
        tp = string.Template("$x")
        je = JE()
        lr = LR()
        ud = UD(a=1)
        dt = DT(2020, 1, 1)
        q = queue.Queue()
        q.put(1)
        pq = queue.PriorityQueue()
        sq = queue.SimpleQueue()
        sq.put(3)
        sq.put(4)
        lq = queue.LifoQueue()
        """,
        r"""
        assert je.encode(object()) == '"x"'
        assert ud["a"] == 1
        assert type(dt) is DT
        assert ap.parse_args(["--x", "4"]).x == 4
        assert cp["a"]["b"] == "1"
        assert tp.substitute(x=1) == "1"
        assert q.get() == 1
        assert sq.get() == 3
        assert sq.get() == 4
        assert lq.empty()
        """,
    ),
    "context managers and context variables": (
        r"""
        import contextvars, contextlib, inspect

        cv = contextvars.ContextVar("cv", default=4)
        tok = cv.set(5)
        es = contextlib.ExitStack()
        done = []
        es.callback(done.append, 1)
        supp = contextlib.suppress(ValueError)
        nul = contextlib.nullcontext(3)

        @contextlib.contextmanager
        def cm():
            done.append("in")
            yield 2
            done.append("out")

        c = cm()
        c.__enter__()
        sigo = inspect.signature(lambda a: 1)
        empty = inspect.Parameter.empty
        """,
        r"""
        es.close()
        assert done == ["in", 1]
        c.__exit__(None, None, None)
        assert done[-1] == "out"
        assert inspect.Parameter.empty is empty
        with supp:
            raise ValueError
        """,
    ),
}
