"""Contexts, context variables and their tokens."""

from __future__ import annotations

import contextvars
import decimal
import gc
import sys
from collections.abc import Sequence
from typing import Any, Final

from caesura.snapshot import warm_modules
from caesura.snapshot.functions import import_global
from caesura.snapshot.reducing import NOTEBOOK_MODULES, Pickling, Reduced, find_global, is_importable

_found: dict[int, tuple[object, str, str]] = {}
"""``id`` of a variable → itself, and where it is. Searching all modules takes milliseconds: once for each."""

_homeless: dict[int, tuple[object, int]] = {}
"""``id`` of a variable that no module has → itself, and the number of modules when they were searched."""

_MISSING: Final = contextvars.Token.MISSING


_NUMPY_ERRORS: Final = "numpy.ufunc.extobj"
"""The variable in which numpy 2 keeps what ``seterr`` and ``errstate`` set. Its value is an address: only numpy's own
functions can tell and make it (https://github.com/numpy/numpy/blob/main/numpy/_core/src/umath/extobj.c)."""


def reduce_context(pickler: Pickling, context: contextvars.Context) -> Reduced:
    items = [(key, value) for key, value in context.items() if key.name != _NUMPY_ERRORS]
    errors = context.run(_numpy_errors) if len(items) < len(context) else None
    pickler.later("context", context, (items, errors))
    return contextvars.Context, ()


def fill_context(
    context: contextvars.Context,
    contents: tuple[list[tuple[contextvars.ContextVar[Any], object]], dict[str, Any] | None],
) -> None:
    context.run(_set_all, *contents)


def _set_all(items: list[tuple[contextvars.ContextVar[Any], object]], errors: dict[str, Any] | None) -> None:
    for variable, value in items:
        variable.set(value)
    if errors is not None:
        import numpy

        numpy.seterr(**errors["kinds"])
        numpy.seterrcall(errors["call"])
        numpy.setbufsize(errors["buffer"])


def _numpy_errors() -> dict[str, Any]:
    import numpy

    return {"kinds": numpy.geterr(), "call": numpy.geterrcall(), "buffer": numpy.getbufsize()}


def reduce_variable(pickler: Pickling, variable: contextvars.ContextVar[Any]) -> Reduced:
    if variable.name == "decimal_context" and variable is _decimal_variable():
        return _decimal_variable, ()
    place = place_of(variable)
    if place is not None:
        return import_global, place
    # One that was made in the notebook, or hangs on an object: by identity within the snapshot.
    try:
        return make_variable, (variable.name, (contextvars.Context().run(variable.get),))
    except LookupError:
        return make_variable, (variable.name, ())


def make_variable(name: str, default: tuple[object, ...]) -> contextvars.ContextVar[Any]:
    return contextvars.ContextVar(name, default=default[0]) if default else contextvars.ContextVar(name)


def place_of(variable: object) -> tuple[str, str] | None:
    """Module and name of the global that is this very variable, or None."""
    known = _found.get(id(variable))
    if known is not None and find_global(known[1], known[2]) is variable:
        return known[1], known[2]
    searched = _homeless.get(id(variable))
    if searched is not None and searched[1] == len(sys.modules):
        return None
    place = _search(variable)
    if place is None:
        _homeless[id(variable)] = (variable, len(sys.modules))
    else:
        _found[id(variable)] = (variable, *place)
    return place


def _search(variable: object) -> tuple[str, str] | None:
    """Where it is now: as remembered, or in a module that is new or has more names than it had, or in a place that was
    there for what is made on first use. Only context variables are remembered; others may be anywhere."""
    warm = warm_modules.known()
    if not isinstance(variable, contextvars.ContextVar):
        return _look_through(list(sys.modules.items()), variable)
    remembered = warm.variables.get(id(variable))
    if remembered is not None and find_global(remembered[1], remembered[2]) is variable:
        return remembered[1], remembered[2]
    for module_name, name in warm.unset:
        if warm.dicts[module_name].get(name) is variable and find_global(module_name, name) is variable:
            return module_name, name
    grown = [(name, warm.modules[name]) for name, size in warm.sizes.items() if len(warm.dicts[name]) != size]
    return _look_through(warm_modules.others() + grown, variable)


def _look_through(modules: Sequence[tuple[str, Any]], variable: object) -> tuple[str, str] | None:
    for module_name, module in modules:
        if module_name in NOTEBOOK_MODULES or not is_importable(module):
            continue
        for name, value in list(vars(module).items()):
            if value is variable:
                return module_name, name
    return None


def _decimal_variable() -> contextvars.ContextVar[Any] | None:
    """The variable in which the C implementation of ``decimal`` keeps its context; it has no name in any module."""

    def look() -> contextvars.ContextVar[Any] | None:
        current = decimal.getcontext()
        return next((key for key, value in contextvars.copy_context().items() if value is current), None)

    return contextvars.Context().run(look)


def reduce_token(pickler: Pickling, token: contextvars.Token[Any]) -> Reduced:
    # A token tells its variable and the old value, but not the context for which it is good.
    context = next(part for part in gc.get_referents(token) if type(part) is contextvars.Context)
    old = () if token.old_value is _MISSING else (token.old_value,)
    return make_token, (context, token.var, old)


def make_token(
    context: contextvars.Context, variable: contextvars.ContextVar[Any], old: tuple[object, ...]
) -> contextvars.Token[Any]:
    """Made before the context gets its contents, so that what is set here is only passing."""
    for value in old:
        context.run(variable.set, value)
    # numpy looks into its variable even while it sets it, and nothing but its own address may be there.
    passing = context.run(variable.get) if variable.name == _NUMPY_ERRORS else None
    return context.run(variable.set, passing)
