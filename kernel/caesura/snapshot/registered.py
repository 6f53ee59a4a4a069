"""What users say about their own objects: how a type is reduced, and how a single object is made again.

Both move with the session. A type is looked at once a pickler, so that the usual object pays nothing for it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, ParamSpec, TypeVar

from caesura.errors import CannotMove, SnapshotRefused, UsageError
from caesura.snapshot.reducing import Pickling, Reduced, Reducer
from caesura.snapshot.unmovable import kind_name

T = TypeVar("T")
P = ParamSpec("P")

_WRITTEN_BY_PICKLE: Final = (bool, bytearray, bytes, dict, float, frozenset, int, list, set, str, tuple, type(None))
"""Pickle asks nobody how to write an object of one of these types."""

_reducers: dict[type, Callable[[Any], Any]] = {}


@dataclass(frozen=True)
class _Recipe:
    """``target()`` is the object, or None if it is gone."""

    target: Callable[[], object]
    make: Callable[..., object]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


_recipes: dict[int, _Recipe] = {}
_types_with_recipes: set[type] = set()


def register_reducer(cls: type[T], reduce: Callable[[T], Any] | None) -> None:
    """Move objects of type ``cls`` and its subclasses as ``reduce`` says; None forgets it.

    ``reduce(obj)`` returns what ``__reduce__`` would: a function that makes the object again and its arguments, perhaps
    with a state (https://docs.python.org/3/library/pickle.html#object.__reduce__). UsageError for types that pickle
    writes without asking, as ``list``.
    """
    if not isinstance(cls, type):
        raise UsageError(f"register_reducer() takes a type first, not {cls!r}.")
    if cls in _WRITTEN_BY_PICKLE or cls is object:
        raise UsageError(f"Objects of type {cls.__name__} move as they are; no reducer is asked for them.")
    if reduce is None:
        _reducers.pop(cls, None)
    elif callable(reduce):
        _reducers[cls] = reduce
    else:
        raise UsageError(f"The reducer for {kind_name(cls)} has to be a function of one argument, not {reduce!r}.")


def reopen(obj: T, recipe: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Make ``obj`` again by ``recipe(*args, **kwargs)`` wherever its session is taken up; gives ``obj`` back.

    For connections and the like, which cannot be moved: ``conn = caesura.reopen(sqlite3.connect(path),
    sqlite3.connect, path)``. What refers to ``obj`` refers to the new one then. The recipe runs while the session is
    loaded: it may use modules, functions, classes and plain values of the notebook; other objects have to be arguments.
    The old object is not closed, its process just ends.
    """
    if type(obj) in _WRITTEN_BY_PICKLE:
        raise UsageError(f"Objects of type {type(obj).__name__} move as they are; they need no recipe.")
    if not callable(recipe):
        raise UsageError(f"The recipe of {kind_name(type(obj))} has to be a function, not {recipe!r}.")
    place = id(obj)
    target: Callable[[], object]
    try:
        target = weakref.ref(obj, lambda _: _recipes.pop(place, None))
    except TypeError:
        target = _Always(obj)
    _recipes[place] = _Recipe(target, recipe, args, kwargs)
    _types_with_recipes.add(type(obj))
    return obj


class _Always:
    """Keeps an object to which no weak reference can be made."""

    def __init__(self, obj: object) -> None:
        self._obj = obj

    def __call__(self) -> object:
        return self._obj


def reducer_of_type(cls: type, other: Callable[[object], Reducer | None]) -> Reducer | None:
    """The reducer for a type about which a user said something; ``other(obj)`` is asked where that does not apply."""
    registered = told_about(cls)
    if cls in _types_with_recipes:
        return _with_recipes(None if registered is None else _checked(registered), other)
    return None if registered is None else _checked(registered)


def told_about(cls: type) -> Callable[[Any], Any] | None:
    """The function that was registered for objects of ``cls``, if one was."""
    return next((_reducers[base] for base in cls.__mro__ if base in _reducers), None) if _reducers else None


def _checked(reduce: Callable[[Any], Any]) -> Reducer:
    def reduce_registered(pickler: Pickling, obj: Any) -> Reduced:
        kind = kind_name(type(obj))
        try:
            reduced = reduce(obj)
        except CannotMove:
            raise
        except Exception as error:
            remedy = f"Its registered reducer failed: {type(error).__name__}: {error}."
            raise CannotMove(kind, remedy=remedy) from error
        if isinstance(reduced, str) or (isinstance(reduced, tuple) and 2 <= len(reduced) <= 6 and callable(reduced[0])):
            return reduced
        raise CannotMove(kind, remedy=f"Its registered reducer returned {reduced!r}, not a function and its arguments.")

    return reduce_registered


def _with_recipes(registered: Reducer | None, other: Callable[[object], Reducer | None]) -> Reducer:
    def reduce_with_recipe(pickler: Pickling, obj: Any) -> Reduced:
        recipe = _recipes.get(id(obj))
        if recipe is not None and recipe.target() is obj:
            return make_again, (kind_name(type(obj)), recipe.make, recipe.arguments, recipe.keywords)
        reducer = registered or other(obj)
        return NotImplemented if reducer is None else reducer(pickler, obj)

    return reduce_with_recipe


class _NotMade:
    """Stands for an object that a recipe would make. It bears whatever a state setter does with it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_args: object, **_kwargs: object) -> Any:
        return self


_are_recipes_left_alone = False


def leave_recipes_alone() -> None:
    """In this process nothing is made by a recipe: the object that it makes may be there only once, as a database that
    locks its file, and still is."""
    global _are_recipes_left_alone
    _are_recipes_left_alone = True


def make_again(kind: str, make: Any, arguments: tuple[Any, ...], keywords: dict[str, Any]) -> object:
    if _are_recipes_left_alone:
        return _NotMade()
    try:
        made: object = make(*arguments, **keywords)
    except Exception as error:
        name = getattr(make, "__qualname__", repr(make))
        raise SnapshotRefused(
            f"A {kind} was not made again: its recipe {name} raised {type(error).__name__}: {error}"
        ) from error
    if type(made) in _WRITTEN_BY_PICKLE:
        return made
    return reopen(made, make, *arguments, **keywords)


def capture() -> dict[type, Callable[[Any], Any]] | None:
    """The registered reducers; None if there are none."""
    return dict(_reducers) or None


def restore(saved: dict[type, Callable[[Any], Any]]) -> None:
    """Put back what :func:`capture` gave."""
    _reducers.update(saved)
