"""Cells that use the locks and queues of asyncio."""

from __future__ import annotations

from program_table import Programs

PROGRAMS = Programs()
program = PROGRAMS.add

program(
    "condition: notify some, wait_for, cancelled while waiting",
    """
log = []
condition = asyncio.Condition()
stock = []
async def taker(name):
    async with condition:
        await condition.wait_for(lambda: stock)
        log.append((name, stock.pop()))
takers = [asyncio.create_task(taker(i)) for i in range(3)]
await turn()
takers[1].cancel()
await asyncio.wait([takers[1]])
for i in range(2):
    async with condition:
        stock.append(i)
        await turn()
        condition.notify(1)
    await asyncio.sleep(1)
await asyncio.gather(takers[0], takers[2])
result = log, takers[1].cancelled(), condition.locked()
""",
)
program(
    "semaphores, bounded too, with waiters that give up",
    """
log = []
plain, bounded = asyncio.Semaphore(1), asyncio.BoundedSemaphore(2)
async def user(semaphore, name):
    async with semaphore:
        log.append(name)
        await turn()
        await asyncio.sleep(2)
users = [asyncio.create_task(user(plain, i)) for i in range(4)] + [
    asyncio.create_task(user(bounded, 10 + i)) for i in range(4)]
await asyncio.sleep(1)
users[2].cancel()
try:
    await asyncio.wait_for(plain.acquire(), 1)
except TimeoutError:
    log.append("gave up")
await asyncio.wait(users)
try:
    bounded.release()
except ValueError:
    log.append("bounded")
result = log, plain.locked(), plain._value, bounded._value
""",
)
program(
    "barrier, used twice, and one that is broken",
    """
log = []
barrier = asyncio.Barrier(3)
async def party(i):
    await asyncio.sleep(i)
    async with barrier as place:
        log.append(("in", place, barrier.n_waiting))
        await turn()
    await asyncio.sleep(1)
    try:
        await barrier.wait()
        log.append(("again", i))
        await barrier.wait()
    except asyncio.BrokenBarrierError:
        log.append(("broken", i))
parties = [asyncio.create_task(party(i)) for i in range(3)]
while not any(entry[0] == "again" for entry in log):
    await asyncio.sleep(1)
parties[0].cancel()
await asyncio.sleep(1)
await barrier.abort()
result = await asyncio.gather(*parties, return_exceptions=True) and sorted(map(repr, log)), barrier.broken
""",
)
program(
    "queues of three kinds, full and empty, and join",
    """
log = []
async def through(queue, items):
    async def put():
        for item in items:
            await queue.put(item)
    async def get():
        for _ in items:
            log.append(await queue.get())
            await turn()
            queue.task_done()
    async with asyncio.TaskGroup() as group:
        group.create_task(put())
        group.create_task(get())
        await queue.join()
        log.append((type(queue).__name__, queue.empty(), queue.full()))
for queue in (asyncio.Queue(2), asyncio.PriorityQueue(2), asyncio.LifoQueue(2)):
    await through(queue, [3, 1, 2, 0])
full = asyncio.Queue(1)
full.put_nowait("x")
putters = [asyncio.create_task(full.put(i)) for i in range(3)]
await turn()
putters[1].cancel()
await asyncio.sleep(1)
log.append([await full.get() for _ in range(3)])
try:
    full.get_nowait()
except asyncio.QueueEmpty:
    log.append("empty")
result = log
""",
)
program(
    "a queue that is shut down",
    """
log = []
queue = asyncio.Queue(1)
async def consume(name):
    try:
        while True:
            log.append((name, await queue.get()))
            await turn()
    except asyncio.QueueShutDown:
        log.append((name, "over"))
consumers = [asyncio.create_task(consume(n)) for n in "ab"]
async def produce():
    try:
        for i in range(10):
            await queue.put(i)
            await asyncio.sleep(1)
    except asyncio.QueueShutDown:
        log.append("no more")
producer = asyncio.create_task(produce())
await asyncio.sleep(2.5)
queue.shutdown()
await asyncio.gather(producer, *consumers)
result = log
""",
    (3, 13),
)
program(
    "event that is set, cleared and set again",
    """
log = []
event = asyncio.Event()
async def waiter(i):
    await event.wait()
    log.append((i, event.is_set()))
    await turn()
    await event.wait()
    log.append((i, "again"))
waiters = [asyncio.create_task(waiter(i)) for i in range(3)]
await asyncio.sleep(1)
event.set()
await asyncio.sleep(1)
event.clear()
await asyncio.sleep(1)
event.set()
await asyncio.gather(*waiters)
result = log
""",
)
program(
    "lock: order of waiters, one is cancelled, held over a move",
    """
log = []
lock = asyncio.Lock()
async def user(i):
    async with lock:
        log.append(i)
        await turn()
await lock.acquire()
users = [asyncio.create_task(user(i)) for i in range(4)]
await turn()
users[1].cancel()
await asyncio.sleep(1)
lock.release()
await asyncio.wait(users)
result = log, lock.locked(), users[1].cancelled()
""",
)
