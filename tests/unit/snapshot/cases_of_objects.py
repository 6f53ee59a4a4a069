"""Instances that pickle has trouble with, see :mod:`snapshot_cases`."""

from __future__ import annotations

CASES = {
    "objects that answer wrongly": (
        r"""
        class Evil:
            def __getattr__(self, name):
                raise RuntimeError("evil " + name)

        class Any_:
            def __getattr__(self, name):
                return lambda *a, **k: 42

        class Wrap:
            def __init__(self, o):
                self.__dict__["o"] = o

            def __getattr__(self, n):
                return getattr(self.o, n)

            def __setattr__(self, n, v):
                setattr(self.o, n, v)

        class NoAttr:
            def __getattribute__(self, n):
                if n in ("__reduce_ex__", "__class__", "__dict__"):
                    return object.__getattribute__(self, n)
                raise AttributeError(n)

        class FalseEq:
            def __eq__(self, o):
                raise ValueError("no eq")

            __hash__ = None

        class NoBool:
            def __bool__(self):
                raise ValueError

            def __len__(self):
                raise ValueError

            def __repr__(self):
                raise ValueError

        class LiesClass:
            __class__ = property(lambda self: int)

        e, a, w, fe, nb, lc = (Evil(), Any_(), Wrap([1]), FalseEq(), NoBool(), LiesClass())
        e.x = 1
        a.y = 2
        """,
        r"""
        assert e.x == 1
        assert a.y == 2
        assert a.zz() == 42
        assert w.o == [1]
        assert type(e) is Evil
        assert type(fe) is FalseEq
        assert type(nb) is NoBool
        assert type(lc) is LiesClass
        w.append(3)
        assert w.o == [1, 3]
        """,
    ),
    "objects that say how they are pickled": (
        r"""
        class R:
            def __init__(self, x):
                self.x = x

            def __reduce__(self):
                return (R, (self.x + 1,))

        class G:
            def __init__(self):
                self.a = 1
                self.sock = object()

            def __getstate__(self):
                return {"a": self.a}

            def __setstate__(self, s):
                self.__dict__.update(s)
                self.restored = True

        class GN:
            def __new__(cls, *a):
                return super().__new__(cls)

            def __init__(self, a):
                self.a = a

            def __getnewargs__(self):
                return (self.a,)

        class Single:
            _it = None

            def __new__(cls):
                if cls._it is None:
                    cls._it = super().__new__(cls)
                return cls._it

        class D(dict):
            def __init__(self, *a, **k):
                super().__init__(*a, **k)
                self.attr = 1

        class L(list):
            pass

        class I(int):
            def __new__(cls, v, tag):
                o = super().__new__(cls, v)
                o.tag = tag
                return o

        class St(str):
            pass

        class Tu(tuple):
            def __new__(cls, a, b):
                return super().__new__(cls, (a, b))

        class Se(set):
            pass

        class F(float):
            pass

        class By(bytes):
            pass

        class DD(__import__("collections").defaultdict):
            pass

        r, g, gn, s = (R(1), G(), GN(3), Single())
        d = D(a=1)
        l = L([d])
        l.z = l
        i = I(4, "t")
        st = St("x")
        st.y = 1
        tu = Tu(1, 2)
        se = Se([1])
        se.q = 2
        fl = F(1.5)
        by = By(b"x")
        dd = DD(list)
        dd["a"].append(1)
        """,
        r"""
        assert r.x == 2
        assert g.a == 1
        assert g.restored
        assert gn.a == 3
        assert Single() is s
        assert d == {"a": 1}
        assert d.attr == 1
        assert l[0] is d
        assert l.z is l
        assert i == 4
        assert i.tag == "t"
        assert type(st) is St
        assert st.y == 1
        assert tu == (1, 2)
        assert type(tu) is Tu
        assert se.q == 2
        assert fl == 1.5
        assert by == b"x"
        dd["b"].append(2)
        assert dd == {"a": [1], "b": [2]}
        assert type(dd) is DD
        """,
    ),
    "objects in sets that refer back to them": (
        r"""
        class Node:
            def __init__(self, n):
                self.n = n
                self.friends = set()

            def __hash__(self):
                return hash(self.n)

            def __eq__(self, o):
                return self.n == o.n

        a, b = (Node("a"), Node("b"))
        a.friends.add(b)
        b.friends.add(a)
        b.late = 1
        d = {a: b}

        class Slotted:
            __slots__ = ("rest", "key")

            def __init__(self, k):
                self.key = (k, 1)
                self.rest = {self: 1}

            def __hash__(self):
                return hash(self.key)

        s = Slotted("q")
        """,
        r"""
        assert a.friends == {b}
        assert b.friends == {a}
        assert d[a] is b
        assert list(vars(b)) == ["n", "friends", "late"]
        assert s.rest[s] == 1
        assert s.key == ("q", 1)
        """,
    ),
    "objects that cannot be changed": (
        r"""
        class Fixed:
            __slots__ = ("x",)

            def __init__(self, x):
                object.__setattr__(self, "x", x)

            def __setattr__(self, n, v):
                raise AttributeError("fixed")

        class Point(tuple):
            def __new__(cls, x, y):
                return super().__new__(cls, (x, y))

        class Pair(__import__("collections").namedtuple("Pair", "a b")):
            def __new__(cls, both):
                return super().__new__(cls, both, both)

        class Needs:
            def __new__(cls, wanted):
                return super().__new__(cls)

            def __init__(self, wanted):
                self.wanted = wanted

        f, p, q, n = (Fixed(3), Point(1, 2), Pair(4), Needs([1]))
        """,
        r"""
        assert f.x == 3
        assert p == (1, 2)
        assert type(p) is Point
        assert q == (4, 4)
        assert type(q) is Pair
        assert n.wanted == [1]
        """,
    ),
}
