"""Tables of libraries: the library that has to be there, and a case (see :mod:`snapshot_cases`)."""

from __future__ import annotations

CASES = {
    "pandas: frames, series, indexes": (
        "pandas",
        r"""
        import pandas as pd, numpy as np

        df = pd.DataFrame(
            {
                "a": [1, 2, 3],
                "b": ["x", "y", "z"],
                "c": pd.Categorical(["u", "v", "u"]),
                "d": pd.date_range("2024", periods=3, tz="Europe/Berlin"),
                "e": pd.array([1, None, 3], dtype="Int64"),
            }
        )
        mi = pd.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["n", "l"])
        s = pd.Series(range(4), index=mi)
        df.attrs["k"] = [1]
        iv = pd.interval_range(0, 3)
        per = pd.period_range("2024", periods=3, freq="M")
        sp = pd.arrays.SparseArray([0, 0, 1])
        td = pd.to_timedelta([1], unit="s")
        na = pd.NA
        nat = pd.NaT
        ts = pd.Timestamp("2024", tz="UTC")
        idx = df.index
        col = df["a"]
        g = df.groupby("b")
        gs = df.groupby("c", observed=True)["a"]
        roll = df["a"].rolling(2)
        st = df.style
        off = pd.offsets.BDay(2)
        gr = pd.Grouper(key="a")
        acc = df["b"].str
        loc = df.loc
        rs = pd.Series([1.0], index=pd.date_range("2024", periods=1)).resample("D")
        copy = df.copy()
        """,
        r"""
        assert df.equals(copy)
        assert df["c"].dtype == "category"
        assert str(df["d"].dt.tz) == "Europe/Berlin"
        assert s[1, "b"] == 1
        assert df.attrs["k"] == [1]
        assert pd.isna(df["e"][1])
        assert na is pd.NA
        assert nat is pd.NaT
        assert ts.tz is not None
        assert idx is df.index
        assert g["a"].sum()["x"] == 1
        assert gs.sum()["u"] == 4
        assert roll.sum()[2] == 5
        assert acc.upper()[0] == "X"
        assert loc[0, "a"] == 1
        assert len(rs.sum()) == 1
        assert iv[0].left == 0
        assert sp[2] == 1
        df.loc[0, "a"] = 99
        assert df["a"][0] == 99
        df["new"] = 1
        assert copy["a"][0] == 1
        st.to_html()
        """,
    ),
    "pandas: who shares values": (
        "pandas",
        r"""
        import pandas as pd, numpy as np

        df = pd.DataFrame({"a": [1.0, 2, 3], "b": [4.0, 5, 6]})
        view = df["a"]
        part = df[:2]
        shallow = df.copy(deep=False)
        vals = df.values
        arr = df["a"].to_numpy()
        sh0 = np.shares_memory(vals, df["b"].to_numpy())
        share_arr = np.shares_memory(arr, df["a"].to_numpy())
        own = np.arange(3.0)
        wrapped = pd.Series(own, copy=False)
        w2 = pd.DataFrame(own.reshape(3, 1), copy=False)
        """,
        r"""
        assert np.shares_memory(arr, df["a"].to_numpy()) == share_arr
        assert np.shares_memory(vals, df["b"].to_numpy()) == sh0
        assert np.shares_memory(own, wrapped.to_numpy())
        view.iloc[0] = 100
        assert df["a"][0] == 1.0 and shallow["a"][0] == 1.0 and (part["a"][0] == 1.0)
        df.iloc[0, 0] = 50
        assert part["a"][0] == 1
        assert shallow["a"][0] == 1
        assert view.iloc[0] == 100
        shallow.iloc[1, 1] = -1
        assert df["b"][1] == 5
        own[1] = 33
        assert wrapped[1] == 33
        assert w2[0][1] == 33
        """,
    ),
    "pandas: iterators half-way": (
        "pandas",
        r"""
        import pandas as pd

        df = pd.DataFrame({"key": [2, 1, 2], "value": [10, 20, 30]})
        groups = iter(df.groupby("key"))
        first = next(groups)
        rows = df.iterrows()
        next(rows)
        tuples = df.itertuples()
        next(tuples)
        values = iter(df["value"])
        next(values)
        texts = pd.concat([pd.Series(["a", "b"]), pd.Series(["c", None])])
        begun, at_its_end, over = iter(texts), iter(texts), iter(texts)
        next(begun), [next(at_its_end) for _ in texts], list(over)
        columns = iter(df.columns)
        next(columns)
        """,
        r"""
        key, part = next(groups)
        assert key == 2 and list(part["value"]) == [10, 30]
        assert next(groups, None) is None
        assert next(rows)[1]["value"] == 20
        assert next(tuples).value == 20
        assert list(values) == [20, 30]
        rest = list(begun)
        assert rest[:2] == ["b", "c"] and pd.isna(rest[2]) and len(rest) == 3
        assert list(at_its_end) == list(over) == []
        assert list(columns) == ["value"]
        """,
    ),
    "pandas: text": (
        "pyarrow",
        r"""
        import pandas as pd

        s = pd.Series(["a", None], dtype="string")
        s2 = pd.Series(["q", "r"])
        ar = pd.Series([1, 2], dtype="int64[pyarrow]")
        """,
        r"""
        assert s[0] == "a"
        assert s2[1] == "r"
        assert ar.sum() == 3
        """,
    ),
    "pandas: accessors and subclasses": (
        "pandas",
        r"""
        import pandas as pd

        @pd.api.extensions.register_dataframe_accessor("mine")
        class Mine:
            def __init__(self, o):
                self.o = o

            def n(self):
                return len(self.o)

        df = pd.DataFrame({"a": [1]})
        df.mine.n()

        class SubDF(pd.DataFrame):
            _metadata = ["tag"]

            @property
            def _constructor(self):
                return SubDF

        sd = SubDF({"a": [1]})
        sd.tag = "t"
        """,
        r"""
        assert df.mine.n() == 1
        assert type(sd) is SubDF
        assert sd.tag == "t"
        assert type(sd[:1]) is SubDF
        """,
    ),
    "pyarrow: arrays and tables": (
        "pyarrow",
        r"""
        import pyarrow as pa, numpy as np

        a = pa.array([1, 2, None])
        t = pa.table({"x": [1, 2], "y": ["a", "b"]})
        c = pa.chunked_array([[1], [2]])
        rb = pa.record_batch([pa.array([1])], names=["q"])
        sl = t.slice(1)
        da = pa.array(["a", "a"]).dictionary_encode()
        sc = pa.scalar(3)
        sch = t.schema
        buf = pa.py_buffer(b"abc")
        ty = pa.list_(pa.int32())
        big = pa.array(np.arange(1000000))
        bs = big.slice(10, 5)
        n = np.arange(5.0)
        za = pa.array(n)
        zn = big.to_numpy()
        mem = pa.default_memory_pool() if False else None
        """,
        r"""
        assert a.null_count == 1
        assert t.column("y")[1].as_py() == "b"
        assert sl.num_rows == 1
        assert da.type
        assert sc.as_py() == 3
        assert sch == t.schema
        assert ty == pa.list_(pa.int32())
        assert bs[0].as_py() == 10
        assert len(big) == 1000000
        assert buf.to_pybytes() == b"abc"
        """,
    ),
    "pyarrow: iterators half-way": (
        "pyarrow",
        r"""
        import pyarrow as pa

        chunked = pa.chunked_array([[1, 2, 3], [], [4, 5], [6]])
        places = []
        for taken in range(7):
            places.append(iter(chunked))
            [next(places[-1]) for _ in range(taken)]
        part = iter(pa.array([[1], None, [3, 4]]).slice(1))
        next(part)
        same = [part, part]
        """,
        r"""
        assert [[each.as_py() for each in place] for place in places] == [[1, 2, 3, 4, 5, 6][n:] for n in range(7)]
        assert [each.as_py() for each in part] == [[3, 4]]
        assert same[0] is same[1] is part
        """,
    ),
    "pyarrow: datasets": (
        "pyarrow",
        r"""
        import pyarrow as pa, pyarrow.compute as pc, pyarrow.parquet as pq, pyarrow.dataset as ds

        pq.write_table(pa.table({"x": [1, 2]}), TMP + "/p.parquet")
        d = ds.dataset(TMP + "/p.parquet")
        e = pc.field("x") > 1
        """,
        r"""
        assert d.to_table(filter=e).num_rows == 1
        """,
    ),
    "polars: frames and queries": (
        "polars",
        r"""
        import polars as pl, numpy as np

        df = pl.DataFrame(
            {"a": [1, 2], "b": ["x", "y"], "c": [[1], [2]], "cat": pl.Series(["u", "v"], dtype=pl.Categorical)}
        )
        lf = df.lazy().filter(pl.col("a") > 1)
        s = df["a"]
        ex = pl.col("a") + 1
        sch = df.schema
        cl = df.clone()
        en = pl.Enum(["a"])
        dt = pl.Datetime("us", "UTC")
        """,
        r"""
        assert df.equals(cl)
        assert lf.collect().height == 1
        assert df.select(ex)["a"][0] == 2
        assert s.sum() == 3
        assert sch == df.schema
        """,
    ),
    "polars: iterators half-way": (
        "polars",
        r"""
        import polars as pl

        df = pl.DataFrame({"a": ["x", "y"], "b": [1, 2]})
        columns, rows, values = iter(df), df.iter_rows(), iter(df["a"])
        groups = iter(df.group_by("a", maintain_order=True))
        for each in (columns, rows, values, groups):
            next(each)
        series = df["b"]
        compiled = series._s
        """,
        r"""
        assert [each.to_list() for each in columns] == [[1, 2]]
        assert list(rows) == [("y", 2)]
        assert list(values) == ["y"]
        assert [(key, part.height) for key, part in groups] == [(("y",), 1)]
        assert series._s is compiled
        series[0] = 9
        assert series.to_list() == [9, 2] and df["b"].to_list() == [1, 2]
        """,
    ),
    "polars: a function of the notebook in a query": (
        "polars",
        r"""
        import polars as pl

        df = pl.DataFrame({"a": [1, 2]})
        mp = lambda x: x + 1
        lf2 = df.lazy().select(pl.col("a").map_elements(mp, return_dtype=pl.Int64))
        """,
        r"""
        assert lf2.collect()["a"].to_list() == [2, 3]
        """,
    ),
}
