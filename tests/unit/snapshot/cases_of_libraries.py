"""Objects of libraries: the library that has to be there, and a case (see :mod:`snapshot_cases`)."""

from __future__ import annotations

CASES = {
    "scipy: sparse matrices": (
        "scipy",
        r"""
        import scipy.sparse as sp, numpy as np, scipy.stats, scipy.interpolate, scipy.spatial, scipy.optimize

        m = sp.csr_matrix([[1.0, 0], [0, 2]])
        d = m.data
        c = m.tocoo()
        tr = m.T
        l = sp.lil_array((3, 3))
        dk = sp.dok_matrix((3, 3))
        dk[1, 1] = 5
        rv = scipy.stats.norm(0, 1)
        it = scipy.interpolate.interp1d([0, 1], [1, 2])
        kd = scipy.spatial.cKDTree(np.random.rand(10, 2))
        res = scipy.optimize.minimize(lambda x: x[0] ** 2, [1.0])
        sh = np.shares_memory(tr.data, d)
        cs = scipy.interpolate.CubicSpline([0, 1, 2], [0, 1, 4])
        lo = sp.linalg.aslinearoperator(m) if hasattr(sp, "linalg") else None
        rvs = scipy.stats.norm(0, 1)
        rvs.random_state = 3
        """,
        r"""
        d[0] = 9
        assert m[0, 0] == 9
        assert (tr[0, 0] == 9) == sh
        assert dk[1, 1] == 5
        assert rv.cdf(0) == 0.5
        assert it(0.5) == 1.5
        assert kd.query([0, 0])
        assert abs(res.x[0]) < 0.001
        assert cs(1) == 1
        """,
    ),
    "sklearn: estimators": (
        "sklearn",
        r"""
        import sklearn.linear_model, sklearn.pipeline, sklearn.preprocessing
        import sklearn.ensemble, sklearn.base, numpy as np

        X = np.random.rand(50, 3)
        y = (X[:, 0] > 0.5).astype(int)
        p = sklearn.pipeline.make_pipeline(
            sklearn.preprocessing.StandardScaler(), sklearn.linear_model.LogisticRegression()
        ).fit(X, y)
        rf = sklearn.ensemble.RandomForestClassifier(5, random_state=0).fit(X, y)
        pred = p.predict(X)
        rp = rf.predict_proba(X)

        class MyT(sklearn.base.BaseEstimator, sklearn.base.TransformerMixin):
            def __init__(self, k=1):
                self.k = k

            def fit(self, X, y=None):
                return self

            def transform(self, X):
                return X * self.k

        mt = MyT(3)
        ft = sklearn.preprocessing.FunctionTransformer(lambda x: x + 1)
        """,
        r"""
        assert (p.predict(X) == pred).all()
        assert (rf.predict_proba(X) == rp).all()
        assert mt.transform(np.ones(1))[0] == 3
        assert sklearn.base.clone(mt).k == 3
        assert ft.transform(np.ones((1, 1)))[0, 0] == 2
        """,
    ),
    "networkx: graphs and their views": (
        "networkx",
        r"""
        import networkx as nx

        g = nx.karate_club_graph()
        g.graph["x"] = [1]
        dg = nx.DiGraph([(1, 2)])
        sub = g.subgraph([0, 1, 2])
        nodes = g.nodes
        ed = g.edges
        adj = g.adj
        deg = g.degree
        rev = dg.reverse(copy=False)

        class Node:
            def __init__(self, n):
                self.n = n
                self.friends = set()

            def __hash__(self):
                return hash(self.n)

            def __eq__(self, o):
                return self.n == o.n

        a, b = (Node("a"), Node("b"))
        a.friends.add(b)
        b.friends.add(a)
        h = nx.Graph()
        h.add_edge(a, b)
        dn = g.nodes.data("club")
        it = nx.bfs_edges(g, 0)
        next(it)
        """,
        r"""
        next(it)
        g.add_edge(0, 99)
        assert 99 in nodes
        assert (0, 99) in ed
        assert 99 in adj[0]
        assert sub.number_of_nodes() == 3
        assert len(list(h.neighbors(a))) == 1
        assert b in a.friends
        assert a in b.friends
        g.nodes[0]["q"] = 1
        assert sub.nodes[0]["q"] == 1
        dg.add_edge(2, 3)
        assert rev.has_edge(3, 2)
        """,
    ),
    "PIL: images": (
        "PIL",
        r"""
        from PIL import Image, ImageDraw, ImageFont
        import numpy as np

        im = Image.new("RGB", (4, 4), "red")
        im.info["a"] = 1
        d = ImageDraw.Draw(im)
        pal = im.convert("P")
        c = im.crop((0, 0, 2, 2))
        im.save(TMP + "/a.png")
        op = Image.open(TMP + "/a.png")
        lo = Image.open(TMP + "/a.png")
        lo.load()
        arr = np.asarray(im)
        fr = Image.fromarray(np.zeros((3, 3), "u1"))
        rawb = np.zeros((4, 4), "u1")
        fb = Image.frombuffer("L", (4, 4), rawb, "raw", "L", 0, 1)
        """,
        r"""
        d.point((1, 1), fill="blue")
        assert im.getpixel((1, 1)) == (0, 0, 255)
        assert op.getpixel((0, 0)) == (255, 0, 0)
        assert lo.size == (4, 4)
        assert im.info["a"] == 1
        assert pal.mode == "P"
        assert c.size == (2, 2)
        assert op.format == "PNG"
        """,
    ),
    "matplotlib: figures": (
        "matplotlib",
        r"""
        import matplotlib

        matplotlib.use("agg")
        import matplotlib.pyplot as plt, numpy as np

        fig, ax = plt.subplots()
        x = np.arange(3.0)
        (line,) = ax.plot(x, x)
        hits = []
        cid = fig.canvas.mpl_connect("draw_event", lambda e: hits.append(1))
        cb = ax.callbacks.connect("xlim_changed", lambda a: hits.append("x"))
        cm = plt.get_cmap("viridis")
        tr = ax.transData
        fig2 = plt.figure()
        ims = fig2.add_subplot().imshow(np.eye(3))
        bar = fig2.colorbar(ims)
        leg = ax.legend(["a"])
        ax2 = ax.twinx()
        ann = ax.annotate("t", (0, 0))
        """,
        r"""
        line.set_ydata([5, 6, 7])
        ax.relim()
        ax.autoscale_view()
        fig.canvas.draw()
        assert ax.lines[0] is line
        assert fig.axes[0] is ax
        assert ax.get_ylim()[1] > 6
        assert hits and 1 in hits
        ax.set_xlim(0, 5)
        assert "x" in hits
        ims.set_clim(0, 3)
        fig2.canvas.draw()
        assert bar.vmax == 3
        plt.close("all")
        """,
    ),
    "torch: tensors, modules, optimizers": (
        "torch",
        r"""
        import torch, numpy as np

        t = torch.arange(10.0)
        v = t[2:5]
        tt = t.view(2, 5)
        n = t.numpy()
        f = torch.from_numpy(np.arange(4.0))
        fn = f.numpy()
        w = torch.nn.Linear(3, 2)
        opt = torch.optim.Adam(w.parameters(), lr=0.1)
        x = torch.ones(1, 3)
        loss = w(x).sum()
        loss.backward()
        opt.step()
        opt.zero_grad()
        del loss
        leaf = torch.ones(2, requires_grad=True)
        g = torch.Generator()
        g.manual_seed(3)
        torch.rand(1, generator=g)
        e = torch.rand(2, generator=g.clone_state() if hasattr(g, "clone_state") else g)
        p = torch.nn.Parameter(torch.ones(2))
        buf = torch.zeros(3, dtype=torch.bfloat16)
        sp = torch.sparse_coo_tensor([[0], [1]], [2.0], (2, 2))
        q = torch.tensor(3)
        b = torch.tensor([True])
        ex = torch.ones(3).expand(4, 3)
        tied = torch.nn.Linear(2, 2)
        tied2 = torch.nn.Linear(2, 2)
        tied2.weight = tied.weight
        params = list(w.parameters())
        dev = torch.device("cpu")
        dt = torch.float32
        sz = torch.Size([1])

        class Net(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.l = torch.nn.Linear(2, 2)
                self.register_buffer("b", torch.zeros(2))

            def forward(self, x):
                return self.l(x) + self.b

        net = Net()
        hooked = []
        net.register_forward_hook(lambda m, i, o: hooked.append(1))
        big = torch.zeros(100000)
        bv = big[10:]

        class DS(torch.utils.data.Dataset):
            def __len__(self):
                return 3

            def __getitem__(self, i):
                return i

        dl = torch.utils.data.DataLoader(DS(), batch_size=2)
        """,
        r"""
        t[3] = 99
        assert v[1] == 99 and tt[0, 3] == 99
        assert n[3] == 99
        f[0] = 5
        assert fn[0] == 5
        assert params[0] is w.weight
        assert opt.param_groups[0]["params"][0] is w.weight
        loss = w(x).sum()
        loss.backward()
        opt.step()
        assert leaf.is_leaf
        assert leaf.requires_grad
        assert (torch.rand(2, generator=g) == e).all()
        assert type(p) is torch.nn.Parameter
        assert buf.dtype is torch.bfloat16
        assert sp.to_dense()[0, 1] == 2
        assert ex.stride() == (0, 1)
        assert tied2.weight is tied.weight
        assert dev == torch.device("cpu")
        assert dt is torch.float32
        assert sz == torch.Size([1])
        net(torch.ones(1, 2))
        assert hooked == [1]
        big[10] = 4
        assert bv[0] == 4
        assert len(list(dl)) == 2
        """,
    ),
    "torch: gradients": (
        "torch",
        r"""
        import torch

        a = torch.ones(2, requires_grad=True)
        (a * 2).sum().backward()
        d = a.detach()
        gr = a.grad
        """,
        r"""
        assert a.grad.tolist() == [2, 2]
        assert a.grad is gr
        with torch.no_grad():
            a[0] = 7
        assert d[0] == 7
        """,
    ),
    "torch: schedulers": (
        "torch",
        r"""
        import torch

        m = torch.nn.Linear(2, 1)
        o = torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9)
        s = torch.optim.lr_scheduler.StepLR(o, 1)
        m(torch.ones(1, 2)).sum().backward()
        o.step()
        s.step()
        """,
        r"""
        assert o.state[m.weight]["momentum_buffer"].shape == (1, 2)
        assert s.optimizer is o
        assert o.param_groups[0]["lr"] < 0.1
        o.step()
        s.step()
        """,
    ),
    "torch: a loop over batches": (
        "torch",
        r"""
        import torch

        numbers = torch.utils.data.TensorDataset(torch.arange(8.0))
        loader = torch.utils.data.DataLoader(numbers, batch_size=2, shuffle=True)
        torch.manual_seed(7)
        expected = [number for (batch,) in loader for number in batch.tolist()]
        torch.manual_seed(7)
        batches = iter(loader)
        seen = [*next(batches)[0].tolist()]
        """,
        r"""
        seen += [number for (batch,) in batches for number in batch.tolist()]
        assert seen == expected
        assert batches._dataset is loader.dataset is numbers
        """,
    ),
    "torch: memory of arrays": (
        "torch",
        r"""
        import torch, numpy as np

        n = np.arange(5.0)
        t = torch.from_numpy(n)
        s = torch.as_tensor(n)[1:]
        fr = torch.frombuffer(bytearray(16), dtype=torch.float32)
        un = t.untyped_storage()
        """,
        r"""
        n[1] = 9
        assert t[1] == 9 and s[0] == 9
        """,
    ),
}
