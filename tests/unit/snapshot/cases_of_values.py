"""Values and resources of the standard library, see :mod:`snapshot_cases`."""

from __future__ import annotations

CASES = {
    "patterns and matches": (
        r"""
        import re

        p = re.compile("(?P<a>\\w)(\\d)", re.I)
        m = p.search("xx a1 b2")
        m2 = re.match("a", "abc")
        bm = re.search(b"\\d", b"a1")
        """,
        r"""
        assert p.pattern
        assert m.group("a") == "a"
        assert m.span() == (3, 5)
        assert m2.string == "abc"
        assert bm.group() == b"1"
        assert m.re is p
        """,
    ),
    "values of the standard library": (
        r"""
        import random, decimal, datetime, zoneinfo, uuid
        import ipaddress, array, fractions, collections

        r = random.Random(3)
        r.random()
        r2 = random.SystemRandom()
        st = r.getstate()
        ctx = decimal.Context(prec=5)
        ctx.traps[decimal.Inexact] = True
        d = decimal.Decimal("1.10")
        tz = zoneinfo.ZoneInfo("Europe/Berlin")
        dt = datetime.datetime(2024, 7, 1, 12, fold=1, tzinfo=tz)
        td = datetime.timedelta(1)
        off = datetime.timezone(datetime.timedelta(hours=2), "X")
        u = uuid.uuid4()
        ip = ipaddress.ip_network("10.0.0.0/8")
        a = array.array("d", [1, 2])
        fr = fractions.Fraction(1, 3)
        dq = collections.deque([1, 2], maxlen=2)
        c = collections.Counter("aab")
        od = collections.OrderedDict(a=1, b=2)
        od.move_to_end("a")
        cm = collections.ChainMap({"a": 1}, {"b": 2})
        dd = collections.defaultdict(list, a=[1])
        gen = random.Random(3)
        gen.random()
        expected = [gen.random() for _ in range(3)]
        nokey = zoneinfo.ZoneInfo.no_cache("UTC")
        """,
        r"""
        assert [r.random() for _ in range(3)] == expected
        assert ctx.prec == 5
        assert ctx.traps[decimal.Inexact]
        assert d == decimal.Decimal("1.10")
        assert dt.tzinfo is tz
        assert dt.fold == 1
        assert zoneinfo.ZoneInfo("Europe/Berlin") is tz
        assert off.tzname(None) == "X"
        assert a[1] == 2
        assert dq.maxlen == 2
        assert list(od) == ["b", "a"]
        assert cm["b"] == 2
        assert dd["z"] == []
        assert c["a"] == 2
        assert u.version == 4
        """,
    ),
    "views of memory": (
        r"""
        import array

        a = array.array("i", range(100))
        v = memoryview(a)
        part = v[2:10:2]
        ba = bytearray(b"abcdef")
        bv = memoryview(ba)[1:3]
        ro = memoryview(b"xyz")
        c2 = memoryview(bytearray(range(24))).cast("B", [2, 3, 4])
        sub = memoryview(ba)[2:]
        rel = memoryview(b"q")
        rel.release()
        """,
        r"""
        a[2] = 99
        assert part[0] == 99
        assert v[2] == 99
        assert part.tolist()[1] == 4
        bv[0] = 90
        assert ba[1] == 90
        assert ro.readonly
        assert c2.shape == (2, 3, 4)
        assert c2[1, 2, 3] == 23
        assert bytes(sub) == bytes(ba[2:])
        try:
            len(rel)
        except ValueError:
            pass
        else:
            raise AssertionError
        """,
    ),
    "views of large memory": (
        r"""
        import array

        big = array.array("d", range(20000))
        bv = memoryview(big)
        ba = bytearray(200000)
        mv = memoryview(ba)
        """,
        r"""
        bv[3] = -1
        assert big[3] == -1
        mv[4] = 7
        assert ba[4] == 7
        """,
    ),
    "values of ctypes": (
        r"""
        import ctypes

        i = ctypes.c_int(4)
        arr = (ctypes.c_int * 3)(1, 2, 3)

        class P(ctypes.Structure):
            _fields_ = [("x", ctypes.c_int), ("y", ctypes.c_double)]

        p = P(1, 2.5)
        buf = ctypes.create_string_buffer(b"abc", 10)

        class U(ctypes.Union):
            _fields_ = [("a", ctypes.c_int), ("b", ctypes.c_float)]

        u = U(a=3)

        class Outer(ctypes.Structure):
            _fields_ = [("p", P), ("q", ctypes.c_int)]

        o = Outer(P(1, 2), 3)
        AT = ctypes.c_int * 4
        """,
        r"""
        assert i.value == 4
        assert list(arr) == [1, 2, 3]
        assert p.x == 1
        assert p.y == 2.5
        assert buf.value == b"abc"
        assert u.a == 3
        assert o.p.y == 2
        assert type(p) is P
        assert P(5).x == 5
        assert AT(1, 2)[1] == 2
        assert AT is ctypes.c_int * 4
        """,
    ),
    "values of ctypes in other memory": (
        r"""
        import ctypes

        ba = bytearray(8)
        c = ctypes.c_int.from_buffer(ba)

        class P(ctypes.Structure):
            _fields_ = [("x", ctypes.c_int)]

        arr = (P * 2)()
        e = arr[0]
        """,
        r"""
        c.value = 7
        assert ba[0] == 7
        e.x = 5
        assert arr[0].x == 5
        """,
    ),
    "paths": (
        r"""
        import pathlib

        p = pathlib.Path(TMP) / "x"
        pp = pathlib.PurePosixPath("/a")
        """,
        r"""
        assert p.name == "x"
        assert pp.name == "a"
        """,
    ),
    "locks and events": (
        r"""
        import threading

        l = threading.Lock()
        r = threading.RLock()
        c = threading.Condition()
        e = threading.Event()
        e.set()
        s = threading.Semaphore(2)
        s.acquire()
        bs = threading.BoundedSemaphore(2)
        b = threading.Barrier(2)
        loc = threading.local()
        loc.x = 1
        tm = threading.Timer(5, print)
        c2 = threading.Condition(l)
        """,
        r"""
        assert c2._lock is l
        assert e.is_set()
        assert loc.x == 1
        s.acquire()
        assert not s.acquire(blocking=False)
        l.acquire()
        l.release()
        with c:
            pass
        """,
    ),
    "closed sockets and finished processes": (
        r"""
        import socket, subprocess, sys

        s = socket.socket()
        s.close()
        p = subprocess.Popen([sys.executable, "-c", "print(1)"], stdout=subprocess.PIPE)
        out, _ = p.communicate()
        cp = subprocess.run(["true"])
        import sqlite3

        con = sqlite3.connect(":memory:")
        con.row_factory = sqlite3.Row
        row = con.execute("select 1 a, 2 b").fetchone()
        con.close()
        row2 = tuple(row)
        del con, row
        """,
        r"""
        assert p.returncode == 0
        assert p.poll() == 0
        assert p.wait() == 0
        assert out == b"1\n"
        assert cp.returncode == 0
        assert s.fileno() == -1
        """,
    ),
    "idle executors": (
        r"""
        import concurrent.futures as cf

        ex = cf.ThreadPoolExecutor(2)
        f = ex.submit(lambda: 5)
        f.result()
        """,
        r"""
        assert f.result() == 5
        assert ex.submit(lambda: 6).result() == 6
        ex.shutdown()
        """,
    ),
    "parsers and trees": (
        r"""
        import xml.etree.ElementTree as ET, ast, json, struct
        import email.message, urllib.parse, html.parser

        e = ET.fromstring("<a><b x='1'>t</b></a>")
        t = ast.parse("x=1")
        et = ET.ElementTree(e)
        d = json.JSONDecoder()
        st = struct.Struct("i")
        em = email.message.EmailMessage()
        em["a"] = "b"
        u = urllib.parse.urlparse("http://a/b")
        hp = html.parser.HTMLParser()
        hp.feed("<a")
        """,
        r"""
        assert e[0].get("x") == "1"
        assert et.getroot() is e
        assert ast.unparse(t) == "x = 1"
        assert st.size == 4
        assert em["a"] == "b"
        assert u.netloc == "a"
        """,
    ),
    "decoders half-way": (
        r"""
        import codecs

        inc = codecs.getincrementaldecoder("utf-8")()
        s = inc.decode("é".encode()[:1])
        ci = codecs.lookup("utf-8")
        sr = codecs.open(TMP + "/c", "w", "utf-8") if False else None
        """,
        r"""
        assert inc.decode("é".encode()[1:]) == "é"
        assert ci.name == "utf-8"
        """,
    ),
    "what the process has": (
        r"""
        import os, contextlib, io

        out = io.StringIO()
        rd = contextlib.redirect_stdout(out)
        stt = os.stat(TMP)
        tz = os.terminal_size((1, 2))
        env = os.environ
        sf = __import__("sys").float_info
        vi = __import__("sys").version_info
        fl = __import__("sys").flags
        import sys, builtins, time

        ns = sys.implementation
        stt2 = time.gmtime(0)
        so = sys.stdout
        """,
        r"""
        assert env is os.environ
        assert stt.st_mode
        assert stt2.tm_year == 1970
        assert vi == sys.version_info
        assert ns.name == "cpython"
        """,
    ),
}
