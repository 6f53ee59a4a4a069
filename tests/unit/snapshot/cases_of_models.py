"""Models of libraries: the library that has to be there, and a case (see :mod:`snapshot_cases`)."""

from __future__ import annotations

CASES = {
    "pydantic: models": (
        "pydantic",
        r"""
        import pydantic
        from typing import Optional, Generic, TypeVar, Literal, Annotated

        class Addr(pydantic.BaseModel):
            street: str
            zip: int = 0

        class User(pydantic.BaseModel):
            model_config = pydantic.ConfigDict(extra="allow", validate_assignment=True)
            name: str
            addr: Addr
            tags: list[str] = pydantic.Field(default_factory=list)
            _priv: int = pydantic.PrivateAttr(default=3)

            @pydantic.field_validator("name")
            @classmethod
            def up(cls, v):
                return v.upper()

            @pydantic.computed_field
            @property
            def full(self) -> str:
                return self.name + self.addr.street

            @pydantic.model_validator(mode="after")
            def chk(self):
                return self

        u = User(name="a", addr={"street": "s"}, other=5)
        u._priv = 8
        T = TypeVar("T")

        class Resp(pydantic.BaseModel, Generic[T]):
            data: T

        r = Resp[User](data=u)
        ra = Resp[int]

        class Frozen(pydantic.BaseModel, frozen=True):
            x: int

        f = Frozen(x=1)
        ta = pydantic.TypeAdapter(list[int])
        taU = pydantic.TypeAdapter(list[User])

        @pydantic.dataclasses.dataclass
        class PD:
            x: int

        pd_ = PD(x="3")

        class Rec(pydantic.BaseModel):
            child: Optional["Rec"] = None

        rec = Rec(child=Rec())

        @pydantic.validate_call
        def vc(x: int):
            return x

        Made = pydantic.create_model("Made", a=(int, 3))
        made = Made()
        try:
            User(name=1)
        except pydantic.ValidationError as e:
            ve = e

        class Cat(pydantic.BaseModel):
            kind: Literal["cat"] = "cat"

        class Dog(pydantic.BaseModel):
            kind: Literal["dog"] = "dog"

        class Own(pydantic.BaseModel):
            pet: Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]

        own = Own(pet={"kind": "dog"})
        """,
        r"""
        assert type(u) is User
        assert u.name == "A"
        assert u.addr.street == "s"
        assert type(u.addr) is Addr
        assert u.other == 5
        assert u._priv == 8
        assert u.full == "As"
        assert User(name="b", addr=Addr(street="q")).name == "B"
        u.name = "zz"
        assert u.name == "ZZ"
        try:
            u.addr = 3
        except pydantic.ValidationError:
            pass
        else:
            raise AssertionError
        assert User.model_validate_json(u.model_dump_json(exclude={"full"})).name == "ZZ"
        assert isinstance(r, Resp)
        assert r.data is u
        assert ra is Resp[int]
        assert type(r) is Resp[User]
        assert ra(data="3").data == 3
        assert hash(f) == hash(Frozen(x=1))
        assert f == Frozen(x=1)
        assert ta.validate_python(["1"]) == [1]
        assert taU.validate_python([{"name": "x", "addr": {"street": "s"}}])[0].name == "X"
        assert pd_.x == 3
        assert PD(x="4").x == 4
        assert type(rec.child) is Rec
        assert Rec.model_validate({"child": {}}).child == Rec()
        assert vc("3") == 3
        assert Made(a="4").a == 4
        assert type(made) is Made
        assert type(own.pet) is Dog
        assert type(Own(pet={"kind": "cat"}).pet) is Cat

        class Sub(User):
            more: int = 1

        assert Sub(name="a", addr={"street": "s"}).more == 1
        assert list(User.model_fields) == ["name", "addr", "tags"]
        assert User.model_json_schema()["title"] == "User"
        assert len(ve.errors()) >= 1
        """,
    ),
    "attrs: classes": (
        "attrs",
        r"""
        import attrs, attr

        @attrs.define
        class A:
            x: int
            y: list = attrs.field(factory=list)
            z: int = attrs.field(default=0, validator=attrs.validators.instance_of(int), converter=int)

            def me(self):
                return __class__

        @attrs.frozen
        class F:
            q: int = 1

        @attr.s
        class Old:
            a = attr.ib(default=attr.Factory(lambda self: 3, takes_self=True))

        @attrs.define
        class Sub(A):
            w: int = 9

        @attrs.define(slots=False)
        class NS:
            v: int = attrs.field(default=1, on_setattr=attrs.setters.frozen)

        a, f, o, s, ns = (A(1), F(), Old(), Sub(1), NS())
        import functools

        @attrs.define
        class CP:
            n: int = 0

            @functools.cached_property
            def cp(self):
                self.n += 1
                return self.n

        cp = CP()
        cp.cp
        """,
        r"""
        assert a == A(1)
        assert a.me() is A
        assert type(a) is A
        assert f == F()
        assert hash(f) == hash(F())
        assert o.a == 3
        assert Old().a == 3
        assert s.w == 9
        assert isinstance(s, A)
        assert [x.name for x in attrs.fields(A)] == ["x", "y", "z"]
        assert attrs.evolve(a, x=4).x == 4
        assert attrs.asdict(a) == {"x": 1, "y": [], "z": 0}
        try:
            a.z = "q"
        except ValueError:
            pass
        else:
            raise AssertionError
        try:
            f.q = 1
        except attrs.exceptions.FrozenInstanceError:
            pass
        else:
            raise AssertionError
        try:
            ns.v = 3
        except attrs.exceptions.FrozenAttributeError:
            pass
        else:
            raise AssertionError
        assert cp.cp == 1
        assert cp.n == 1
        """,
    ),
}
