"""Why the default rules are as they are: of retries by reason, of failover by class."""

from collections.abc import Mapping

from spandsp_bridge.i18n.phrases import N_, Phrase
from spandsp_bridge.reasons import Reason

_SLOWER = N_("Slower modems work on worse lines.")
_CONTINUES = N_("It continues at the first page that was not confirmed.")
_OURS = N_("The fault was ours; it continues at the first page that was not confirmed.")

#: For each row of `retry_defaults`.
RETRY_PHRASES: Mapping[Reason, Phrase] = {
    Reason.CANCELLED: N_("It was cancelled on request."),
    Reason.USER_BUSY: N_("A line is usually free again within minutes."),
    Reason.RECEIVER_NO_ANSWER: N_("The fax machine may be switched on later."),
    Reason.CARRIER_FAILED: N_("Every carrier was tried at once; the fault may pass."),
    Reason.RECEIVER_UNALLOCATED_NUMBER: N_("The number does not exist."),
    Reason.CALL_FORBIDDEN: N_("It would be forbidden again."),
    Reason.CALL_REJECTED: N_("The receiver does not accept the call."),
    Reason.CALL_FAILED: N_("It is not known what would change."),
    Reason.ANSWERED_BY_PERSON: N_("Once may be chance; twice it is a wrong number."),
    Reason.NO_FAX_ANSWERED: N_("A number that never answered as a fax gets one more attempt."),
    Reason.T38_REFUSED: N_("The receiver may accept the fax over audio."),
    Reason.RECEIVER_INCOMPATIBLE: N_("The fax machines are not compatible."),
    Reason.RECEIVER_RESOLUTION: N_("The pages are made again in a lower resolution."),
    Reason.RECEIVER_PAGE_SIZE: N_("The document has to be sent in another page size."),
    Reason.CANNOT_TRAIN: _SLOWER,
    Reason.LINE_QUALITY: _SLOWER,
    Reason.PROTOCOL_ERROR: N_("Some fax machines fail with ECM."),
    Reason.PAGE_REFUSED: _CONTINUES,
    Reason.RECEIVER_CALL_DROPPED: _CONTINUES,
    Reason.RECEIVER_BUSY: N_("The fax machine may be out of paper or memory."),
    Reason.OPERATOR_INTERRUPT: N_("Somebody at the fax machine interrupted it."),
    Reason.ENGINE_LOST: _OURS,
    Reason.ENGINE_FAILED: N_("No media ports were free."),
    Reason.WORKER_LOST: _OURS,
    Reason.WORKER_STOPPED: N_(
        "The worker was restarted; it continues at the first page that was not confirmed."
    ),
    Reason.CALL_TIME_LIMIT: N_("It would take as long again."),
    Reason.DOCUMENT_UNUSABLE: N_("The document would fail again."),
    Reason.OUT_OF_MEMORY: N_("The host may have more memory later."),
    Reason.INTERNAL_ERROR: N_("The log has to be checked first."),
}

_NEXT_SERVER = N_("The server failed: the next server is tried.")
#: For each row of `failover_defaults`.
FAILOVER_PHRASES: Mapping[str, Phrase] = {
    "no_answer": N_("The server does not answer: the next server is tried."),
    "3xx": N_("Redirects of other systems are not followed: the next carrier is tried."),
    "4xx": N_("This carrier does not accept the call: the next carrier is tried."),
    "403": N_("This carrier forbids the call, another may not: the next carrier is tried."),
    "404": N_("This carrier does not know the number, another may: the next carrier is tried."),
    "408": N_("The server found no route in time: the next server is tried."),
    "410": N_("The number no longer exists."),
    "422": N_("The caller has to raise its session interval."),
    "480": N_("The called side was reached and is not available."),
    "484": N_("The number is incomplete."),
    "486": N_("The called side is busy."),
    "487": N_("The call was cancelled."),
    "488": N_(
        "This carrier does not accept the media (T.38): the next carrier is tried, and this is "
        "remembered."
    ),
    "491": N_("Two requests crossed: the caller tries again."),
    "5xx": _NEXT_SERVER,
    "6xx": N_("The called side answers so for every way to it."),
    "606": N_("This carrier does not accept the media: the next carrier is tried."),
}


def rule_text(key: str, language: str) -> str:
    """Return why the default rule of a reason or of a failover class is as it is."""
    phrase = RETRY_PHRASES.get(Reason(key)) if key in set(Reason) else FAILOVER_PHRASES.get(key)
    return phrase.text({}, language) if phrase else ""
