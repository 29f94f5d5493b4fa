"""The retry policy: rules and a history in, the next step out."""

from pathlib import Path

import pytest

from spandsp_bridge.calls.send import SendJob
from spandsp_bridge.model import AudioFax
from spandsp_bridge.outbound.policy import adapted, decide, explain, steps
from spandsp_bridge.store.retry_rules import RetryRule

RULES = {
    rule.reason: rule
    for rule in (
        RetryRule("user_busy", "retry", 180, 3, ()),
        RetryRule("cannot_train", "retry", 60, 4, ("v17_off", "audio")),
        RetryRule("protocol_error", "retry", 60, 3, ("same", "ecm_off")),
        RetryRule("answered_by_person", "retry", 300, 2, ()),
        RetryRule("worker_stopped", "retry", 10, 12, ()),
        RetryRule("call_rejected", "stop", 0, 1, ()),
    )
}
JOB = SendJob(
    fax_id=1, company_id=1, attempt=1, from_number="+1", to_number="+2", file=Path("x"), pages=1,
    station_id="", header_line="", time_zone="", ecm=True, max_bit_rate=14400,
)  # fmt: skip


@pytest.mark.parametrize(
    ("history", "retries"),
    [
        (["user_busy"], True),
        (["user_busy"] * 2, True),
        (["user_busy"] * 3, False),
        (["user_busy", "cannot_train", "user_busy"], True),
        (["call_rejected"], False),
        (["a reason that nobody knows"], False),
        (["answered_by_person"], True),
        (["answered_by_person", "user_busy", "answered_by_person"], False),
        (["worker_stopped"] * 11, True),
        (["worker_stopped"] * 11 + ["user_busy"], False),
    ],
)
def test_what_follows(history: list[str], *, retries: bool) -> None:
    decision = decide(RULES, history, lambda: 0.5)
    assert decision.retry is retries
    if retries:
        assert decision.delay == RULES[history[-1]].delay
        assert decision.detail == {"action": "retry", "attempt": len(history) + 1}


@pytest.mark.parametrize(
    ("history", "most", "why"),
    [
        (["user_busy"], 1, ("virtual_fax", 1)),
        (["user_busy", "cannot_train"], 2, ("virtual_fax", 2)),
        (["user_busy"] * 3, 9, ("rule", 3)),
    ],
)
def test_a_virtual_fax_may_try_less_often(
    history: list[str], most: int, why: tuple[str, int]
) -> None:
    decision = decide(RULES, history, lambda: 0.5, most)
    assert not decision.retry
    assert decision.detail == {"action": "stop", "why": why[0], "attempt": why[1]}
    assert decide(RULES, ["user_busy"], lambda: 0.5, 2).retry


def test_a_virtual_fax_s_own_pause() -> None:
    assert decide(RULES, ["user_busy"], lambda: 0.5, None, 30).delay == 30
    at_once = {"receiver_resolution": RetryRule("receiver_resolution", "retry", 0, 3, ("coarser",))}
    assert decide(at_once, ["receiver_resolution"], lambda: 0.5, None, 30).delay == 0


def test_delays_are_spread() -> None:
    delays = [decide(RULES, ["user_busy"], lambda n=n: n / 10).delay for n in range(10)]  # type: ignore[misc]
    assert (min(delays), max(delays)) == (90.0, 180 * 1.4)


@pytest.mark.parametrize(
    ("history", "changes"),
    [
        ([], []),
        (["user_busy"], []),
        (["cannot_train"], ["v17_off"]),
        (["cannot_train", "user_busy", "cannot_train"], ["v17_off", "audio"]),
        (["protocol_error"], []),
        (["protocol_error", "cannot_train", "protocol_error"], ["v17_off", "ecm_off"]),
    ],
)
def test_what_the_next_attempt_changes(history: list[str], changes: list[str]) -> None:
    assert steps(RULES, history) == changes


def test_changes_change_the_job() -> None:
    job = adapted(JOB, ["ecm_off", "v17_off", "audio"])
    assert (job.ecm, job.max_bit_rate, job.audio_fax) == (False, 9600, AudioFax.FIRST)
    assert adapted(JOB, []) == JOB


def test_the_explanation_is_what_would_happen() -> None:
    told = explain(RULES, "cannot_train")
    assert [row["action"] for row in told] == ["retry"] * 3 + ["stop"]
    assert [row["changes"] for row in told] == [[], ["v17_off"], ["v17_off", "audio"],
                                               ["v17_off", "audio"]]  # fmt: skip
