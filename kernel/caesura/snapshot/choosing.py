"""Which reducer an object's type gets. One table; asked once for each type and pickler."""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import contextvars
import copyreg
import dataclasses
import enum
import functools
import io
import queue
import re
import struct
import sys
import threading
import types
import typing
import weakref
from typing import Any, Final

from caesura import frames
from caesura.snapshot import (
    anyio_state,
    asyncio_objects,
    builtin_kinds,
    classes,
    contexts,
    descriptors,
    exceptions,
    files,
    function_wrappers,
    functions,
    instances,
    iterators,
    itertools_objects,
    libraries,
    marks,
    memory_views,
    mocks,
    registered,
    suspended,
    syntax_trees,
    threads,
    type_parameters,
    weak_references,
)
from caesura.snapshot.reducing import Pickling, Reduced, Reducer
from caesura.snapshot.unmovable import refuse, remedy_for
from caesura.snapshot.wide import reduce_widely


def _by_name(name: str) -> Reducer:
    """For the one instance of a type that a module uses as a mark."""

    def reduce(pickler: Pickling, obj: object) -> Reduced:
        return name

    return reduce


def _dataclass_mark(pickler: Pickling, obj: Any) -> Reduced:
    return str(obj.name)  # _FIELD and its like: their name is their global


_MARKS: Final[dict[type, Reducer]] = {
    type(dataclasses.MISSING): _by_name("MISSING"),
    type(dataclasses.KW_ONLY): _by_name("KW_ONLY"),
    type(vars(dataclasses)["_HAS_DEFAULT_FACTORY"]): _by_name("_HAS_DEFAULT_FACTORY"),
    type(vars(dataclasses)["_FIELD"]): _dataclass_mark,
}

_EXACT: Final[dict[type, Reducer]] = {
    **_MARKS,
    object: marks.reduce_object,
    types.FunctionType: functions.reduce_function,
    types.CodeType: functions.reduce_code,
    types.CellType: functions.reduce_cell,
    types.MethodType: functions.reduce_method,
    property: descriptors.reduce_property,
    staticmethod: descriptors.reduce_wrapping_method,
    classmethod: descriptors.reduce_wrapping_method,
    type(functools.lru_cache(int)): function_wrappers.reduce_lru_cache,
    type(functools.cmp_to_key(max)): function_wrappers.reduce_sort_key,
    types.MemberDescriptorType: descriptors.reduce_slot,
    types.GetSetDescriptorType: descriptors.reduce_slot,
    types.CoroutineType: suspended.reduce_suspended,
    types.GeneratorType: suspended.reduce_suspended,
    types.AsyncGeneratorType: suspended.reduce_suspended,
    types.TracebackType: exceptions.reduce_traceback,
    contextvars.Context: contexts.reduce_context,
    contextvars.ContextVar: contexts.reduce_variable,
    contextvars.Token: contexts.reduce_token,
    asyncio.Handle: asyncio_objects.reduce_handle,
    asyncio.TimerHandle: asyncio_objects.reduce_handle,
    type(threading.Lock()): threads.reduce_lock,
    type(threading.RLock()): threads.reduce_rlock,
    queue.SimpleQueue: threads.reduce_simple_queue,
    types.MappingProxyType: descriptors.reduce_mapping_proxy,
    type({}.keys()): builtin_kinds.reduce_dict_view,
    type({}.values()): builtin_kinds.reduce_dict_view,
    type({}.items()): builtin_kinds.reduce_dict_view,
    type(collections.OrderedDict().keys()): builtin_kinds.reduce_dict_view,
    type(collections.OrderedDict().values()): builtin_kinds.reduce_dict_view,
    type(collections.OrderedDict().items()): builtin_kinds.reduce_dict_view,
    weakref.WeakKeyDictionary: weak_references.reduce_weak_dictionary,
    weakref.WeakValueDictionary: weak_references.reduce_weak_dictionary,
    weakref.ProxyType: weak_references.reduce_proxy,
    weakref.CallableProxyType: weak_references.reduce_proxy,
    weakref.finalize: weak_references.reduce_finalizer,
    re.Pattern: builtin_kinds.reduce_pattern,
    re.Match: builtin_kinds.reduce_match,
    struct.Struct: builtin_kinds.reduce_struct,
    **dict.fromkeys(iterators.DICT_ITERATORS, iterators.reduce_dict_iterator),
    **dict.fromkeys(iterators.LIST_ITERATORS, iterators.reduce_list_iterator),
    iterators.ORDERED_DICT_ITERATOR: iterators.reduce_ordered_dict_iterator,
    iterators.SET_ITERATOR: iterators.reduce_set_iterator,
    iterators.REVERSED_DEQUE: iterators.reduce_reversed_deque,
    memoryview: memory_views.reduce_memory_view,
    typing.TypeVar: type_parameters.reduce_type_variable,
    typing.ParamSpec: type_parameters.reduce_type_variable,
    typing.TypeVarTuple: type_parameters.reduce_type_variable,
    typing.NewType: builtin_kinds.reduce_new_type,
    concurrent.futures.ThreadPoolExecutor: threads.reduce_executor,
    concurrent.futures.Future: threads.reduce_concurrent_future,
}
if (_ssl := sys.modules.get("ssl")) is not None:  # asyncio has imported it, where this Python has it
    from caesura.snapshot import tls

    _EXACT[_ssl.SSLContext] = tls.reduce_context
if sys.version_info >= (3, 12):
    _EXACT[typing.TypeAliasType] = type_parameters.reduce_type_alias

_SUBCLASSES: Final[tuple[tuple[type, Reducer], ...]] = (
    *((cls, syntax_trees.reduce_mark) for cls in syntax_trees.MARKS),
    (asyncio.Task, asyncio_objects.reduce_task),
    (asyncio.Future, asyncio_objects.reduce_future),
    (BaseException, exceptions.reduce_exception),
    (type, classes.reduce_class),
    (enum.Enum, classes.reduce_enum_member),
    (types.ModuleType, functions.reduce_module),
    (weakref.ref, weak_references.reduce_weak_reference),
    (property, descriptors.reduce_property),
    (staticmethod, descriptors.reduce_wrapping_method),
    (classmethod, descriptors.reduce_wrapping_method),
    (io.TextIOWrapper, files.reduce_file),
    (io.BufferedReader, files.reduce_file),
    (io.BufferedWriter, files.reduce_file),
    (io.BufferedRandom, files.reduce_file),
    (io.FileIO, files.reduce_file),
    (io.BytesIO, files.reduce_memory_file),
    (io.StringIO, files.reduce_memory_file),
    (threading.Thread, threads.reduce_thread),
    (threading.local, threads.reduce_local),
)


def reducer_for(obj: object) -> Reducer | None:
    """The reducer for objects of the type of ``obj``, or None if pickle does it well by itself."""
    return registered.reducer_of_type(type(obj), _own_reducer_for) or _own_reducer_for(obj)


def _own_reducer_for(obj: object) -> Reducer | None:
    cls = type(obj)
    exact = _EXACT.get(cls)
    if exact is not None:
        return exact
    if remedy_for(cls) is not None:
        return refuse
    if mocks.is_mock(cls):
        return mocks.reduce_mock
    for base, reducer in _SUBCLASSES:
        if issubclass(cls, base):
            return reducer
    if anyio_state.is_run_variable(cls):
        return anyio_state.reduce_run_variable
    if (of_library := libraries.reducer_of_libraries(cls)) is not None:
        return of_library
    if not _has_default_reduction(cls):
        return None
    if cls.__module__ == "itertools":
        return itertools_objects.reduce_itertools_object
    if frames.unavailable_reason() is None and frames.read_awaitable(obj) is not None:
        return suspended.reduce_awaitable
    is_plain = _is_plain(cls)
    of_instances = instances.reducer_of_instances(cls, is_plain=is_plain) or (None if is_plain else reduce_widely)
    return marks.reducer_of_marks(cls, of_instances)


def _has_default_reduction(cls: type) -> bool:
    return (
        _attribute(cls, "__reduce__") is object.__reduce__
        and _attribute(cls, "__reduce_ex__") is object.__reduce_ex__
        and cls not in copyreg.dispatch_table
        and cls is not types.BuiltinFunctionType
    )


def _attribute(cls: type, name: str) -> object:
    return getattr(cls, name)


def _is_plain(cls: type) -> bool:
    """Whether every class above was made by a class statement: then the default of pickle is right."""
    return all(base is object or ("__module__" in base.__dict__ and _has_python_layout(base)) for base in cls.__mro__)


def _has_python_layout(cls: type) -> bool:
    return bool(cls.__flags__ & 1 << 9) and (
        "__dict__" in cls.__dict__ or "__slots__" in cls.__dict__ or bool(cls.__dictoffset__)
    )
