"""Texts in the reader's language: gettext catalogues, read by Babel.

English is the msgid; every other language is `locale/LANG/LC_MESSAGES/vfax.po` and nothing else.
Call `translate("constant text with {field}", language, field=value)`; never build a message.
`python -m spandsp_bridge.i18n` (`make messages`) brings the catalogues up to date.
"""

from spandsp_bridge.i18n.audit_texts import audit_text
from spandsp_bridge.i18n.catalogue import (
    ENGLISH,
    date_time,
    environment_language,
    language_name,
    languages,
    negotiate,
    number,
    plural,
    translate,
    translate_in,
)
from spandsp_bridge.i18n.column_help import help_text
from spandsp_bridge.i18n.labels import Label, word
from spandsp_bridge.i18n.rule_texts import rule_text
from spandsp_bridge.i18n.sentences import (
    decision_text,
    error_text,
    explained,
    label,
    sentence,
)

__all__ = [
    "ENGLISH",
    "Label",
    "audit_text",
    "date_time",
    "decision_text",
    "environment_language",
    "error_text",
    "explained",
    "help_text",
    "label",
    "language_name",
    "languages",
    "negotiate",
    "number",
    "plural",
    "rule_text",
    "sentence",
    "translate",
    "translate_in",
    "word",
]
