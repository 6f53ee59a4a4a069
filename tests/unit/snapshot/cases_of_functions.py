"""Functions and what wraps them, see :mod:`snapshot_cases`."""

from __future__ import annotations

CASES = {
    "caches and what else functools makes": (
        r"""
        import functools, operator

        calls = []

        @functools.lru_cache(maxsize=2)
        def sq(x):
            calls.append(x)
            return x * x

        @functools.cache
        def cu(x):
            calls.append(x)
            return [x]

        sq(1)
        sq(2)
        sq(3)
        r = cu(5)
        sq(3)
        info = sq.cache_info()

        class C:
            def __init__(self):
                self.n = 0

            @functools.cached_property
            def v(self):
                self.n += 1
                return [self.n]

            def f(self, a, b=0):
                return (a, b)

            g = functools.partialmethod(f, 1, b=4)

            @functools.singledispatchmethod
            def sd(self, x):
                return "any"

            @sd.register
            def _(self, x: int):
                return "int"

            @functools.lru_cache(maxsize=None)
            def lm(self, x):
                calls.append(("lm", x))
                return x

        c = C()
        v = c.v
        c.lm(3)

        @functools.singledispatch
        def show(x):
            return "o"

        @show.register(int)
        def _(x):
            return "i"

        @show.register
        def _(x: list):
            return "l"

        def deco(f):

            @functools.wraps(f)
            def w(*a, **k):
                w.count += 1
                return f(*a, **k)

            w.count = 0
            return w

        @deco
        def foo(x=2):
            '''doc'''
            return x

        foo()
        part = functools.partial(foo, 9)
        part.extra = 1
        key = functools.cmp_to_key(lambda a, b: a - b)

        @functools.total_ordering
        class O:
            def __init__(self, k):
                self.k = k

            def __lt__(self, o):
                return self.k < o.k

            def __eq__(self, o):
                return self.k == o.k

            def __hash__(self):
                return 1
        """,
        r"""
        n = len(calls)
        assert cu(5) is r
        assert len(calls) == n
        assert sq(3) == 9 and sq(2) == 4 and (len(calls) == n)
        assert sq.cache_info().misses == info.misses and sq.cache_info().hits == info.hits + 2
        sq(10)
        assert sq.cache_info().currsize == 2
        sq(2)
        assert len(calls) == n + 1
        sq(3)
        assert len(calls) == n + 2
        assert c.v is v
        assert c.n == 1
        assert c.g(*()) == (1, 4)
        assert c.sd(1) == "int"
        assert c.sd("") == "any"
        c.lm(3)
        assert len(calls) == n + 2
        assert show(1) == "i"
        assert show([]) == "l"
        assert show("") == "o"
        assert foo.count == 1
        assert foo.__doc__ == "doc"
        assert foo.__wrapped__.__name__ == "foo"
        assert part() == 9
        assert foo.count == 2
        assert part.extra == 1
        assert sorted([3, 1, 2], key=key) == [1, 2, 3]
        assert O(1) >= O(1)
        assert O(2) > O(1)
        import inspect

        assert inspect.signature(foo).parameters["x"].default == 2
        """,
    ),
    "single dispatch on classes of the notebook": (
        r"""
        import functools, collections.abc

        class Local:
            pass

        @functools.singledispatch
        def show(x):
            return "o"

        @show.register(Local)
        def _(x):
            return "local"

        @show.register(collections.abc.Sized)
        def _(x):
            return "sized"

        show([])
        show(Local())
        """,
        r"""
        assert show(Local()) == "local"
        assert show([]) == "sized"
        assert show(1) == "o"

        @show.register(int)
        def _(x):
            return "i"

        assert show(2) == "i"
        """,
    ),
    "keys for sorting": (
        r"""
        import functools

        K = functools.cmp_to_key(lambda a, b: a - b)
        k1 = K(3)
        """,
        r"""
        assert K(2) < k1
        """,
    ),
    "closures, methods of all kinds": (
        r"""
        fs = [lambda: i for i in range(3)]

        def make():
            n = 0

            def inc():
                nonlocal n
                n += 1
                return n

            def get():
                return n

            return (inc, get)

        inc, get = make()
        inc()

        def fact(n):
            return 1 if n < 2 else n * fact(n - 1)

        def outer():

            def rec(n):
                return 0 if n == 0 else 1 + rec(n - 1)

            return rec

        rec = outer()

        class K:
            count = []

            def m(self):
                return self

            @staticmethod
            def s(x):
                return x

            @classmethod
            def c(cls):
                return cls

            @property
            def p(self):
                return self._p

            @p.setter
            def p(self, v):
                self._p = v

            def sup(self):
                return super().__repr__()

            class Inner:
                def who(self):
                    return K

        k = K()
        bm = k.m
        bc = K.c
        sm = K.s
        fn = K.m
        b2 = [].append
        lst = [1]
        app = lst.append
        up = "abc".upper
        cls_dict = K.__dict__
        k.p = 4
        inner = K.Inner()
        adder = lst.__add__
        slotw = int.__add__
        md = str.join
        mx = max
        ilen = len
        dd = dict.fromkeys
        """,
        r"""
        assert [f() for f in fs] == [2, 2, 2]
        assert inc() == 2
        assert get() == 2
        assert fact(5) == 120
        assert rec(4) == 4
        assert bm() is k
        assert bc() is K
        assert sm(3) == 3
        assert fn is K.m
        assert k.p == 4
        assert k.sup().startswith("<__main__.K")
        app(2)
        assert lst == [1, 2]
        assert up() == "ABC"
        assert isinstance(inner, K.Inner)
        assert inner.who() is K
        assert cls_dict["count"] is K.count
        assert adder([3]) == [1, 2, 3]
        assert slotw(1, 2) == 3
        assert md(",", ["a", "b"]) == "a,b"
        assert mx(1, 2) == 2
        assert dd([1]) == {1: None}
        """,
    ),
    "callables and small builtins": (
        r"""
        import operator

        class Call:
            def __call__(self, x):
                return x + 1

        c = Call()
        ig = operator.itemgetter(1, 2)
        ag = operator.attrgetter("a.b")
        mc = operator.methodcaller("upper")
        import types

        mp = types.MappingProxyType({"a": 1})
        ns = types.SimpleNamespace(x=1)
        ns.me = ns
        ga = list[int]
        meth = types.MethodType(lambda self: self, c)
        dca = types.DynamicClassAttribute(lambda s: 1)
        ell, ni, none = (..., NotImplemented, type(None))
        sl = slice(1, 2, 3)
        rng = range(3)
        cx = 1j
        frozen = frozenset([1])
        """,
        r"""
        assert c(1) == 2
        assert ig([1, 2, 3]) == (2, 3)
        assert mc("a") == "A"
        assert mp["a"] == 1
        assert ns.me is ns
        assert ga == list[int]
        assert meth() is c
        assert ell is ...
        assert ni is NotImplemented
        assert none is type(None)
        assert sl == slice(1, 2, 3)
        assert rng == range(3)
        """,
    ),
}
