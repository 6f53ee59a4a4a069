"""What has to outlive a process: records (SQLite) and blobs (immutable files) of one home directory.

- :func:`~caesura.store.home.open_home`: the directory and its secret
- :class:`~caesura.store.records.Records`, :class:`~caesura.store.writer.Writer`: the records and their thread
- :class:`~caesura.store.blobs.Blobs`: bulk

Import from the modules: a worker needs only the blobs, and must not load SQLAlchemy for them. Nothing here unpickles,
and nothing knows an event loop or a socket.
"""
