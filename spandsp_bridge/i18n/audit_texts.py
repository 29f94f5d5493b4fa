"""What an entry of the audit log is about, from its facts (`store.audit.AuditDetail`)."""

from collections.abc import Mapping
from typing import Any

from spandsp_bridge.i18n.phrases import N_, NN_, Phrase

#: The first one that has its facts is taken; the kind of a document stands for itself.
AUDIT_PHRASES: tuple[Phrase, ...] = (
    N_("mailed to {recipients}"),
    N_("as fax {new_fax}"),
    NN_("older than {days} day", "older than {days} days", "days"),
)


def audit_text(detail: Mapping[str, Any], language: str) -> str:
    """Return the facts of an audit entry in words; an empty text: the action says it all."""
    facts = dict(detail)
    if "recipients" in facts:
        facts["recipients"] = ", ".join(facts["recipients"])
    return next(
        (phrase.text(facts, language) for phrase in AUDIT_PHRASES if phrase.fits(facts)),
        str(facts.get("document", "")),
    )
