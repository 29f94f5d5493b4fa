"""What edge, inbound and outbound do to a message: headers, Record-Route, relay, refusal.

Functions of KSR answer -1 for failure, which is true in Python: compare with 0.
"""

from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

import KSR

from kemi import counters
from kemi.routing.model import Reply
from kemi.sip_phrases import phrase

VFAX_PREFIX = "x-vfax-"
VFAX_HEADERS = "^X-Vfax-"  # a regular expression; Kamailio ignores its case
IDENTITY_HEADERS = ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID")

# nat_uac_test: private address in Contact, Via address or port unlike the source
NAT_CONTACT, NAT_VIA_ADDRESS, NAT_VIA_PORT = 1, 2, 16


@dataclass(frozen=True, slots=True)
class Refusal:
    """The decision to refuse a call of a known peer (`source`); `number` is what it called."""

    reply: Reply
    direction: Literal["in", "out"]
    source: str = ""
    number: str = ""


def refuse(refusal: Refusal) -> None:
    """Answer a call with a final failure, with the standard's phrase; log the reason."""
    reply = refusal.reply
    counters.add(f"{refusal.direction}:{reply.code}")
    KSR.info(
        f"call refused: direction={refusal.direction} source={refusal.source!r}"
        f" number={refusal.number!r} code={reply.code} reason={reply.reason!r}\n"
    )
    if reply.retry_after is not None:
        KSR.hdr.append_to_reply(f"Retry-After: {reply.retry_after}\r\n")
    KSR.sl.send_reply(reply.code, phrase(reply.code))


# ---- headers -------------------------------------------------------------------------


def message_text() -> str | None:
    """Return the whole message in lower case; None if it is not UTF-8."""
    try:
        return str(KSR.kx.get_msgbuf()).lower()
    except UnicodeDecodeError:
        return None


def remove_vfax_headers(text: str | None) -> None:
    """Remove every X-Vfax-* header from the message `text`, from any sender.

    They are between Kamailio and the bridges alone. `KSR.hdr.get` still finds them: a
    removal is applied when the message leaves.
    """
    if text is None or VFAX_PREFIX in text:
        KSR.textops.remove_hf_re(VFAX_HEADERS)


def remove_identity_headers(text: str | None) -> None:
    """Remove what the caller claims to be; `outbound` adds what the carrier server expects."""
    if text is None or "-identity" in text or "remote-party-id" in text:
        for name in IDENTITY_HEADERS:
            KSR.hdr.remove(name)


# ---- dialogs -------------------------------------------------------------------------


def dialog_seal(secret: bytes) -> str:
    """Return the Record-Route parameter that proves that we let this dialog in.

    Without it anyone could have us relay to any address, by a Route and a To tag.
    """
    call_id = str(KSR.kx.get_callid() or "").encode("utf-8", "replace")
    return ";vf=" + blake2b(call_id, key=secret, digest_size=10).hexdigest()


def record_route(secret: bytes) -> None:
    """Stay in the path of the dialog (RFC 3261 §16.6 step 4), with the seal."""
    KSR.rr.add_rr_param(dialog_seal(secret))
    KSR.rr.record_route()


def relay() -> None:
    """Relay the request statefully; answer it where that fails."""
    if KSR.tm.t_relay() < 0:
        KSR.sl.sl_reply_error()


def branch_silent() -> bool:
    """Tell whether the failed branch timed out without any reply."""
    return bool(KSR.tm.t_branch_timeout() > 0 and KSR.tm.t_branch_replied() < 0)


# ---- NAT -----------------------------------------------------------------------------


def behind_nat() -> bool:
    """Tell whether the sender of the message seems to be behind NAT."""
    return bool(KSR.nathelper.nat_uac_test(NAT_CONTACT | NAT_VIA_ADDRESS | NAT_VIA_PORT) > 0)


def alias_contact() -> None:
    """Note the real source of a party behind NAT in its Contact, for requests to it."""
    if behind_nat():
        KSR.nathelper.set_contact_alias()
