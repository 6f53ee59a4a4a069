"""Wrappers that answer for attributes which they do not have, such as the stream of a tqdm progress bar."""

from __future__ import annotations

import pytest

from caesura.snapshot import dumps, loads


class Wrapper:
    def __init__(self, wrapped: object) -> None:
        object.__setattr__(self, "_wrapped", wrapped)

    def __getattr__(self, name: str) -> object:
        return getattr(self._wrapped, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._wrapped, name, value)


class Slotted(Wrapper):
    __slots__ = ("extra",)

    def __init__(self, wrapped: object, extra: int) -> None:
        super().__init__(wrapped)
        object.__setattr__(self, "extra", extra)


class Restoring(Wrapper):
    def __getstate__(self) -> object:
        return {"kept": self._wrapped}

    def __setstate__(self, state: dict[str, object]) -> None:
        object.__setattr__(self, "_wrapped", state["kept"])


class Text:
    def __init__(self, text: str) -> None:
        self.text = text


def moved(value: object) -> Wrapper:
    found = loads(dumps(value, namespace={}))
    assert isinstance(found, Wrapper)
    return found


@pytest.mark.parametrize("cls", [Wrapper, Restoring])
def test_a_wrapper_goes_on_wrapping(cls: type[Wrapper]) -> None:
    assert moved(cls(Text("hello"))).text == "hello"


def test_a_wrapper_with_slots_keeps_them() -> None:
    found = moved(Slotted(Text("hello"), 3))
    assert (found.text, found.extra) == ("hello", 3)


def test_a_wrapper_of_itself_stays_one() -> None:
    inner = Text("hello")
    wrapper = Wrapper(inner)
    inner.wrapper = wrapper  # type: ignore[attr-defined]
    found = moved(wrapper)
    assert found.wrapper is found
