"""What is sent: numbers, what is kept, what goes out again."""

from __future__ import annotations

from caesura.wire import Decoder
from caesura.wire.messages import CellStarted, Frozen, Loaded, Message, Numbered, unpack
from caesura.worker.outgoing import Outgoing


def started(cell_id: str) -> CellStarted:
    return CellStarted(epoch=0, number=0, cell_id=cell_id)


def taken(out: Outgoing, at_most: int = 1 << 30) -> list[Message]:
    """What a socket that takes ``at_most`` bytes at a time has received."""
    decoder, found = Decoder(), []
    while not out.is_empty:
        data = b"".join(out.next_bytes())[:at_most]
        out.sent(len(data))
        found += [unpack(body, buffers) for body, buffers in decoder.feed(data)]
    return found


def test_numbered_messages_get_the_epoch_and_the_next_number() -> None:
    out = Outgoing()
    out.epoch, out.next_number = 3, 7
    out.add(started("a"))
    out.add(Loaded(epoch=3))
    out.add(started("b"))
    messages = taken(out)
    assert [type(message) for message in messages] == [CellStarted, Loaded, CellStarted]
    assert [(m.epoch, m.number) for m in messages if isinstance(m, Numbered)] == [(3, 7), (3, 8)]


def test_a_message_that_is_made_late_is_told_the_number_before_it() -> None:
    out = Outgoing()
    out.add(started("a"))
    out.add(lambda last: Frozen(epoch=0, serial=1, last_number=last))
    out.add(started("b"))
    frozen = taken(out)[1]
    assert isinstance(frozen, Frozen)
    assert frozen.last_number == 1


def test_a_socket_that_takes_one_byte_at_a_time_gets_the_same() -> None:
    out = Outgoing()
    for name in "abc":
        out.add(started(name))
    assert [m.cell_id for m in taken(out, 1) if isinstance(m, CellStarted)] == ["a", "b", "c"]


def test_what_is_not_acknowledged_goes_out_again_in_order() -> None:
    out = Outgoing()
    for name in "abcd":
        out.add(started(name))
    taken(out)
    out.acknowledge(2)
    out.begin_again()
    assert [m.cell_id for m in taken(out) if isinstance(m, CellStarted)] == ["c", "d"]
    assert out.last_acked == 2


def test_what_is_acknowledged_takes_no_room() -> None:
    out = Outgoing()
    out.add(started("a"))
    assert out.kept_bytes > 0
    out.acknowledge(1)
    assert out.kept_bytes == 0


def test_half_a_message_is_sent_whole_on_the_next_connection() -> None:
    out = Outgoing()
    out.add(started("a"))
    out.sent(5)
    out.begin_again()
    assert [m.cell_id for m in taken(out) if isinstance(m, CellStarted)] == ["a"]
