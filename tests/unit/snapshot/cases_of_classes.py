"""Classes of the notebook, see :mod:`snapshot_cases`."""

from __future__ import annotations

CASES = {
    "an object and its class": (
        r"""
        class A:
            def __init__(self):
                self.x = 1

        a = A()
        l = [a, A]
        """,
        r"""
        assert isinstance(a, A)
        assert type(a) is A
        assert l[1] is A
        assert isinstance(A(), A)
        assert a.x == 1
        """,
    ),
    "slots of all kinds": (
        r"""
        class S:
            __slots__ = ("a", "b", "__weakref__")

        class T(S):
            __slots__ = ("c",)

        class P:
            __slots__ = ("__private", "d")

            def __init__(self):
                self.__private = 5

            def get(self):
                return self.__private

        class DS:
            __slots__ = {"doc": "the doc"}

        s = T()
        s.a = 1
        s.c = [s]
        p = P()

        class SD(S):
            pass

        sd = SD()
        sd.a = 3
        sd.z = 4

        class OneStr:
            __slots__ = "only"

        o = OneStr()
        o.only = 1
        """,
        r"""
        assert s.a == 1
        assert s.c[0] is s
        assert not hasattr(s, "b")
        assert not hasattr(s, "__dict__")
        assert p.get() == 5
        assert T.__slots__ == ("c",)
        assert sd.a == 3
        assert sd.z == 4
        assert DS.__slots__ == {"doc": "the doc"}
        assert o.only == 1
        assert not hasattr(o, "__dict__")
        import inspect

        assert inspect.getdoc(DS.doc) == "the doc"
        """,
    ),
    "a metaclass with hooks": (
        r"""
        log = []

        class Meta(type):
            def __new__(m, name, bases, ns, **kw):
                log.append(("new", name))
                return super().__new__(m, name, bases, ns)

            def __init__(c, name, bases, ns, **kw):
                log.append(("init", name))
                super().__init__(name, bases, ns)

            def __call__(c, *a):
                log.append("call")
                return super().__call__(*a)

            @classmethod
            def __prepare__(m, name, bases, **kw):
                log.append("prep")
                return {}

            @property
            def shown(c):
                return c.__name__ + "!"

            def __setattr__(c, k, v):
                log.append(("set", k))
                super().__setattr__(k, v)

        class M(metaclass=Meta, opt=1):
            registry = {}

        m = M()
        n0 = len(log)
        M.registry["m"] = m
        """,
        r"""
        assert len(log) == n0
        assert type(M) is Meta
        assert M.shown == "M!"
        assert M.registry["m"] is m
        M.y = 3
        assert log[-1] == ("set", "y")
        """,
    ),
    "hooks that ran when the class was made": (
        r"""
        log = []

        class Desc:
            def __set_name__(self, owner, name):
                log.append(("name", name))
                self.name = name
                self.owner = owner

            def __get__(self, o, t=None):
                return self if o is None else o.__dict__.get(self.name, "none")

            def __set__(self, o, v):
                o.__dict__[self.name] = v

        class Base:
            subs = []

            def __init_subclass__(cls, tag=None, **kw):
                super().__init_subclass__(**kw)
                Base.subs.append((tag, cls))
                log.append("sub")

        class Sub(Base, tag="t"):
            d = Desc()

        x = Sub()
        x.d = 4
        n0 = len(log)
        """,
        r"""
        assert len(log) == n0
        assert Base.subs == [("t", Sub)]
        assert x.d == 4
        assert Sub.d.owner is Sub

        class Sub2(Base, tag="u"):
            pass

        assert Base.subs[1] == ("u", Sub2)
        assert Base.__subclasses__() == [Sub, Sub2]
        """,
    ),
    "abstract classes": (
        r"""
        import abc, collections.abc, numbers

        numbers.Number.register(type("Nn", (), {}))

        class Shape(abc.ABC):
            @abc.abstractmethod
            def area(self): ...

        class Sq(Shape):
            def area(self):
                return 1

        class Other:
            pass

        Shape.register(Other)

        @collections.abc.Sized.register
        class Weird:
            pass

        class Cust(abc.ABC):
            @classmethod
            def __subclasshook__(cls, C):
                return hasattr(C, "magic") or NotImplemented

        class HasMagic:
            magic = 1

        class Col(collections.abc.Mapping):
            def __getitem__(self, k):
                return 1

            def __len__(self):
                return 0

            def __iter__(self):
                return iter(())

        c = Col()
        """,
        r"""
        assert isinstance(Other(), Shape)
        assert isinstance(Sq(), Shape)
        assert isinstance(HasMagic(), Cust)
        assert not isinstance(Other(), Cust)
        try:
            Shape()
        except TypeError:
            pass
        else:
            raise AssertionError("abstract")
        assert Shape.__abstractmethods__ == frozenset({"area"})
        assert isinstance(c, collections.abc.Mapping)
        assert c.get("x") == 1
        """,
    ),
    "registration with an abstract class of the library": (
        r"""
        import collections.abc

        class Weird2:
            pass

        collections.abc.Sized.register(Weird2)
        w = Weird2()
        """,
        r"""
        assert isinstance(w, collections.abc.Sized)
        """,
    ),
    "classes that refer to each other": (
        r"""
        class A:
            pass

        class B(A):
            friend = A

        A.friend = B
        A.self = A
        A.inst = B()
        A.inst.cls = A

        class Node:
            root = None

            def __init__(self):
                Node.root = self

        n = Node()
        """,
        r"""
        assert A.friend is B
        assert B.friend is A
        assert A.self is A
        assert type(A.inst) is B
        assert A.inst.cls is A
        assert Node.root is n
        assert type(n) is Node
        """,
    ),
    "a class that was defined again": (
        r"""
        class A:
            v = 1

        old = A()
        OldA = A

        class A:
            v = 2

        new = A()
        """,
        r"""
        assert type(old) is OldA
        assert type(new) is A
        assert old.v == 1
        assert new.v == 2
        assert OldA is not A
        assert not isinstance(old, A)
        """,
    ),
    "odd bases": (
        r"""
        class M(type):
            def mro(cls):
                return super().mro()

        class X(metaclass=M):
            pass

        x = X()

        class LI(list[int]):
            pass

        li = LI([1])

        class Ctx(__import__("contextlib").AbstractContextManager):
            def __exit__(self, *a):
                pass

        ct = Ctx()

        class ET(type(__import__("enum").Enum)):
            pass
        """,
        r"""
        assert type(x) is X
        assert li == [1]
        assert LI.__orig_bases__ == (list[int],)
        """,
    ),
    "what inspect sees": (
        r"""
        class D:
            '''the doc'''

            x: int = 1
            __match_args__ = ("x",)
            __hash__ = None

        def f(a: int, *, b: "str" = "q") -> list:
            '''fdoc'''
            return a

        f.attr = 1
        import inspect

        sig = str(inspect.signature(f))
        d = D()
        """,
        r"""
        assert D.__doc__ == "the doc"
        assert D.__annotations__ == {"x": int}
        assert D.__hash__ is None
        assert f.__kwdefaults__ == {"b": "q"}
        assert f.__annotations__["b"] == "str"
        assert f.attr == 1
        assert D.__qualname__ == "D"
        match d:
            case D(1):
                ok = 1
        assert ok
        assert inspect.signature(f) is not None
        assert str(inspect.signature(f)) == sig
        """,
    ),
}
