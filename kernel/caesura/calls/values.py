"""Arguments, results and exceptions of remote functions as bytes, with errors that name what cannot be moved.

The pickler is the snapshot's. It is imported when the first value is sent, because a program that only imports
:mod:`caesura` should not pay for it.
"""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from caesura.errors import CallFailed, CannotMove

_ARGUMENT_REMEDY = "Pass what it is made from (a path, a URL, plain data) and make it inside the function."
_RESULT_REMEDY = "Return plain data, or what it can be made from."
_FUNCTION_REMEDY = "Make it inside the function, or pass it as an argument."


def dumps(value: object, namespace: dict[str, object]) -> bytes:
    """``value`` as bytes, functions and classes of the notebook included."""
    from caesura import snapshot

    return snapshot.dumps(value, namespace=namespace)


def loads(data: bytes, namespace: dict[str, object]) -> Any:
    """What :func:`dumps` was given, here."""
    from caesura import snapshot

    return snapshot.loads(data, namespace=namespace)


def dump_call(
    function: Any,
    signature_of: Callable[..., Any],
    arguments: Sequence[object],
    keywords: Mapping[str, object],
    namespace: dict[str, object],
) -> bytes:
    """A call as bytes. CannotMove, which names the argument, if one cannot be pickled.

    ``signature_of`` is the plain function behind ``function``.
    """
    try:
        return dumps((function, tuple(arguments), dict(keywords)), namespace)
    except Exception as error:
        name = getattr(function, "__qualname__", "the function")
        for argument, value in _named(signature_of, arguments, keywords):
            refused = _refusal(value, namespace, f"argument {argument!r} of {name}()", _ARGUMENT_REMEDY)
            if refused is not None:
                raise refused from error
        refused = _refusal(function, namespace, f"the function {name}()", _FUNCTION_REMEDY)
        raise (refused or error) from error


def dump_result(value: object, label: str, namespace: dict[str, object]) -> bytes:
    """A result as bytes; CannotMove, which says whose it is, if it cannot be pickled."""
    try:
        return dumps(value, namespace)
    except Exception as error:
        raise _described(error, value, f"the result of {label}", _RESULT_REMEDY) from error


def dump_error(error: BaseException, namespace: dict[str, object]) -> bytes:
    """An exception as bytes; if it cannot be pickled, a CallFailed with its text and traceback in its place."""
    try:
        return dumps(error, namespace)
    except Exception:  # noqa: BLE001  whatever is wrong with it, the caller has to get an exception
        text = "".join(traceback.format_exception(error)).rstrip()
        return dumps(CallFailed(f"{_kind(error)}, which cannot be moved itself:\n{text}"), namespace)


def _refusal(value: object, namespace: dict[str, object], path: str, remedy: str) -> CannotMove | None:
    if isinstance(value, asyncio.Future):
        return CannotMove(_kind(value), path, "Await it, and pass its result.")
    try:
        dumps(value, namespace)
    except Exception as error:  # noqa: BLE001  any pickler's error means the same
        return _described(error, value, path, remedy)
    return None


def _described(error: Exception, value: object, path: str, remedy: str) -> CannotMove:
    if isinstance(error, CannotMove):
        inner = f"{path}, {error.path}" if error.path else path
        return CannotMove(error.kind, inner, error.remedy or remedy)
    return CannotMove(_kind(value), f"{path} ({error})", remedy)


def _named(
    function: Callable[..., Any], arguments: Sequence[object], keywords: Mapping[str, object]
) -> Iterator[tuple[str, object]]:
    """Each argument with the name that the function has for it."""
    try:
        bound = inspect.signature(function).bind(*arguments, **keywords).arguments
    except (TypeError, ValueError):
        bound = {**{str(index): value for index, value in enumerate(arguments)}, **keywords}
    yield from bound.items()


def _kind(value: object) -> str:
    kind = type(value)
    is_plain = kind.__module__ in ("builtins", "__main__")
    return kind.__qualname__ if is_plain else f"{kind.__module__}.{kind.__qualname__}"
