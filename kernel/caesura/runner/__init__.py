"""Carrying calls out: for each kind of call, what its options mean and how it ends. Values in, values out.

- :mod:`~caesura.runner.function`: a function on the pool
- :mod:`~caesura.runner.timer`: a moment in time
- :mod:`~caesura.runner.event`: something that a person or program outside sends

What must not be here: processes, records, who waits. Nothing is unpickled.
"""
