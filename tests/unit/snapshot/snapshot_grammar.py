"""Random programs: functions, generators and a cell out of awaits, loops, ``try``, ``with`` and calls.

Every value is an int, every loop ends, and every function calls only those before it; so a program ends, if only by an
exception. ``pause`` waits for a turn as long as the program has turns left.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["function", "async generator", "generator", "cell"]

TURNS = 20
"""How many waits one program has."""

HEAD = f"""
import contextlib, sys
log, turns_used = [], 0

async def pause():
    global turns_used
    turns_used += 1
    if turns_used > {TURNS} or len(log) > 400:
        return turns_used % 3
    return await turn()

def both(*values, **named):
    return (sum(values) + sum(named.values())) % 97

def note(value):
    log.append(value)
    return value

class Context:
    def __init__(self, name, swallow=False):
        self.name, self.swallow = name, swallow
    def __enter__(self):
        log.append(("enter", self.name))
        return self.name
    def __exit__(self, kind, error, trace):
        log.append(("exit", self.name, repr(error)))
        return self.swallow and isinstance(error, Exception)
    async def __aenter__(self):
        await pause()
        return self.__enter__()
    async def __aexit__(self, kind, error, trace):
        await pause()
        return self.__exit__(kind, error, trace)

@contextlib.contextmanager
def managed(name):
    try:
        yield name
    except KeyError as error:
        log.append(("managed", repr(error)))
    finally:
        log.append(("left", name))

@contextlib.asynccontextmanager
async def managed_too(name):
    await pause()
    try:
        yield name
    except ValueError as error:
        await pause()
        log.append(("managed too", repr(error), repr(error.__context__)))
        raise
    finally:
        await pause()

def described(error):
    lines, entry = [], error.__traceback__
    while entry is not None:
        lines.append((entry.tb_frame.f_code.co_name, entry.tb_lineno))
        entry = entry.tb_next
    links = [described(link) for link in (error.__cause__, error.__context__) if link is not None]
    inner = [described(each) for each in getattr(error, "exceptions", ())]
    return repr(error), lines, error.__suppress_context__, links, inner
"""

TAIL = """
try:
    value = await main()
except Exception as error:
    value = described(error)
result = value, log
"""

_ERRORS = ("ValueError", "KeyError", "LookupError", "RuntimeError")
_VARIABLES = ("a", "b", "c")


@dataclass
class _Place:
    """Where a statement stands."""

    kind: Kind
    depth: int = 0
    in_loop: bool = False
    in_handler: bool = False
    in_star: bool = False
    may_return: bool = True
    callable: dict[str, list[str]] = field(default_factory=dict)

    def inside(self, **changes: bool) -> _Place:
        values = {name: getattr(self, name) for name in ("in_loop", "in_handler", "in_star", "may_return")} | changes
        return _Place(self.kind, self.depth + 1, callable=self.callable, **values)

    @property
    def may_await(self) -> bool:
        return self.kind != "generator"


class _Writer:
    """``statements``: about how many the program has at most."""

    def __init__(self, choices: random.Random, statements: int) -> None:
        self.pick = choices.choice
        self._choices = choices
        self._left = statements
        self._names = 0

    def number(self, most: int) -> int:
        return self._choices.randint(0, most)

    def fresh(self) -> str:
        self._names += 1
        return f"x{self._names}"

    # --- expressions --------------------------------------------------------------------------------------------------

    def value(self, place: _Place, depth: int = 0) -> str:
        simple = ["number", "variable", "variable"]
        if place.may_await:
            simple += ["await", "await"]
        compound = ["call", "sum", "f-string", "comparison", "ternary", "walrus", "display", "lambda", "subscript"]
        if place.may_await:
            compound += ["function", "comprehension", "async comprehension", "anext", "dict comprehension"]
        kind = self.pick(simple if depth > 1 else simple + compound)
        return self._expression(kind, place, lambda: self.value(place, depth + 1))

    def _expression(self, kind: str, place: _Place, part: Callable[[], str]) -> str:
        name = self.fresh()
        if kind == "number":
            return str(self.number(9))
        if kind == "variable":
            return self.pick(list(_VARIABLES))
        if kind == "await":
            return "(await pause())"
        if kind == "call":
            return f"both({part()}, {part()}, *[{part()}], k={part()}, **{{'z': {part()}}})"
        if kind == "sum":
            return f"({part()} + {part()} * 2 - {part()})"
        if kind == "f-string":
            simple = self.value(place, 2), self.value(place, 2)  # 3.11 allows neither braces nor quotes inside
            return f"len(f'{{{simple[0]}}}:{{{simple[1]}!r:>4}}')"
        if kind == "comparison":
            return f"int({part()} <= {part()} < {part()})"
        if kind == "ternary":
            return f"({part()} if {part()} % 2 else ({part()} and {part()} or {part()}))"
        if kind == "walrus":
            return f"(({self.pick(list(_VARIABLES))} := {part()}) + {part()})"
        if kind == "display":
            return f"sum([*({part()}, {part()}), *{{{part()}: {part()}}}, *{{{part()}, 1}}])"
        if kind == "lambda":
            return f"(lambda {name}: {name} + {self.pick(list(_VARIABLES))})({part()})"
        if kind == "subscript":
            return f"[{part()}, 1, 2][{part()} % 3]"
        if kind == "comprehension":
            return f"sum([{name} + {part()} for {name} in range({self.number(2)}) if {part()} >= 0])"
        if kind == "dict comprehension":
            return f"len({{{name}: {part()} for {name} in ({self.value(place, 2)}, 5)}})"
        if kind == "async comprehension":
            return f"sum([{name} + {part()} async for {name} in {self._async_iterable(place)}])"
        if kind == "anext":
            return f"(await anext({self._async_iterable(place)}, {part()}))"
        return self._call(place, part)

    def _call(self, place: _Place, part: Callable[[], str]) -> str:
        functions = place.callable["function"]
        if not functions:
            return "(await pause())"
        call = f"{self.pick(functions)}({part()})"
        kind = self.pick(["plain", "plain", "plain", "gather", "task", "wait_for"])
        if kind == "gather":
            return f"sum(await asyncio.gather({call}, pause()))"
        if kind == "task":
            return f"(await asyncio.create_task({call}))"
        return f"(await asyncio.wait_for({call}, 1000))" if kind == "wait_for" else f"(await {call})"

    def _async_iterable(self, place: _Place) -> str:
        name = self.fresh()
        made = [f"({name} + await pause() for {name} in (1, 2))"]
        made += [f"{generator}({self.number(3)})" for generator in place.callable["async generator"]]
        return self.pick(made)

    def _iterable(self, place: _Place) -> str:
        made = ["range(2)", "[3, 4]", "{'k': 1, 'l': 2}.values()", "iter((5, 6))", "reversed([7, 8])"]
        made += ["map(both, (1, 2), (3, 4))", "enumerate('ab')"]
        made += [f"{generator}({self.number(3)})" for generator in place.callable["generator"]] * 2
        return self.pick(made)

    # --- statements ---------------------------------------------------------------------------------------------------

    def block(self, place: _Place) -> list[str]:
        lines: list[str] = []
        for _ in range(1 + self.number(2 if place.depth else 4) * (self._left > 0)):
            lines += self.statement(place)
        return [f"    {line}" for line in lines]

    def statement(self, place: _Place) -> list[str]:
        self._left -= 1
        kinds = ["note", "note", "assign", "augment", "raise", "raise from"]
        if place.depth < 4 and self._left > 0:
            kinds += ["if", "for", "while", "try", "try", "with", "closure", "match", "except star"]
            kinds += ["async for", "async with", "timeout"] * place.may_await
        kinds += ["leave the loop"] * (place.in_loop and not place.in_star)
        kinds += ["raise again"] * place.in_handler
        kinds += ["yield", "yield"] * ("generator" in place.kind)
        kinds += ["yield from"] * (place.kind == "generator")
        kinds += ["return"] * (place.kind == "function" and place.may_return)
        method = getattr(self, "_" + self.pick(kinds).replace(" ", "_"))
        lines: list[str] = method(place)
        return lines

    def _note(self, place: _Place) -> list[str]:
        return [f"note({self.value(place)})"]

    def _assign(self, place: _Place) -> list[str]:
        return [f"{self.pick(list(_VARIABLES))} = {self.value(place)}"]

    def _augment(self, place: _Place) -> list[str]:
        return [f"{self.pick(list(_VARIABLES))} += {self.value(place)}"]

    def _raise(self, place: _Place) -> list[str]:
        return [f"if {self.value(place)} % 3 == 0: raise {self.pick(list(_ERRORS))}({self.value(place)})"]

    def _raise_from(self, place: _Place) -> list[str]:
        cause = self.pick(["None", f"{self.pick(list(_ERRORS))}({self.value(place)})"])
        return [f"if {self.value(place)} % 4 == 1: raise {self.pick(list(_ERRORS))}({self.value(place)}) from {cause}"]

    def _raise_again(self, place: _Place) -> list[str]:
        return ["note(repr(sys.exc_info()[1]))", f"if {self.value(place)} % 2: raise"]

    def _leave_the_loop(self, place: _Place) -> list[str]:
        return [f"if {self.value(place)} % 2: {self.pick(['break', 'continue'])}"]

    def _return(self, place: _Place) -> list[str]:
        return [f"if {self.value(place)} % 3 == 1: return {self.value(place)}"]

    def _yield(self, place: _Place) -> list[str]:
        return [f"yield {self.value(place)}"]

    def _yield_from(self, place: _Place) -> list[str]:
        name = self.fresh()
        return [f"yield from ({name} if isinstance({name}, int) else 1 for {name} in {self._iterable(place)})"]

    def _if(self, place: _Place) -> list[str]:
        lines = [f"if {self.value(place)} % 2:", *self.block(place.inside())]
        return [*lines, "else:", *self.block(place.inside())] if self.number(1) else lines

    def _for(self, place: _Place) -> list[str]:
        lines = [f"for {self.fresh()} in {self._iterable(place)}:", *self._body(place)]
        return [*lines, "else:", *self.block(place.inside())] if self.number(1) else lines

    def _body(self, place: _Place) -> list[str]:
        return self.block(place.inside(in_loop=True, in_star=False))

    def _async_for(self, place: _Place) -> list[str]:
        body = self._body(place)
        if self.number(1):
            return [f"async for {self.fresh()} in {self._async_iterable(place)}:", *body]
        name = self.fresh()
        inner = [f"    async for {self.fresh()} in {name}:", *(f"    {line}" for line in body)]
        return [f"async with contextlib.aclosing({self._async_iterable(place)}) as {name}:", *inner]

    def _while(self, place: _Place) -> list[str]:
        name = self.fresh()
        body = self._body(place)
        return [f"{name} = 0", f"while {name} < 2:", f"    {name} += 1", *body]

    def _try(self, place: _Place) -> list[str]:
        lines = ["try:", *self.block(place.inside())]
        has_finally = self.number(1)
        if self.number(2) or not has_finally:
            name = self.fresh()
            caught = self.pick(["Exception", "(KeyError, ValueError)", "LookupError"])
            lines += [f"except {caught} as {name}:", f"    note(repr({name}))"]
            lines += self.block(place.inside(in_handler=True))
            lines += ["else:", *self.block(place.inside())] if self.number(1) else []
        return [*lines, "finally:", *self.block(place.inside())] if has_finally else lines

    def _except_star(self, place: _Place) -> list[str]:
        name, other = self.fresh(), self.fresh()
        lines = ["try:", *self.block(place.inside())]
        lines += ["    raise ExceptionGroup('g', [ValueError(1), ExceptionGroup('h', [KeyError(2), OSError(3)])])"]
        inside = place.inside(in_handler=True, in_star=True, may_return=False, in_loop=False)
        lines += [f"except* LookupError as {name}:", f"    note(repr({name}))", *self.block(inside)]
        return [*lines, f"except* Exception as {other}:", f"    note(repr({other}))", *self.block(inside)]

    def _with(self, place: _Place) -> list[str]:
        name = self.number(9)
        manager = self.pick(
            [f"Context({name})", f"Context({name}, True)", f"managed({name})", "contextlib.suppress(KeyError)"]
        )
        return [f"with {manager} as {self.fresh()}, Context({self.value(place)}):", *self.block(place.inside())]

    def _async_with(self, place: _Place) -> list[str]:
        name = self.number(9)
        manager = self.pick([f"Context({name})", f"Context({name}, True)", f"managed_too({name})"])
        if self.number(2):
            return [f"async with {manager} as {self.fresh()}:", *self.block(place.inside())]
        stack = self.fresh()
        lines = [
            f"    await {stack}.enter_async_context({manager})",
            f"    {stack}.callback(note, {self.value(place)})",
        ]
        return [f"async with contextlib.AsyncExitStack() as {stack}:", *lines, *self.block(place.inside())]

    def _timeout(self, place: _Place) -> list[str]:
        return ["async with asyncio.timeout(1000):", *self.block(place.inside())]

    def _match(self, place: _Place) -> list[str]:
        first, second = self.fresh(), self.fresh()
        lines = [f"match [{self.value(place)}, {self.value(place)}, 3]:"]
        lines += [f"    case [{first}, *{second}] if {self.value(place)} % 2:"]
        lines += [f"    {line}" for line in self.block(place.inside())]
        lines += [f"    case {second}:"]
        return [*lines, *(f"    {line}" for line in self.block(place.inside()))]

    def _closure(self, place: _Place) -> list[str]:
        name, changed = self.fresh(), self.pick(list(_VARIABLES))
        outer = "global" if place.kind == "cell" else "nonlocal"
        lines = [f"def {name}(y={self.value(place)}):", f"    {outer} {changed}", f"    {changed} += y + 1"]
        call = f"note({name}() + {self.value(place)})"
        if not place.may_await:
            return [*lines, f"    return {changed}", call]
        awaiting = [f"    {changed} += await pause()", f"    return {changed} + {self.pick(list(_VARIABLES))}"]
        return [f"async {lines[0]}", *lines[1:], *awaiting, f"note(await {name}() + {self.value(place)})"]


def program(seed: int, statements: int) -> str:
    """The source of a cell that leaves a ``result``; the same for the same numbers."""
    writer = _Writer(random.Random(seed), statements)
    names: dict[str, list[str]] = {"function": [], "async generator": [], "generator": []}
    lines = [HEAD]
    kinds: list[Kind] = ["generator", "async generator", "function", "function"]
    for number in range(writer.number(3) + 1):
        kind: Kind = "function" if not number else writer.pick(list(kinds))  # type: ignore[assignment]
        place = _Place(kind, callable={key: list(found) for key, found in names.items()})
        define = "def" if kind == "generator" else "async def"
        lines += [f"{define} f{number}(a, b=2, *, c=3):", *writer.block(place)]
        lines += ["    yield a + b"] if "generator" in kind else ["    return both(a, b, c)"]
        names[kind].append(f"f{number}")
    place = _Place("function", callable=names)
    lines += ["async def main(a=1, b=2, c=3):", *writer.block(place), "    return both(a, b, c)"]
    cell = _Place("cell", callable=names)
    lines += ["a = b = c = 1", "try:", *writer.block(cell), "except Exception as error:", "    note(described(error))"]
    return "\n".join(lines) + TAIL
