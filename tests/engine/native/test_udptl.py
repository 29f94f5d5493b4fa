"""UDPTL (T.38 §9.1): what one end builds, the other end takes, through loss and malice."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spandsp_bridge.native._engine import ffi, lib

NONE, REDUNDANCY, FEC = lib.UDPTL_NONE, lib.UDPTL_REDUNDANCY, lib.UDPTL_FEC


class End:
    """One end of UDPTL."""

    def __init__(
        self, recovery: int = REDUNDANCY, depth: int = 3, span: int = 3, limit: int = 1400
    ) -> None:
        self.state: Any = ffi.new("struct udptl *")
        lib.udptl_init(self.state, recovery, depth, span, limit)

    def build(self, ifp: bytes) -> bytes:
        out = ffi.new("uint8_t[2048]")
        size = lib.udptl_build(self.state, ifp, len(ifp), out, 2048)
        assert size > 0
        return bytes(ffi.buffer(out, size))

    def receive(self, packet: bytes) -> list[tuple[int, bytes]] | None:
        out = ffi.new("struct udptl_ifp[33]")
        count = lib.udptl_receive(self.state, packet, len(packet), out)
        if count < 0:
            return None
        return [(out[i].seq, bytes(ffi.buffer(out[i].data, out[i].len))) for i in range(count)]

    @property
    def counts(self) -> Any:
        return self.state.counts


def ifps(count: int, seed: int = 1) -> list[bytes]:
    dice = random.Random(seed)
    return [dice.randbytes(dice.randint(1, 90)) for _ in range(count)]


@pytest.mark.parametrize("recovery", [NONE, REDUNDANCY, FEC])
def test_every_packet_arrives_once_and_in_order(recovery: int) -> None:
    sender, receiver = End(recovery), End()
    got = [x for ifp in ifps(300) for x in receiver.receive(sender.build(ifp)) or []]
    assert [ifp for _, ifp in got] == ifps(300)
    assert [seq for seq, _ in got] == list(range(300))
    assert receiver.counts.lost == receiver.counts.repaired == 0


def test_sequence_numbers_wrap() -> None:
    sender, receiver = End(), End()
    sender.state.tx_seq = 65530
    got = [x for ifp in ifps(12) for x in receiver.receive(sender.build(ifp)) or []]
    assert [seq for seq, _ in got] == [65530, 65531, 65532, 65533, 65534, 65535, *range(6)]


@pytest.mark.parametrize("burst", [1, 2, 3])
def test_redundancy_3_repairs_bursts_of_up_to_3(burst: int) -> None:
    sender, receiver = End(REDUNDANCY), End()
    got = []
    for number, ifp in enumerate(ifps(100)):
        packet = sender.build(ifp)
        if number % 10 in range(5, 5 + burst):
            continue
        got += receiver.receive(packet) or []
    assert [ifp for _, ifp in got] == ifps(100)
    assert receiver.counts.repaired == 10 * burst
    assert receiver.counts.lost == 0


def test_redundancy_reports_what_it_cannot_repair() -> None:
    sender, receiver = End(REDUNDANCY), End()
    packets = [sender.build(ifp) for ifp in ifps(20)]
    got = [x for p in packets[:5] + packets[10:] for x in receiver.receive(p) or []]
    assert receiver.counts.lost == 2
    assert receiver.counts.repaired == 3
    assert [seq for seq, _ in got] == [*range(5), *range(7, 20)]


@pytest.mark.parametrize("burst", [1, 2, 3])
def test_fec_repairs_bursts_of_up_to_its_entries(burst: int) -> None:
    sender, receiver = End(FEC, depth=3, span=3), End()
    original = ifps(200)
    got: dict[int, bytes] = {}
    for number, ifp in enumerate(original):
        packet = sender.build(ifp)
        if number % 20 in range(5, 5 + burst):
            continue
        got.update(receiver.receive(packet) or [])
    assert receiver.counts.lost == 0
    assert receiver.counts.repaired == 10 * burst
    for number, ifp in enumerate(original):
        # Parity knows the longest length alone: a repaired packet may carry padding.
        assert got[number][: len(ifp)] == ifp
        assert not got[number][len(ifp) :].strip(b"\0")


def test_duplicates_and_late_packets_are_counted_and_dropped() -> None:
    sender, receiver = End(NONE), End()
    packets = [sender.build(ifp) for ifp in ifps(6)]
    for packet in (packets[0], packets[1], packets[3]):
        receiver.receive(packet)
    assert receiver.receive(packets[3]) == []
    assert receiver.receive(packets[2]) == []
    assert (receiver.counts.duplicate, receiver.counts.late, receiver.counts.lost) == (1, 1, 1)


def test_a_wild_jump_restarts_the_sequence() -> None:
    sender, receiver = End(NONE), End()
    receiver.receive(sender.build(b"a"))
    sender.state.tx_seq = 30000
    assert receiver.receive(sender.build(b"b")) == [(30000, b"b")]


def test_redundancy_is_dropped_before_data_is() -> None:
    sender = End(REDUNDANCY, limit=200)
    for ifp in (b"x" * 90,) * 3:
        sender.build(ifp)
    assert len(sender.build(b"x" * 90)) <= 200
    assert b"y" * 400 in sender.build(b"y" * 400), "data goes out even above the limit"


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused(packet: bytes) -> None:
    receiver = End()
    receiver.receive(End().build(b"first"))
    receiver.receive(packet)


@given(st.integers(0, 400), st.sampled_from([REDUNDANCY, FEC]), st.data())
def test_every_truncation_and_flip_is_bounded(
    size: int, recovery: int, data: st.DataObject
) -> None:
    sender, receiver = End(recovery), End()
    for ifp in ifps(14):
        packet = sender.build(ifp)
    cut = bytearray(packet[: data.draw(st.integers(0, len(packet)))])
    if cut:
        cut[data.draw(st.integers(0, len(cut) - 1))] = data.draw(st.integers(0, 255))
    receiver.receive(sender.build(b"x"))
    for _, ifp in receiver.receive(bytes(cut)) or []:
        assert len(ifp) < 2048
