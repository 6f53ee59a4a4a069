"""Files, see :mod:`snapshot_cases`."""

from __future__ import annotations

CASES = {
    "files in all modes": (
        r"""
        import io, os

        p = TMP + "/a.txt"
        f = open(p, "w+", encoding="utf-16", newline="")
        f.write("héllo\r\n")
        x = open(TMP + "/x.bin", "xb")
        x.write(b"12")
        ub = open(TMP + "/u.bin", "wb", buffering=0)
        ub.write(b"zz")
        ap = open(TMP + "/ap.txt", "a+")
        ap.write("start\n")
        ap.seek(0)
        first = ap.read(2)
        rp = open(TMP + "/rp.txt", "w")
        rp.write("0123456789")
        rp.close()
        rp = open(TMP + "/rp.txt", "r+")
        rp.read(3)
        lb = open(TMP + "/lb.txt", "w", buffering=1, errors="replace")
        lb.write("part")
        """,
        r"""
        f.write("x")
        f.seek(0)
        assert f.read() == "héllo\r\nx"
        assert f.encoding == "utf-16"
        assert f.mode == "w+"
        x.write(b"34")
        x.close()
        assert open(TMP + "/x.bin", "rb").read() == b"1234" and x.mode == "xb" or x.mode
        ub.write(b"y")
        ub.close()
        assert open(TMP + "/u.bin", "rb").read() == b"zzy"
        assert ap.read() == "art\n"
        ap.write("more")
        ap.close()
        assert open(TMP + "/ap.txt").read() == "start\nmore"
        assert rp.read(2) == "34"
        rp.seek(5)
        rp.write("X")
        rp.close()
        assert open(TMP + "/rp.txt").read() == "01234X6789"
        lb.write("ial\n")
        assert open(TMP + "/lb.txt").read() == "partial\n"
        assert lb.line_buffering
        assert lb.errors == "replace"
        f.close()
        lb.close()
        """,
    ),
    "a text file, its buffer and its descriptor": (
        r"""
        f = open(TMP + "/s.txt", "w+")
        b = f.buffer
        r = b.raw
        f.write("ab")
        fd = f.fileno
        d = {"f": f, "b": b}
        w2 = io_ = __import__("io").TextIOWrapper(open(TMP + "/t.txt", "wb"), encoding="latin-1")
        w2.write("é")
        """,
        r"""
        assert f.buffer is b
        assert b.raw is r
        assert d["b"] is b
        assert f.tell() == 2
        b.write(b"")
        f.close()
        assert b.closed
        assert r.closed
        w2.close()
        assert open(TMP + "/t.txt", "rb").read() == b"\xe9"
        """,
    ),
    "files of subclasses": (
        r"""
        import io

        class MyF(io.FileIO):
            tag = 1

        m = MyF(TMP + "/m.bin", "w")
        m.write(b"abc")
        m.note = 5

        class MyT(io.TextIOWrapper):
            pass

        t = MyT(open(TMP + "/t.txt", "wb"))
        t.write("q")
        """,
        r"""
        assert m.tell() == 3
        assert type(m) is MyF
        assert m.note == 5
        m.close()
        t.close()
        assert type(t) is MyT
        """,
    ),
    "files in memory, and what stands on them": (
        r"""
        import io

        s = io.StringIO("abc\ndef")
        s.readline()
        s.write("X")
        b = io.BytesIO(b"12345")
        b.seek(2)
        c = io.StringIO()
        c.close()
        n = io.StringIO("a\r\nb", newline=None)
        n.read(1)
        tw = io.TextIOWrapper(io.BytesIO("hé\nx".encode()), encoding="utf-8")
        tw.readline()
        br = io.BufferedReader(io.BytesIO(b"abcdef"))
        br.read(2)
        bw = io.BufferedWriter(io.BytesIO())
        bw.write(b"xy")

        class SIO(io.StringIO):
            pass

        so = SIO("q")
        so.extra = b
        mv = None
        """,
        r"""
        assert s.read() == "ef"
        assert s.getvalue() == "abc\nXef"
        assert b.read() == b"345"
        assert c.closed
        assert tw.read() == "x"
        assert br.read() == b"cdef"
        bw.flush()
        assert bw.raw.getvalue() == b"xy"
        assert so.extra is b
        assert n.read() == "\nb"
        """,
    ),
    "compressed files that are read": (
        r"""
        import gzip, bz2, lzma

        with gzip.open(TMP + "/a.gz", "wb") as w:
            w.write(b"hello world\nline2\n")
        with lzma.open(TMP + "/a.xz", "wb") as w:
            w.write(b"hello world\nline2\n")
        with bz2.open(TMP + "/a.bz2", "wb") as w:
            w.write(b"hello world\nline2\n")
        r = gzip.open(TMP + "/a.gz")
        a = r.read(6)
        t = gzip.open(TMP + "/a.gz", "rt")
        l1 = t.readline()
        x = lzma.open(TMP + "/a.xz")
        x.read(3)
        bz = bz2.open(TMP + "/a.bz2")
        bz.read(3)
        """,
        r"""
        assert r.read() == b"world\nline2\n"
        assert t.read() == "line2\n"
        assert x.read() == b"lo world\nline2\n"
        assert bz.read(2) == b"lo"
        for q in (r, t, x, bz):
            q.close()
        """,
    ),
    "archives": (
        r"""
        import zipfile, tarfile

        z = zipfile.ZipFile(TMP + "/z.zip", "w")
        z.writestr("a.txt", "one")
        with zipfile.ZipFile(TMP + "/r.zip", "w") as q:
            q.writestr("a.txt", "one")
            q.writestr("b.txt", "two")
        r = zipfile.ZipFile(TMP + "/r.zip")
        names = r.namelist()
        zi = r.infolist()[0]
        tw = tarfile.open(TMP + "/t.tar", "w")
        tw.add(TMP + "/r.zip", "r.zip")
        """,
        r"""
        z.writestr("b.txt", "two")
        z.close()
        assert zipfile.ZipFile(TMP + "/z.zip").namelist() == ["a.txt", "b.txt"]
        assert r.read("b.txt") == b"two"
        assert r.infolist()[0] is zi
        r.close()
        tw.add(TMP + "/z.zip", "z.zip")
        tw.close()
        assert tarfile.open(TMP + "/t.tar").getnames() == ["r.zip", "z.zip"]
        """,
    ),
    "writers of csv": (
        r"""
        import csv, io

        f = open(TMP + "/c.csv", "w", newline="")
        w = csv.writer(f, delimiter=";", quoting=csv.QUOTE_ALL)
        w.writerow([1, 2])
        dw = csv.DictWriter(f, ["a", "b"])
        dw.writeheader()

        class Dia(csv.excel):
            delimiter = "|"

        s = io.StringIO()
        w2 = csv.writer(s, Dia)
        """,
        r"""
        w.writerow([3])
        dw.writerow({"a": 1, "b": 2})
        f.close()
        assert open(TMP + "/c.csv").read().split() == ['"1";"2"', "a,b", '"3"', "1,2"]
        w2.writerow([1, 2])
        assert s.getvalue() == "1|2\r\n"
        """,
    ),
    "readers of csv": (
        r"""
        import csv

        rows = ["a,b", "1,2", "3,4"]
        r = csv.reader(rows)
        next(r)
        d = csv.DictReader(iter(rows))
        one = next(d)
        open(TMP + "/c.csv", "w").write("x,y\n1,2\n3,4\n")
        f = open(TMP + "/c.csv", newline="")
        fr = csv.reader(f, delimiter=",")
        next(fr)
        """,
        r"""
        assert next(r) == ["1", "2"]
        assert r.line_num == 2
        assert next(d) == {"a": "3", "b": "4"}
        assert next(fr) == ["1", "2"]
        assert fr.line_num == 2
        assert list(fr) == [["3", "4"]]
        f.close()
        """,
    ),
    "temporary files and directories": (
        r"""
        import tempfile, os

        n = tempfile.NamedTemporaryFile("w+", suffix=".q")
        n.write("abc")
        n.flush()
        nname = n.name
        nb_ = tempfile.NamedTemporaryFile(delete=False)
        nb_.write(b"1")
        td = tempfile.TemporaryDirectory()
        tdname = td.name
        open(td.name + "/f", "w").write("in")
        sp = tempfile.SpooledTemporaryFile()
        sp.write(b"spooled")
        sp.seek(2)
        st = tempfile.SpooledTemporaryFile(mode="w+")
        st.write("text")
        """,
        r"""
        import gc

        assert os.path.exists(nname) and os.path.exists(tdname + "/f")
        n.write("d")
        n.seek(0)
        assert n.read() == "abcd"
        n.close()
        assert not os.path.exists(nname)
        nb_.write(b"2")
        nb_.close()
        assert open(nb_.name, "rb").read() == b"12"
        os.unlink(nb_.name)
        assert sp.read() == b"ooled"
        sp.rollover()
        sp.close()
        st.write("!")
        st.seek(0)
        assert st.read() == "text!"
        td.cleanup()
        assert not os.path.exists(tdname)
        """,
    ),
    "temporary files that are dropped later": (
        r"""
        import tempfile, os

        td = tempfile.TemporaryDirectory()
        tdname = td.name
        n = tempfile.NamedTemporaryFile()
        nname = n.name
        """,
        r"""
        import gc, warnings

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            del td, n
            gc.collect()
        assert not os.path.exists(tdname)
        assert not os.path.exists(nname)
        """,
    ),
    "temporary files without a name": (
        r"""
        import tempfile

        t = tempfile.TemporaryFile("w+")
        t.write("hello")
        t.flush()
        b = tempfile.TemporaryFile()
        b.write(b"x" * 10)
        b.seek(3)
        """,
        r"""
        t.write("!")
        t.seek(0)
        assert t.read() == "hello!"
        assert b.read() == b"x" * 7
        t.close()
        b.close()
        """,
    ),
    "a spooled file on disk": (
        r"""
        import tempfile

        sp = tempfile.SpooledTemporaryFile(max_size=3)
        sp.write(b"spooled")
        sp.seek(2)
        """,
        r"""
        assert sp.read() == b"ooled"
        sp.close()
        """,
    ),
}
