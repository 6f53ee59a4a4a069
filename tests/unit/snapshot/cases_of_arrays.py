"""Arrays of numpy, see :mod:`snapshot_cases`."""

from __future__ import annotations

CASES = {
    "arrays of all kinds": (
        r"""
        import numpy as np

        z = np.array(5.0)
        zi = z[()]
        s = np.float32(2)
        st = np.zeros(3, dtype=[("a", "i4"), ("s", "U3")])
        rec = np.rec.array([(1, 2.0)], names="a,b")
        v = st["a"]
        rowv = st[1]
        o = np.array([{"a": 1}, [1]], dtype=object)
        ob = np.empty((2, 2), dtype=object)
        ov = ob.T
        strs = np.array(["a", "bb"])
        sv = strs[1:]
        e = np.zeros((0, 4))
        bc = np.broadcast_to(np.arange(3), (4, 3))
        b0 = np.arange(3)
        bcv = np.broadcast_to(b0, (4, 3))
        neg = np.arange(10)[::-1]
        f = np.asfortranarray(np.ones((3, 4)))
        nc = np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2)
        bl = np.array([True, False])
        cx = np.array([1j])
        dt = np.dtype([("x", "f8")])
        td = np.array([1], dtype="m8[s]")
        half = np.float16(1)
        big = np.arange(100000)
        view = big.reshape(100, 1000)
        diag = np.diagonal(view)
        flat = view.ravel()
        swapped = np.arange(5, dtype=">i4")
        sw = swapped[2:]
        """,
        r"""
        assert z[()] == 5
        assert z.shape == ()
        assert v.base is not None
        v[0] = 9
        assert st["a"][0] == 9
        assert rec.a[0] == 1
        assert type(rec) is np.recarray
        ob[0, 1] = "q"
        assert ov[1, 0] == "q"
        strs[1] = "zz"
        assert sv[0] == "zz"
        b0[1] = 7
        assert bcv[3, 1] == 7
        assert not bcv.flags.writeable
        assert not bc.flags.writeable
        assert bc.shape == (4, 3)
        assert bc.strides[0] == 0
        neg[0] = 3
        assert f.flags.f_contiguous
        assert f.flags.owndata
        assert nc.strides == (32, 96, 8)
        big[0] = -5
        assert view[0, 0] == -5
        assert diag[0] == -5
        assert flat[0] == -5
        swapped[2] = 77
        assert sw[0] == 77
        assert swapped.dtype.byteorder == ">"
        rowv["a"] = 4
        assert st["a"][1] == 4
        """,
    ),
    "views whose base nobody holds": (
        r"""
        import numpy as np

        a = np.arange(10)[2:5]
        b = np.arange(1000000)[5:7]
        pair = np.arange(10)
        x, y = (pair[1:6], pair[3:8])
        del pair
        t = np.arange(6).reshape(2, 3)
        chain = np.arange(20)[2:][3:][::2]
        """,
        r"""
        y[0] = 99
        assert x[2] == 99
        assert a.tolist() == [2, 3, 4]
        assert t.shape == (2, 3)
        assert chain[0] == 5
        """,
    ),
    "subclasses of arrays": (
        r"""
        import numpy as np

        class Info(np.ndarray):
            def __new__(cls, a, info=None):
                o = np.asarray(a).view(cls)
                o.info = info
                return o

            def __array_finalize__(self, o):
                self.info = getattr(o, "info", None)

        base = np.arange(5.0)
        i = Info(base, "meta")
        plain = i.view(np.ndarray)
        part = i[1:3]
        m = np.matrix([[1, 2]])
        mv = m[0]
        rec = np.zeros(3, dtype=[("a", "i4")]).view(np.recarray)
        ra = rec.a
        """,
        r"""
        assert type(i) is Info
        assert i.info == "meta"
        assert type(part) is Info
        assert part.info == "meta"
        base[1] = 42
        assert i[1] == 42
        assert part[0] == 42
        assert plain[1] == 42
        mv[0, 0] = 5
        assert m[0, 0] == 5
        ra[0] = 3
        assert rec["a"][0] == 3
        """,
    ),
    "masked arrays": (
        r"""
        import numpy as np, numpy.ma as ma

        d = np.arange(5.0)
        m = ma.masked_array(d, mask=[0, 1, 0, 0, 0])
        mview = m[1:3]
        mk = ma.masked
        hard = ma.array([1, 2], mask=[1, 0], hard_mask=True)
        fill = ma.array([1], fill_value=7)
        shared = ma.masked_array(d, copy=False)
        x = mview.base is not None
        """,
        r"""
        assert m.mask[1]
        assert mk is ma.masked
        assert hard.hardmask
        assert fill.fill_value == 7
        m.data[2] = 50
        assert mview[1] == 50
        d[3] = 60
        assert shared[3] == 60
        assert m[3] == 60
        """,
    ),
    "generators of random numbers": (
        r"""
        import numpy as np

        g = np.random.default_rng(3)
        g.random()
        r = np.random.RandomState(4)
        r.rand()
        r.normal()
        sq = np.random.SeedSequence(5)
        sq.spawn(1)
        bg = np.random.PCG64(1)
        g2 = np.random.Generator(bg)
        import copy

        gc_, rc = (copy.deepcopy(g), copy.deepcopy(r))
        e1 = gc_.random(3)
        e2 = rc.normal(size=3)
        share = np.random.Generator(g.bit_generator)
        """,
        r"""
        assert (g.random(3) == e1).all()
        assert (r.normal(size=3) == e2).all()
        assert g2.bit_generator is bg
        assert sq.n_children_spawned == 1
        share.random()
        assert share.bit_generator is g.bit_generator
        """,
    ),
    "arrays over other buffers": (
        r"""
        import numpy as np, mmap, array, io

        ba = bytearray(100)
        a = np.frombuffer(ba, dtype="u1")
        by = b"abcdefgh"
        r = np.frombuffer(by, dtype="u1")
        r2 = r[2:]
        ar = array.array("d", [1, 2, 3])
        aa = np.frombuffer(ar)
        aa2 = np.asarray(ar)
        mm = memoryview(ba)
        am = np.asarray(mm)[10:]
        mv = memoryview(np.arange(5))
        ctl = np.arange(6).reshape(2, 3)
        mvp = memoryview(ctl)[1:]
        """,
        r"""
        a[10] = 5
        assert ba[10] == 5
        assert am[0] == 5
        assert not r.flags.writeable
        assert np.shares_memory(r, r2)
        aa[0] = 9
        assert ar[0] == 9
        assert aa2[0] == 9
        ctl[1, 0] = 44
        assert mvp.tolist()[0][0] == 44
        """,
    ),
    "arrays in files": (
        r"""
        import numpy as np

        mm = np.memmap(TMP + "/m.dat", dtype="f4", mode="w+", shape=(3, 4))
        mm[0, 0] = 5
        mv = mm[1:]
        np.save(TMP + "/s.npy", np.arange(10))
        ro = np.load(TMP + "/s.npy", mmap_mode="r")
        pl = np.asarray(mm)
        off = np.memmap(TMP + "/s.npy", dtype="u1", mode="r", offset=3)
        """,
        r"""
        assert type(mm) is np.memmap and mm[0, 0] == 5 and (mm.mode == "w+") or mm.mode == "r+"
        mm[1, 0] = 8
        mm.flush()
        assert mv[0, 0] == 8
        assert pl[1, 0] == 8
        assert np.memmap(TMP + "/m.dat", dtype="f4", mode="r", shape=(3, 4))[1, 0] == 8
        assert ro[3] == 3
        assert not ro.flags.writeable
        assert type(ro) is np.memmap
        assert off[0] == np.fromfile(TMP + "/s.npy", "u1")[3]
        """,
    ),
    "functions and iterators of numpy": (
        r"""
        import numpy as np

        a = np.arange(6).reshape(2, 3)
        fl = a.flat
        next(fl)
        nd = np.ndenumerate(a)
        vf = np.vectorize(lambda x: x + 1)
        uf = np.add
        fu = np.frompyfunc(lambda x: x, 1, 1)
        p = np.poly1d([1, 2])
        fi = np.finfo(float)
        sc = np.float64
        po = np.polynomial.Polynomial([1, 2])
        ind = np.s_[1:]
        npz = None
        np.add.at(a, [0], 5)
        """,
        r"""
        np.add.at(a, [0], 5)
        assert a[0, 0] == 10
        assert vf([1])[0] == 2
        assert uf is np.add
        assert p(2) == 4
        assert sc is np.float64
        assert fu(3) == 3
        assert next(fl) == 11
        """,
    ),
    "object arrays in a cycle": (
        r"""
        import numpy as np

        a = np.empty(2, dtype=object)
        a[0] = a
        d = {"a": a}
        a[1] = d
        v = a[1:]
        """,
        r"""
        assert a[0] is a
        assert a[1]["a"] is a
        v[0] = 5
        assert a[1] == 5
        """,
    ),
    "the same array twice": (
        r"""
        import numpy as np

        a = np.arange(10)
        l = [a, a[2:], a]
        same = a
        """,
        r"""
        assert l[0] is a
        assert l[2] is a
        assert same is a
        l[1][0] = 7
        assert a[2] == 7
        """,
    ),
    "views of large arrays": (
        r"""
        import numpy as np

        a = np.zeros((1000, 1000))
        v = a[10:20]
        vt = a.T
        ro = a.view()
        ro.flags.writeable = False
        ints = a.view("i8")
        fo = np.zeros((500, 500), order="F")
        fv = fo[:, 3]
        """,
        r"""
        a[10, 0] = 3
        assert v[0, 0] == 3
        assert vt[0, 10] == 3
        assert ro[10, 0] == 3
        assert not ro.flags.writeable
        assert fo.flags.f_contiguous
        fo[0, 3] = 2
        assert fv[0] == 2
        a.flags.writeable = False
        """,
    ),
    "arrays closed after a view was made": (
        r"""
        import numpy as np

        a = np.arange(10)
        a.flags.writeable = False
        v = a[2:]
        b = np.arange(10)
        w = b[1:]
        b.flags.writeable = False
        """,
        r"""
        assert not a.flags.writeable
        assert not v.flags.writeable
        assert w.flags.writeable
        assert not b.flags.writeable
        """,
    ),
    "windows over arrays": (
        r"""
        import numpy as np

        a = np.arange(10)
        s = np.lib.stride_tricks.sliding_window_view(a, 3)
        t = np.lib.stride_tricks.as_strided(a, (3, 3), (8, 8))
        """,
        r"""
        a[1] = 55
        assert s[0, 1] == 55
        assert t[1, 0] == 55
        """,
    ),
    "arrays that lie in memory in another order": (
        r"""
        import numpy as np

        a = np.arange(24).reshape(2, 3, 4).transpose(2, 0, 1).copy(order="K")
        v = a[1]
        w = a[:, 1]
        x = np.array(np.arange(12).reshape(3, 4)[:, ::2])
        xv = x[1]
        k = np.arange(24.0).reshape(2, 3, 4).transpose(1, 0, 2) + 1
        kv = k[0]
        """,
        r"""
        a[1, 0, 0] = 77
        assert v[0, 0] == 77
        k[0, 0, 0] = 88
        assert kv[0, 0] == 88
        """,
    ),
    "strings of variable length": (
        r"""
        import numpy as np

        a = np.array(["a", "longer than small string"], dtype=np.dtypes.StringDType())
        v = a[1:]
        """,
        r"""
        assert a[1] == "longer than small string"
        assert v[0] == a[1]
        a[1] = "x"
        assert v[0] == "x"
        """,
    ),
}
