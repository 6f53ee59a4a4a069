"""Cells that wait while an iterator of some kind is half consumed. Each leaves a ``result``."""

from __future__ import annotations

ITERATOR_PROGRAMS: dict[str, str] = {}


def program(name: str, source: str) -> None:
    ITERATOR_PROGRAMS[name] = source


program(
    "dict iterators",
    """
d = {"a": 1, "b": 2, "c": 3}
its = [iter(d), iter(d.keys()), iter(d.values()), iter(d.items()), reversed(d), reversed(d.values())]
its.append(reversed(d.items()))
for i in its: next(i)
used = iter({})
list(used)
await turn()
d["a"] = [5]
d["b"] = 7
log = [list(i) for i in its]
its2 = [iter(d), iter(d.values()), reversed(d), iter(d.items())]
for i in its2: next(i)
await turn()
d["new"] = 1
def tr(i):
    try: return next(i)
    except Exception as e: return repr(e)
log += [tr(i) for i in its2] + [list(used)]
result = log
""",
)
program(
    "dict loop changed",
    """
d = {"a": 1, "b": 2}
log = []
try:
    for k in d:
        log.append(k)
        await turn()
        d["x"] = 1
except RuntimeError as e:
    log.append(repr(e))
result = log
""",
)
program(
    "dict loop keys changed",
    """
d = {"a": 1, "b": 2, "c": 4}
del d["b"]; d["e"] = 1
log = []
try:
    for k in d:
        log.append(k)
        await turn()
        d.pop("c",0); d["x"]=1
except RuntimeError as e:
    log.append(repr(e))
result = log
""",
)
program(
    "dict with holes",
    """
d = {i: i for i in range(20)}
for i in range(0, 20, 3): del d[i]
log = []
for k, v in d.items():
    log.append((k, v)); await turn()
    d[k] = v + 100
result = log, list(d.items())
""",
)
program(
    "exhausted dict iterators",
    """
d = {"a": 1}
i, j = iter(d), reversed(d)
list(i), list(j)
await turn()
d["b"] = 2
result = list(i), list(j)
""",
)
program(
    "ordered dict iterators",
    """
import collections
d = collections.OrderedDict(a=1, b=2, c=3)
its = [iter(d), iter(d.values()), iter(d.items()), reversed(d), reversed(d.items())]
for i in its: next(i)
await turn()
d["b"] = 5
log = [list(i) for i in its]
i = iter(d); next(i)
await turn()
d["z"] = 1
try: log.append(list(i))
except RuntimeError as e: log.append(repr(e))
result = log
""",
)
program(
    "set iterators",
    """
s = {1, 2, 3, 40, 41}
i = iter(s); first = next(i)
f = iter(frozenset("abc")); g = next(f)
await turn()
log = [first, list(i), sorted([g, *f])]
j = iter(s); next(j)
await turn()
s.add(99)
try: log.append(next(j))
except RuntimeError as e: log.append(repr(e))
result = log
""",
)
program(
    "set loop",
    """
s = {3, 7, 11, 19}
seen = []
for x in s:
    seen.append(x)
    await turn()
result = seen
""",
)
program(
    "list iterators",
    """
l = [1,2,3,4]
its = [iter(l), reversed(l), iter((1,2,3)), iter(range(5)), iter(range(10**20, 10**20+5)), iter("abcé")]
its += [iter(b"abc"), iter(bytearray(b"abc")), reversed((1,2)), reversed(range(4)), reversed("xyz")]
for i in its: next(i)
e = iter(l); list(e)
await turn()
l.append(5)
result = [list(i) for i in its], list(e)
""",
)
program(
    "deque iterators",
    """
import collections
q = collections.deque([1,2,3,4])
i, j = iter(q), reversed(q)
next(i), next(j)
await turn()
log = [list(i), list(j)]
k = iter(q); next(k)
await turn()
q.append(1)
try: log.append(list(k))
except RuntimeError as e: log.append(repr(e))
result = log
""",
)
program(
    "itertools",
    """
import itertools as it
l = [1,2,3,4,5,6]
its = [it.count(3, 2), it.cycle(l), it.repeat("x", 4), it.accumulate(l), it.chain(l, "ab")]
its += [it.batched(l, 2) if hasattr(it, "batched") else it.count(), it.chain.from_iterable([l, l])]
its += [it.compress(l, [1,0,1,0,1,1]), it.dropwhile(lambda x: x < 2, l), it.takewhile(lambda x: x < 5, l)]
its += [it.filterfalse(lambda x: x % 2, l), it.islice(l, 1, 5, 2), it.pairwise(l)]
its += [it.starmap(pow, [(1,2),(3,4),(5,6)]), it.zip_longest(l, "ab", fillvalue=0), it.product("ab", [1,2])]
its += [it.permutations("abc", 2), it.combinations("abcd", 2), it.combinations_with_replacement("ab", 2)]
its += [it.repeat(5), it.count(1.5)]
a, b = it.tee(iter(l)); its += [a, b]
for i in its: next(i)
next(a)
await turn()
result = [list(it.islice(i, 8)) for i in its]
""",
)
program(
    "groupby",
    """
import itertools as it
g = it.groupby("aabbbc")
k, grp = next(g); next(grp)
await turn()
log = [k, list(grp)]
k, grp = next(g)
for x in grp:
    log.append((k, x)); await turn()
result = log, [(k, list(v)) for k, v in g]
""",
)
program(
    "composed",
    """
def gen():
    for i in range(9): yield i
l = [1,2,3]
z = zip(gen(), l, map(lambda x, y: x + y, gen(), gen()), enumerate(filter(None, gen()), 5))
next(z)
s = iter([5,4,3,2,1].pop, 4)
zs = zip([1,2],[3], strict=True); next(zs)
await turn()
log = list(z), next(s), next(s)
try: log += (list(zs),)
except ValueError as e: log += (repr(e),)
result = log, list(s)
""",
)
program(
    "islice over shared list",
    """
import itertools as it
l = [1, 2, 3]
i = it.islice(iter(l), 10); next(i)
c = it.cycle(l); next(c); next(c)
await turn()
l.append(4)
result = list(i), [next(c) for _ in range(8)]
""",
)
program(
    "getitem iterator",
    """
class Seq:
    def __getitem__(self, i):
        if i > 4: raise IndexError
        return i
i = iter(Seq()); next(i); r = iter(Seq())
await turn()
result = list(i), list(r)
""",
)
program(
    "enumerate dict",
    """
d = {"a": 1, "b": 2}
log = []
for n, (k, v) in enumerate(d.items()):
    log.append((n, k, v)); d[k] = 9
    await turn()
    d["b"] = 50
result = log
""",
)
program(
    "comprehension over dict",
    """
d = {"a": 1, "b": 2}
async def set_b():
    d["b"] = 50
    return await turn()
result = [(k, v, await set_b()) for k, v in d.items()]
""",
)
program(
    "mapping proxy and views",
    """
import types
d = {"a": 1, "b": 2}
p = types.MappingProxyType(d); i = iter(p); next(i)
kv = p.items(); j = iter(kv); next(j)
await turn()
d["b"] = 9
result = list(i), list(j), kv == d.items()
""",
)
program(
    "dict subclass",
    """
import collections
class D(dict): pass
d = D(a=1, b=2); i = iter(d); next(i)
dd = collections.defaultdict(list, a=1, b=2); j = iter(dd.items()); next(j)
c = collections.Counter("abc"); k = iter(c); next(k)
await turn()
d["b"] = 3; dd["b"] = 4
log = list(i), list(j), list(k)
i = iter(d); next(i)
await turn()
d["q"] = 1
try: next(i)
except RuntimeError as e: log += (repr(e),)
result = log
""",
)
program(
    "a list that contains its own iterator",
    """
l = [1, 2, 3]
it = iter(l); next(it); l.append(it)
back = [1, 2, 3]
rev = reversed(back); next(rev); back.append(rev)
d = {"a": 1, "b": 2}
d["it"] = None
d["it"] = iter(d); next(d["it"])
await turn()
result = l[3] is it, next(it), next(it), next(it) is it, next(rev), next(rev), back[3] is rev, list(d["it"])
""",
)
program(
    "weak dictionaries half-way through their entries",
    """
import gc, weakref
class Thing: pass
things = [Thing() for _ in range(3)]
keys = weakref.WeakKeyDictionary({thing: i for i, thing in enumerate(things)})
values = weakref.WeakValueDictionary(enumerate(things))
log = []
for value in keys.values():
    log.append(value); await turn()
for key in values.keys():
    log.append(key); await turn()
half = iter(keys.items()); next(half)
await turn()
del things[0]
log += [len(list(half)), len(keys), len(values)]
del half
gc.collect()
keys[things[0]] = 7
result = log, len(keys), len(values), keys[things[0]], things[0] in keys
""",
)
program(
    "each place of a loop over what is reversed",
    """
log = []
for x in reversed([1, 2, 3]):
    log.append((x, await turn()))
result = log
""",
)
