"""Transactions by the clock: when each machine sends again, and when it forgets (RFC 3261 §17)."""

import pytest

from spandsp_bridge.sip.message import Request, Response, parse
from spandsp_bridge.sip.timers import Timers
from spandsp_bridge.sip.transaction import ServerTransaction, TransactionLayer

PEER = ("192.0.2.2", 5060)


class Bench:
    """A layer with a clock of its own; writes down what it sends and what it reports."""

    def __init__(self, *, reliable: bool = False) -> None:
        self.now = 0.0
        self.sent: list[tuple[float, str]] = []
        self.timers = Timers(lambda: self.now)
        self.layer = TransactionLayer(self.send, self.timers, self, reliable=reliable)
        self.requests: list[ServerTransaction] = []
        self.acks: list[Request] = []
        self.cancelled: list[ServerTransaction] = []
        self.responses: list[int] = []
        self.timeouts: list[float] = []

    def send(self, data: bytes, _: tuple[str, int]) -> None:
        message = parse(data)
        what = message.method if isinstance(message, Request) else str(message.status)
        self.sent.append((self.now, what))

    def on_request(self, transaction: ServerTransaction, _: Request) -> None:
        self.requests.append(transaction)

    def on_ack(self, request: Request) -> None:
        self.acks.append(request)

    def on_cancel(self, transaction: ServerTransaction) -> None:
        self.cancelled.append(transaction)

    def on_stray_response(self, response: Response) -> None:
        self.responses.append(-response.status)

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while (deadline := self.timers.next_deadline()) is not None and deadline <= until:
            self.now = deadline
            self.timers.advance()
        self.now = until

    def times(self, what: str) -> list[float]:
        return [when for when, sent in self.sent if sent == what]

    def start(self, method: str) -> Request:
        request = message(method)
        self.layer.request(
            request,
            PEER,
            lambda r: self.responses.append(r.status),
            lambda: self.timeouts.append(self.now),
        )
        return request


def message(method: str, branch: str = "z9hG4bKone") -> Request:
    made = parse(
        f"{method} sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch={branch}\r\n"
        f"From: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:bob@192.0.2.2>\r\nCall-ID: c\r\n"
        f"CSeq: 1 {method}\r\n\r\n".encode(),
        PEER,
    )
    assert isinstance(made, Request)
    return made


def test_an_invite_is_sent_again_at_doubling_intervals_and_given_up_after_32_s() -> None:
    bench = Bench()
    bench.start("INVITE")
    bench.run(100)
    assert bench.times("INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert bench.timeouts == [32]
    assert len(bench.layer) == 0


def test_other_requests_are_sent_again_at_4_s_at_most() -> None:
    bench = Bench()
    bench.start("BYE")
    bench.run(100)
    assert bench.times("BYE") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert bench.timeouts == [32]


def test_a_reliable_transport_repeats_nothing() -> None:
    bench = Bench(reliable=True)
    bench.start("INVITE")
    bench.run(31)
    assert bench.times("INVITE") == [0]


def test_a_provisional_response_stops_the_invite_and_its_timeout() -> None:
    bench = Bench()
    request = bench.start("INVITE")
    bench.layer.receive(request.response(180, to_tag="x"))
    bench.run(200)
    assert bench.times("INVITE") == [0]
    assert bench.timeouts == []
    assert bench.responses == [180]


def test_a_refusal_is_acknowledged_each_time_it_comes_and_reported_once() -> None:
    bench = Bench()
    request = bench.start("INVITE")
    for _ in range(3):
        bench.layer.receive(request.response(486, to_tag="x"))
    assert len(bench.times("ACK")) == 3
    assert bench.responses == [486]
    bench.run(33)
    assert len(bench.layer) == 0


def test_every_2xx_reaches_the_user_who_has_to_acknowledge_it() -> None:
    bench = Bench()
    request = bench.start("INVITE")
    for tag in ("x", "x", "fork"):
        bench.layer.receive(request.response(200, to_tag=tag))
    assert bench.responses == [200, 200, 200]
    assert bench.times("ACK") == []
    bench.run(33)
    bench.layer.receive(request.response(200, to_tag="late"))
    assert bench.responses[-1] == -200, "after timer M it is a stray"


def test_our_refusal_is_sent_again_until_its_ack_comes() -> None:
    bench = Bench()
    bench.layer.receive(message("INVITE"))
    [server] = bench.requests
    server.respond(server.request.response(404, to_tag="us"))
    bench.run(4)
    assert bench.times("404") == [0, 0.5, 1.5, 3.5]
    bench.layer.receive(message("ACK"))
    bench.run(30)
    assert len(bench.times("404")) == 4
    assert bench.acks == [], "an ACK to a refusal is the transaction's own"
    assert len(bench.layer) == 0


def test_a_refusal_whose_ack_never_comes_is_forgotten_after_32_s() -> None:
    bench = Bench()
    bench.layer.receive(message("INVITE"))
    bench.requests[0].respond(bench.requests[0].request.response(404, to_tag="us"))
    bench.run(100)
    assert len(bench.layer) == 0
    assert max(bench.times("404")) < 32


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_a_request_that_comes_again_is_answered_again_and_reported_once(method: str) -> None:
    bench = Bench()
    for _ in range(3):
        bench.layer.receive(message(method))
        if not bench.requests[0].answered:
            status = 100 if method == "INVITE" else 200
            bench.requests[0].respond(bench.requests[0].request.response(status))
    assert len(bench.requests) == 1
    assert len(bench.sent) >= 3


def test_an_ack_to_a_2xx_goes_to_the_user() -> None:
    bench = Bench()
    bench.layer.receive(message("INVITE"))
    bench.requests[0].respond(bench.requests[0].request.response(200, to_tag="us"))
    bench.layer.receive(message("ACK", branch="z9hG4bKother"))
    assert len(bench.acks) == 1


def test_a_cancel_finds_its_invite_by_the_branch() -> None:
    bench = Bench()
    bench.layer.receive(message("INVITE"))
    bench.layer.receive(message("CANCEL", branch="z9hG4bKother"))
    assert bench.times("481") == [0]
    assert bench.cancelled == []
    bench.layer.receive(message("CANCEL"))
    assert bench.times("200") == [0]
    assert bench.cancelled == bench.requests


def test_thousands_of_lingering_transactions_cost_one_queue() -> None:
    bench = Bench()
    for number in range(5000):
        bench.layer.receive(message("OPTIONS", branch=f"z9hG4bK{number}"))
        bench.requests[-1].respond(bench.requests[-1].request.response(200))
    assert len(bench.timers._queues) == 1
    bench.run(33)
    assert len(bench.layer) == 0
