"""The coordinator: one daemon per home that hosts the notebooks and owns the life of every cell.

- :class:`~caesura.coordinator.core.Core`: everything that is decided, without I/O
- :class:`~caesura.coordinator.server.Server`: the core with its sockets, records and processes
- ``python -m caesura.coordinator``: the daemon (``daemon.py``)
"""
