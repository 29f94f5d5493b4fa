"""What an end means: only confirmed pages make a fax complete."""

import re

import pytest
from spandsp_bridge.native._engine import ffi, lib

from spandsp_bridge.calls.outcome import T30_REASONS, judge, judge_sip
from spandsp_bridge.i18n import sentence
from spandsp_bridge.model import Cause, Finished, SessionStats


def end(pages: int, code: int = 0, cause: Cause = Cause.T30) -> Finished:
    return Finished(code, "", cause, SessionStats(pages=pages))


@pytest.mark.parametrize(
    ("name", "finished", "expected", "ok", "reason"),
    [
        ("all pages confirmed", end(3), 3, True, "completed"),
        ("OK, but RTN on the only page", end(0), 1, False, "page_refused"),
        ("OK, but RTN on the last of three", end(2), 3, False, "page_refused"),
        ("all confirmed, DCN lost", end(3, 49), 3, True, "completed"),
        ("dropped after one page", end(1, 49, Cause.COMMAND), 3, False, "receiver_call_dropped"),
        ("nobody there", end(0, 3), 3, False, "no_fax_answered"),
        ("the engine died", end(2, -1, Cause.ENGINE_LOST), 3, False, "engine_lost"),
        ("the clock ran out", end(2, 49, Cause.CLOCK), 3, False, "call_time_limit"),
    ],
)
def test_sending(name: str, finished: Finished, expected: int, ok: bool, reason: str) -> None:
    outcome = judge(finished, sending=True, expected=expected, complete=False)
    assert (outcome.ok, outcome.reason) == (ok, reason), name
    assert (outcome.detail["pages"], outcome.detail["confirmed"]) == (
        expected,
        finished.stats.pages,
    )


@pytest.mark.parametrize(
    ("finished", "complete", "ok"),
    [(end(2), True, True), (end(2), False, False), (end(0), True, False), (end(2, 49), True, True)],
)
def test_receiving(finished: Finished, complete: bool, ok: bool) -> None:
    assert judge(finished, sending=False, expected=None, complete=complete).ok is ok


def test_the_table_has_every_code_of_spandsp_in_its_order() -> None:
    texts = [
        ffi.string(lib.t30_completion_code_to_str(code)).decode()
        for code in range(len(T30_REASONS))
    ]
    assert texts[0] == "OK"
    assert T30_REASONS[texts.index("The call dropped prematurely")] == "receiver_call_dropped"
    assert T30_REASONS[texts.index("Disconnected after permitted retries")] == "page_refused"
    for position, text in enumerate(texts):
        if re.search("DCN", text) and 35 <= position <= 40:
            assert T30_REASONS[position] == "sender_call_dropped", text
        if "TIFF" in text:
            assert T30_REASONS[position] == "document_unusable", text


@pytest.mark.parametrize("status", range(300, 700))
def test_every_sip_failure_has_a_reason_in_words(status: int) -> None:
    outcome = judge_sip(status, "Whatever")
    assert not outcome.ok
    assert outcome.detail == {"sip": status, "sip_phrase": "Whatever"}
    assert f"(SIP {status} Whatever)." in sentence(outcome.reason, outcome.detail, "en")


@pytest.mark.parametrize(
    ("status", "reason"),
    [(486, "user_busy"), (404, "receiver_unallocated_number"), (408, "receiver_no_answer"),
     (503, "carrier_failed"), (403, "call_forbidden")],
)  # fmt: skip
def test_common_sip_failures(status: int, reason: str) -> None:
    assert judge_sip(status, "").reason == reason
