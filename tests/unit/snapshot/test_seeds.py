"""Which of the things that a snapshot may refer to it does refer to is read from its stream."""

from __future__ import annotations

import random

import pytest

from caesura.snapshot.seeds import ALWAYS, used

_LONG = bytes(1 << 20)


@pytest.mark.parametrize("count", [ALWAYS, ALWAYS + 1, 300, 512, 513, 1204, 1205, 5000, 65536, 70000])
def test_a_long_stream_is_read_as_a_short_one(count: int) -> None:
    draw = random.Random(count)
    near = [count - 2, count - 1, count, count + 1, ALWAYS - 1, ALWAYS, ALWAYS + 1]
    places = near + [draw.randrange(2 * count) for _ in range(500)]
    stream = b"".join(b"j" + place.to_bytes(4, "little") for place in places)
    names = [""] * ALWAYS + ["module:some"] * (count - ALWAYS)
    expected = sorted({place for place in places if ALWAYS <= place < min(count, 1 << 16)})
    assert used(names, stream) == expected
    assert used(names, stream + _LONG) == expected
