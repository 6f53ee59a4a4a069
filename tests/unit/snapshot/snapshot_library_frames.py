"""Cells that wait inside functions of installed packages. Each leaves a ``result``; its first word is the package."""

from __future__ import annotations

LIBRARY_PROGRAMS: dict[str, str] = {}


def program(name: str, source: str) -> None:
    LIBRARY_PROGRAMS[name] = source


program(
    "asyncio and contextlib",
    """
import contextlib
log = []
@contextlib.asynccontextmanager
async def cm(n):
    log.append(("in", n)); await turn()
    try: yield n
    finally: await turn(); log.append(("out", n))
async def w(n):
    async with cm(n), asyncio.timeout(50), asyncio.Semaphore(1):
        await asyncio.wait_for(turn(), 100)
    return n
q = asyncio.Queue(1)
async with asyncio.TaskGroup() as tg:
    ts = [tg.create_task(w(i)) for i in range(2)]
    tg.create_task(q.put(1))
    await q.get()
    await asyncio.shield(turn())
async def gen():
    for t in asyncio.as_completed([w(5), w(6)]): yield await t
values = sorted([x async for x in gen()])
result = sorted(log), values, [t.result() for t in ts]
""",
)
program(
    "anyio",
    """
import anyio
log = []
async def child(n):
    await anyio.sleep(n)
    log.append((n, await turn() >= 0))
async with anyio.create_task_group() as tg:
    for i in range(3): tg.start_soon(child, i)
    with anyio.move_on_after(5) as scope:
        await anyio.sleep(100)
    log.append(scope.cancelled_caught)
send, receive = anyio.create_memory_object_stream(1)
async with send, receive, anyio.create_task_group() as tg:
    tg.start_soon(send.send, "x")
    await anyio.sleep(1)
    log.append(await receive.receive())
ev, lock, lim = anyio.Event(), anyio.Lock(), anyio.CapacityLimiter(1)
async def waits():
    async with lock, lim: await ev.wait(); log.append("ev")
async with anyio.create_task_group() as tg:
    tg.start_soon(waits); tg.start_soon(waits)
    await anyio.sleep(1); ev.set()
try:
    with anyio.fail_after(1):
        await anyio.sleep(10)
except TimeoutError: log.append("late")
result = log
""",
)
program(
    "tenacity",
    """
import tenacity
log = []
@tenacity.retry(
    stop=tenacity.stop_after_attempt(4),
    wait=tenacity.wait_fixed(2),
    retry=tenacity.retry_if_exception_type(KeyError),
    before_sleep=lambda s: log.append(("sleep", s.attempt_number)),
)
async def flaky(n):
    await turn()
    log.append(("call", n))
    if len(log) < 5: raise KeyError(n)
    return "fine"
log.append(await flaky(1))
async for attempt in tenacity.AsyncRetrying(stop=tenacity.stop_after_attempt(3), wait=tenacity.wait_none()):
    with attempt:
        await turn()
        log.append(attempt.retry_state.attempt_number)
        if attempt.retry_state.attempt_number < 3: raise ValueError("x")
async def bad():
    await turn()
    1 / 0
try:
    await tenacity.AsyncRetrying(stop=tenacity.stop_after_attempt(2))(bad)
except tenacity.RetryError as e:
    log.append(repr(e.last_attempt.exception()))
result = log, flaky.statistics["attempt_number"]
""",
)
program(
    "httpx",
    """
import httpx
log = []
async def handler(request):
    log.append(request.url.path)
    await turn()
    if request.url.path == "/redirect": return httpx.Response(302, headers={"location": "/end"})
    async def body():
        for i in range(3):
            yield b"part%d " % i
            await turn()
    return httpx.Response(200, content=body(), headers={"x-a": "1"})
async def hook(r): log.append(r.status_code); await turn()
settings = {"base_url": "http://x", "follow_redirects": True, "event_hooks": {"response": [hook]}}
async with httpx.AsyncClient(transport=httpx.MockTransport(handler), **settings) as client:
    r = await client.get("/redirect", params={"q": "1"})
    log.append((r.status_code, r.text, [h.status_code for h in r.history]))
    async with client.stream("GET", "/s") as s:
        async for chunk in s.aiter_bytes():
            log.append(chunk)
            await turn()
    rs = await asyncio.gather(client.get("/a"), client.post("/b", json={"k": [1]}))
    log.append([x.text for x in rs])
result = log
""",
)
