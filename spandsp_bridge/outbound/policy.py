"""What follows a failed attempt: rules by reason, what has happened so far, and the next step.

Pure: rows in, decision out. An attempt's `reason` is its class of failure; the rules of a
brand are the view `retry_rules_in_force`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spandsp_bridge.calls.send import SendJob
from spandsp_bridge.model import AudioFax

MAX_ATTEMPTS = 12  #: of one fax, whatever the rules say
WITHOUT_V17 = 9600  #: bit/s, the fastest rate of V.29


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of `retry_rules_in_force`."""

    reason: str
    action: str  #: `retry` or `stop`
    delay: int  #: seconds
    tries: int  #: attempts that may end for this reason
    steps: tuple[str, ...]  #: what the next attempts change, one after the other
    why: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows the last attempt."""

    retry: bool
    delay: float  #: seconds until the next attempt
    why: str  #: in words, for the user


def rules_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, Rule]:
    """Return rows of `retry_rules_in_force` as rules by reason."""
    return {row["reason"]: Rule(**{**row, "steps": tuple(row["steps"])}) for row in rows}


UNKNOWN = Rule("", "stop", 0, 1, (), "No rule is known for this failure.")


def decide(
    rules: Mapping[str, Rule], history: Sequence[str], random: Callable[[], float]
) -> Decision:
    """Return what follows; `history` has the reasons of all attempts, the latest one last.

    `random` yields [0, 1): delays are between half and one and a half of the rule's, so that
    many faxes to one number do not come back together.
    """
    reason = history[-1]
    rule = rules.get(reason, UNKNOWN)
    ended_so = sum(past == reason for past in history)
    if rule.action != "retry":
        return Decision(False, 0.0, "")
    if ended_so >= rule.tries:
        times = "once" if ended_so == 1 else f"{ended_so} times"
        return Decision(False, 0.0, f"tried {times}, as often as the rule for {reason} allows")
    if len(history) >= MAX_ATTEMPTS:
        return Decision(False, 0.0, f"tried {len(history)} times, as often as any fax is tried")
    delay = rule.delay * (0.5 + random())
    return Decision(True, delay, f"attempt {len(history) + 1} follows by itself")


def steps(rules: Mapping[str, Rule], history: Sequence[str]) -> list[str]:
    """Return what the next attempt changes, by the reasons of the ones before it."""
    changed: dict[str, None] = {}
    seen: dict[str, int] = {}
    for reason in history:
        number = seen.get(reason, 0)
        seen[reason] = number + 1
        of_rule = rules.get(reason, UNKNOWN).steps
        if number < len(of_rule) and of_rule[number] not in ("", "same"):
            changed[of_rule[number]] = None
    return list(changed)


def adapted(job: SendJob, changes: Sequence[str]) -> SendJob:
    """Return the job with the changes that earlier failures ask for."""
    for change in changes:
        match change:
            case "ecm_off":
                job = replace(job, ecm=False)
            case "v17_off":
                job = replace(job, max_bit_rate=min(job.max_bit_rate, WITHOUT_V17))
            case "audio":
                job = replace(job, audio_fax=AudioFax.FIRST)
    return job


def explain(rules: Mapping[str, Rule], reason: str) -> list[dict[str, object]]:
    """Return what would happen were every attempt to end for one reason, attempt by attempt."""
    told: list[dict[str, object]] = []
    history: list[str] = []
    while True:
        changes = steps(rules, history)
        history.append(reason)
        decision = decide(rules, history, lambda: 0.5)
        told.append(
            {
                "attempt": len(history),
                "changes": changes,
                "action": "retry" if decision.retry else "stop",
                "delay_seconds": round(decision.delay) if decision.retry else None,
                "why": decision.why,
            }
        )
        if not decision.retry:
            return told
