"""What follows a failed attempt: rules by reason, what has happened so far, and the next step.

Pure: rows in, decision out. An attempt's `reason` is its class of failure; the rules of a
brand are the view `effective_retry_rules`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spandsp_bridge.calls.send import SendJob
from spandsp_bridge.model import RESOLUTIONS, AudioFax, Media, Outcome
from spandsp_bridge.store.peer_profiles import PeerProfile
from spandsp_bridge.store.retry_rules import RetryRule

MAX_ATTEMPTS = 12  #: of one fax, whatever the rules say
WITHOUT_V17 = 9600  #: bit/s, the fastest rate of V.29


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows the last attempt."""

    retry: bool
    delay: float  #: seconds until the next attempt
    #: which limit ended it: `rule`, `attempts` or `virtual_fax`; empty: none, or the rule says stop
    why: str = ""
    attempt: int = 0  #: the next one, or how many attempts reached the limit

    @property
    def detail(self) -> dict[str, Any]:
        """The decision as an outcome's detail keeps it under `next`; empty: nothing to say."""
        if self.retry:
            return {"action": "retry", "attempt": self.attempt}
        return {"action": "stop", "why": self.why, "attempt": self.attempt} if self.why else {}


def rules_of(rules: Iterable[RetryRule]) -> dict[str, RetryRule]:
    """Return rules by their reason."""
    return {rule.reason: rule for rule in rules}


UNKNOWN = RetryRule("", "stop", 0, 1, ())


def decide(
    rules: Mapping[str, RetryRule],
    history: Sequence[str],
    random: Callable[[], float],
    max_attempts: int | None = None,
    retry_delay: int | None = None,
) -> Decision:
    """Return what follows; `history` has the reasons of all attempts, the latest one last.

    `random` yields [0, 1): delays are between half and one and a half of the rule's, so that
    many faxes to one number do not come back together. `max_attempts` and `retry_delay` (seconds)
    are the virtual fax's own; a rule without a delay keeps none.
    """
    reason = history[-1]
    rule = rules.get(reason, UNKNOWN)
    same = sum(past == reason for past in history)
    if rule.action != "retry":
        return Decision(False, 0.0)
    if same >= rule.tries:
        return Decision(False, 0.0, "rule", same)
    if len(history) >= MAX_ATTEMPTS:
        return Decision(False, 0.0, "attempts", len(history))
    if max_attempts is not None and len(history) >= max_attempts:
        return Decision(False, 0.0, "virtual_fax", len(history))
    base = retry_delay if retry_delay is not None and rule.delay else rule.delay
    return Decision(True, base * (0.5 + random()), attempt=len(history) + 1)


def steps(rules: Mapping[str, RetryRule], history: Sequence[str]) -> list[str]:
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


def last_step(rules: Mapping[str, RetryRule], history: Sequence[str]) -> str:
    """Return what the latest failure asks the next attempt to change, or an empty text."""
    before = steps(rules, history[:-1])
    return next((step for step in steps(rules, history) if step not in before), "")


def adapted(job: SendJob, changes: Sequence[str], carriers: Sequence[int] = ()) -> SendJob:
    """Return the job with the changes that earlier failures ask for.

    `carriers` are those that took the calls before: the last one is avoided by `other_carrier`.
    """
    for change in changes:
        match change:
            case "ecm_off":
                job = replace(job, ecm=False)
            case "v17_off":
                job = replace(job, max_bit_rate=min(job.max_bit_rate, WITHOUT_V17))
            case "audio":
                job = replace(job, audio_fax=AudioFax.FIRST)
            case "other_carrier":
                avoided = dict.fromkeys((*job.avoid_carriers, *carriers))
                job = replace(job, avoid_carriers=tuple(avoided))
    return job


def with_profile(job: SendJob, profile: PeerProfile | None) -> SendJob:
    """Return the job as the far machine's profile wants it."""
    if profile is None:
        return job
    return replace(
        job,
        ecm=job.ecm if profile.ecm is None else profile.ecm,
        max_bit_rate=min(job.max_bit_rate, profile.max_bit_rate or job.max_bit_rate),
        audio_fax=AudioFax(profile.audio_fax) if profile.audio_fax else job.audio_fax,
        max_datagram=profile.max_datagram,
        avoid_carriers=profile.avoid_carriers,
    )


def learned(job: SendJob, usual: SendJob, outcome: Outcome) -> PeerProfile | None:
    """Return what a successful attempt changed from the `usual` way, or None."""
    audio = outcome.stats.media is Media.AUDIO and usual.audio_fax is not AudioFax.FIRST
    ecm_off = usual.ecm and not job.ecm
    slower = job.max_bit_rate < usual.max_bit_rate
    changes = {
        "ecm_off": ecm_off,
        "v17_off": slower,
        "audio": audio,
        "other_carrier": bool(job.avoid_carriers),
    }
    if not any(changes.values()):
        return None
    return PeerProfile(
        ecm=False if ecm_off else None,
        max_bit_rate=job.max_bit_rate if slower else None,
        audio_fax=AudioFax.FIRST if audio else None,
        avoid_carriers=job.avoid_carriers,
        learned_from=job.fax_id,
        changes=tuple(change for change, made in changes.items() if made),
    )


def coarser(resolution: str) -> str | None:
    """Return the next lower resolution, or None."""
    place = RESOLUTIONS.index(resolution)
    return RESOLUTIONS[place - 1] if place else None


def explain(rules: Mapping[str, RetryRule], reason: str) -> list[dict[str, Any]]:
    """Return what would happen were every attempt to end for one reason, attempt by attempt."""
    rows: list[dict[str, Any]] = []
    history: list[str] = []
    while True:
        changes = steps(rules, history)
        history.append(reason)
        decision = decide(rules, history, lambda: 0.5)
        rows.append(
            {
                "attempt": len(history),
                "changes": changes,
                "action": "retry" if decision.retry else "stop",
                "delay_seconds": round(decision.delay) if decision.retry else None,
                "next": decision.detail,
            }
        )
        if not decision.retry:
            return rows
