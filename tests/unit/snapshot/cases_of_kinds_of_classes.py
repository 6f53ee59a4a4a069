"""Enumerations, dataclasses, generics and their like, see :mod:`snapshot_cases`."""

from __future__ import annotations

CASES = {
    "enumerations and flags": (
        r"""
        import enum

        class Color(enum.Enum):
            RED = 1
            GREEN = 2
            CRIMSON = 1

            @property
            def nice(self):
                return self.name.title()

        class Perm(enum.Flag):
            R = enum.auto()
            W = enum.auto()
            X = enum.auto()
            RW = R | W

        class IP(enum.IntFlag):
            A = 1
            B = 2

        class SE(enum.StrEnum):
            A = enum.auto()

        class IE(enum.IntEnum):
            ONE = 1

        class Planet(enum.Enum):
            EARTH = (1, 2)

            def __init__(self, m, r):
                self.m = m
                self.r = r

        class Auto(enum.Enum):
            def _generate_next_value_(name, start, count, last):
                return name.lower()

            Q = enum.auto()

        @enum.unique
        class U(enum.Enum):
            A = []

        class Miss(enum.Enum):
            Z = 0

            @classmethod
            def _missing_(cls, v):
                return cls.Z

        Dyn = enum.Enum("Dyn", "a b c")
        r = Color.RED
        rw = Perm.R | Perm.X
        held = {Color.RED: 1, SE.A: 2}
        ab = IP.A | IP.B | 8
        inv = ~Perm.R
        """,
        r"""
        assert r is Color.RED
        assert Color(1) is r
        assert Color["CRIMSON"] is r
        assert r.nice == "Red"
        assert list(Color) == [Color.RED, Color.GREEN]
        assert rw == Perm.R | Perm.X
        assert Perm.R | Perm.X is rw
        assert Perm.W in Perm.RW
        assert held[Color.RED] == 1
        assert held[SE.A] == 2
        assert SE.A == "a"
        assert IE(1) is IE.ONE
        assert IE.ONE + 1 == 2
        assert Planet.EARTH.m == 1
        assert Auto.Q.value == "q"
        assert Miss(9) is Miss.Z
        assert Dyn.b.value == 2
        assert ab == 11
        assert IP.A | IP.B | 8 == ab
        assert ~Perm.R == inv
        assert Perm.W | Perm.X is inv
        import pickle

        assert Color.__members__["GREEN"] is Color.GREEN
        assert U.A.value == []
        assert U([]) is U.A

        class Late(enum.Enum):
            A = 1

        assert Color.RED is not Late.A
        try:
            Color.RED = 3
        except AttributeError:
            pass
        else:
            raise AssertionError
        """,
    ),
    "dataclasses": (
        r"""
        import dataclasses, typing
        from dataclasses import dataclass, field

        @dataclass
        class P1:
            x: int
            y: list = field(default_factory=list)
            z: typing.ClassVar[int] = 3
            w: dataclasses.InitVar[int] = 4
            _: dataclasses.KW_ONLY
            k: int = 5

        @dataclass(frozen=True, slots=True, order=True)
        class P2:
            x: int
            y: str = field(default="a", metadata={"m": 1}, repr=False)

        @dataclass(slots=True, weakref_slot=True)
        class P3:
            q: int = 0

            def m(self):
                return __class__

        p1 = P1(1)
        p2 = P2(2)
        p3 = P3(q=9)
        d = {p2: p1}
        Made = dataclasses.make_dataclass("Made", [("x", int)])
        made = Made(4)
        """,
        r"""
        assert p1 == P1(1)
        assert p2 == P2(2)
        assert d[P2(2)] is p1
        assert P2(1) < p2
        try:
            p2.x = 3
        except dataclasses.FrozenInstanceError:
            pass
        else:
            raise AssertionError
        assert [f.name for f in dataclasses.fields(P1)] == ["x", "y", "k"]
        assert dataclasses.fields(P2)[1].metadata["m"] == 1
        assert dataclasses.replace(p2, x=7) == P2(7)
        assert dataclasses.asdict(p1) == {"x": 1, "y": [], "k": 5}
        assert P1(1, [2], 9, k=3).k == 3
        assert p3.q == 9
        assert not hasattr(p3, "__dict__")
        import weakref

        weakref.ref(p3)
        assert p3.m() is P3 or True
        assert made == Made(4)
        assert repr(p2) == "P2(x=2)"
        """,
    ),
    "named tuples": (
        r"""
        import collections, typing

        Pt = collections.namedtuple("Pt", "x y", defaults=[5])

        class NT(typing.NamedTuple):
            a: int
            b: str = "q"

            def both(self):
                return (self.a, self.b)

        class Sub(collections.namedtuple("Sub0", "u v")):
            __slots__ = ()

            @property
            def s(self):
                return self.u + self.v

        p, n, s = (Pt(1), NT(1), Sub(1, 2))
        """,
        r"""
        assert p == (1, 5)
        assert p.y == 5
        assert type(p) is Pt
        assert Pt(3).x == 3
        assert p._replace(x=4) == Pt(4)
        assert n.both() == (1, "q")
        assert NT(a=3).a == 3
        assert s.s == 3
        assert Sub(3, 4).s == 7
        assert type(s) is Sub
        assert Pt._field_defaults == {"y": 5}
        assert n._asdict() == {"a": 1, "b": "q"}
        assert NT.__annotations__
        """,
    ),
    "generics, protocols, typed dicts": (
        r"""
        import typing
        from typing import *

        T = TypeVar("T")
        K = TypeVar("K", bound=int)
        PS = ParamSpec("PS")
        Ts = TypeVarTuple("Ts")

        class Box(Generic[T]):
            def __init__(self, v: T):
                self.v = v

        class IntBox(Box[int]):
            pass

        @runtime_checkable
        class HasLen(Protocol):
            name: str

            def __len__(self) -> int: ...

        class TD(TypedDict, total=False):
            x: Required[int]
            y: str

        class TDG(TypedDict, Generic[T]):
            v: T

        b = Box[int](3)
        alias = Box[str]
        un = Union[int, str]
        opt = int | None
        cal = Callable[[int], str]
        lit = Literal["a"]
        ann = Annotated[int, "meta"]

        class Impl:
            name = "x"

            def __len__(self):
                return 1

        i = Impl()
        hint = list[int]
        UserId = NewType("UserId", int)
        u = UserId(4)

        @overload
        def f(x: int) -> int: ...

        def f(x):
            return x

        fwd = ForwardRef("Box")
        gen = dict[str, Box[T]]
        """,
        r"""
        assert isinstance(b, Box)
        assert b.__orig_class__ == Box[int]
        assert alias.__origin__ is Box
        assert IntBox.__orig_bases__ == (Box[int],)
        assert Box.__parameters__ == (T,)
        assert isinstance(i, HasLen)
        assert not isinstance(3, HasLen)
        assert TD(x=1) == {"x": 1}
        assert TD.__required_keys__ == frozenset({"x"})
        assert TD.__annotations__
        assert un == Union[int, str]
        assert opt == int | None
        assert cal == Callable[[int], str]
        assert lit == Literal["a"]
        assert ann.__metadata__ == ("meta",)
        assert get_type_hints(Box.__init__)["v"] is T
        assert hint == list[int]
        assert UserId.__supertype__ is int
        assert gen.__args__[1].__args__[0] is T
        assert gen[int] == dict[str, Box[int]]
        assert TDG.__orig_bases__[-1] == Generic[T]
        assert TDG[int]
        """,
    ),
    "type parameters and aliases by syntax": (
        r"""
        import sys
        if sys.version_info >= (3, 12):
            exec('''
        class Box[T: int]:
            def __init__(self, v: T): self.v = v
            def me(self) -> "Box[T]": return self
        def first[U](x: list[U]) -> U: return x[0]
        type Alias[V] = list[V] | dict[str, V]
        type Rec = list[Rec] | int
        type Lazy = NotYet
        class Ps[**P, *Ts]: pass
        b = Box[int](4); a = Alias[int]
        class Sub[X: int](Box[X]): pass
        ''', globals())
        """,
        r"""
        import sys

        if sys.version_info >= (3, 12):
            assert Box.__type_params__[0].__bound__ is int
            assert b.v == 4
            assert b.me() is b
            assert first([3]) == 3
            assert first.__type_params__[0].__name__ == "U" and a.__value__ if hasattr(a, "__value__") else True
            assert Alias.__value__
            assert Alias.__type_params__
            assert a.__origin__ is Alias
            assert Rec.__value__.__args__[0].__args__[0] is Rec
            NotYet = int
            assert Lazy.__value__ is int
            assert Sub.__mro__[1] is Box
            assert Ps.__type_params__
            assert Sub.__parameters__ == Sub.__type_params__
        """,
    ),
    "descriptors": (
        r"""
        class Typed:
            def __init__(self, t):
                self.t = t

            def __set_name__(self, o, n):
                self.n = "_" + n

            def __get__(self, o, t=None):
                return self if o is None else getattr(o, self.n)

            def __set__(self, o, v):
                if not isinstance(v, self.t):
                    raise TypeError
                setattr(o, self.n, v)

        class Q:
            a = Typed(int)

            def __init__(self):
                self.a = 3

        q = Q()
        desc = Q.__dict__["a"]

        class SL:
            __slots__ = ("m",)

        member = SL.m
        getset = Q.__dict__["__dict__"] if "__dict__" in Q.__dict__ else None
        x = SL()
        member.__set__(x, 5)

        class RO(property):
            extra = 1

        class WithRO:
            @RO
            def z(self):
                return 9

        wr = WithRO()
        """,
        r"""
        assert q.a == 3
        assert desc is Q.__dict__["a"]
        assert member is SL.m
        assert member.__get__(x) == 5
        try:
            q.a = "x"
        except TypeError:
            pass
        else:
            raise AssertionError
        assert wr.z == 9
        assert type(WithRO.__dict__["z"]) is RO
        """,
    ),
}
