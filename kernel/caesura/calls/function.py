"""Remote functions: ``@caesura.remote`` on the caller's side, :func:`run_call` on the worker's."""

from __future__ import annotations

import functools
import inspect
import sys
import types
from collections.abc import Callable, Coroutine
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from caesura.calls import values
from caesura.calls.backend import current_backend, ready
from caesura.calls.call import Call, begin
from caesura.errors import UsageError
from caesura.model import CallKind

P = ParamSpec("P")
T = TypeVar("T")


class RemoteFunction(Generic[P, T]):
    """A function that runs on a worker of the pool when it is called, and here with :meth:`local`."""

    def __init__(self, function: Callable[..., Any], retries: int = 0) -> None:
        self.function = function
        self.retries = retries
        functools.update_wrapper(cast("Any", self), function)

    @property
    def key(self) -> str:
        """The name of the history by which its duration is predicted."""
        return f"function:{self.function.__module__}.{self.function.__qualname__}"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Call[T]:
        """Start it, and give the call, which is awaited for the result.

        TypeError if the arguments do not fit, CannotMove if one cannot be pickled, UsageError where no loop runs.
        """
        label = f"{self.function.__qualname__}()"
        backend, loop = ready(label)
        inspect.signature(self.function).bind(*args, **kwargs)
        payload = values.dump_call(self, self.function, args, kwargs, backend.namespace)
        options = {"retries": self.retries}
        return begin(backend, loop, CallKind.FUNCTION, self.key, label, payload=payload, options=options)

    def local(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Call the plain function here; a coroutine if it is asynchronous."""
        return self.function(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<remote function {self.function.__module__}.{self.function.__qualname__}>"

    def __reduce__(self) -> Any:
        """By name where a module has it under its name, like any function; else with the function itself."""
        module = self.function.__module__
        found: Any = sys.modules.get(module) if module != "__main__" else None
        for name in self.function.__qualname__.split("."):
            found = getattr(found, name, None)
        if found is self:
            return self.function.__qualname__
        return _blank, (), {"function": self.function, "retries": self.retries}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


def _blank() -> RemoteFunction[Any, Any]:
    """Made before its state, because a function may reach itself through its globals."""
    return RemoteFunction.__new__(RemoteFunction)


@overload
def remote(function: Callable[P, Coroutine[Any, Any, T]], /) -> RemoteFunction[P, T]: ...
@overload
def remote(function: Callable[P, T], /) -> RemoteFunction[P, T]: ...
@overload
def remote(*, retries: int = 0) -> Callable[[Callable[P, Any]], RemoteFunction[P, Any]]: ...
def remote(function: Callable[..., Any] | None = None, /, *, retries: int = 0) -> Any:
    """Make a function run on a worker of the pool: ``@caesura.remote`` or ``@caesura.remote(retries=2)``.

    Calling it starts it at once and gives a :class:`Call`; ``await`` gives the result or raises the function's
    exception. Arguments and result are pickled; what it prints appears in the cell that called it. When its worker
    dies, it is begun again up to ``retries`` times, and then the await raises OperationUncertain: part of it may have
    run.
    """
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise UsageError(f"retries is {retries!r}; it has to be a whole number that is not negative.")
    if function is None:
        return functools.partial(_decorate, retries=retries)
    return _decorate(function, retries=retries)


def _decorate(function: Callable[..., Any], *, retries: int) -> RemoteFunction[Any, Any]:
    if isinstance(function, RemoteFunction):
        return RemoteFunction(function.function, retries)
    if not isinstance(function, types.FunctionType):
        raise UsageError(f"@caesura.remote is for functions, not for {function!r}.")
    if inspect.isasyncgenfunction(function):
        raise UsageError(f"{function.__qualname__} is an async generator; a remote function returns one result.")
    return RemoteFunction(function, retries)


async def run_call(payload: bytes) -> bytes:
    """Run a call that :class:`RemoteFunction` packed, and give its pickled result.

    What the function raises is raised here; :func:`dump_error` makes it bytes. A result that cannot be pickled raises
    CannotMove. While the function awaits, this frame holds nothing but what is awaited and the function's name, so
    that it can be moved like any other.
    """
    function, arguments, keywords = values.loads(payload, current_backend().namespace)
    label = f"{function.__qualname__}()"
    value = function.local(*arguments, **keywords)
    del payload, arguments, keywords, function
    if inspect.isawaitable(value):
        value = await value
    return values.dump_result(value, label, current_backend().namespace)


def dump_error(error: BaseException) -> bytes:
    """The bytes of what :func:`run_call` raised, its traceback beginning in the function."""
    found = error.__traceback__
    while found is not None and found.tb_frame.f_code is not run_call.__code__:
        found = found.tb_next
    while found is not None and found.tb_frame.f_globals is globals():
        found = found.tb_next
    return values.dump_error(error.with_traceback(found), current_backend().namespace)
