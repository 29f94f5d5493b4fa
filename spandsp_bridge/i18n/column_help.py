"""What tables and columns mean: their comments in the database, as people read them in forms.

The msgid is a comment of sql/schema.sql in the words of a form (`help_message`); the tool of this
package extracts those of the tables below, of the columns that forms show.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from spandsp_bridge.i18n.catalogue import translate
from spandsp_bridge.i18n.form_labels import FIELDS

#: The tables of store/config_tables.py; tests/unit/portal/test_texts.py compares.
FORM_TABLES = frozenset(
    {
        "brand_countries", "brands", "bridges", "carrier_rates", "carrier_servers", "carriers",
        "companies", "cover_pages", "ddi_provider_addresses", "ddi_providers", "ddis",
        "failover_rules", "mail_templates", "outgoing_route_carriers", "outgoing_routes",
        "peer_profiles", "retry_rules", "routing_pattern_group_members", "routing_pattern_groups",
        "routing_patterns", "sending_hours", "sip_accounts", "users", "virtual_fax_callers",
        "virtual_fax_hours", "virtual_fax_senders", "virtual_fax_users", "virtual_faxes",
        "webhooks",
    }
)  # fmt: skip
COMMENT = re.compile(
    r"^COMMENT ON (?:TABLE|COLUMN) (\w+)(?:\.(\w+))? IS '((?:[^']|'')*)';$", re.MULTILINE
)


def help_message(comment: str) -> str:
    """Return a comment in the words of a form: an empty field, a ticked box."""
    text = re.sub(r"\bnull\b", "empty", comment)
    return re.sub(r"^false:", "Off:", re.sub(r"^true:", "On:", text))


def help_text(comment: str, language: str) -> str:
    """Return the help that a comment is, in a language; an empty text where there is none."""
    return translate(help_message(comment), language)


def help_messages(schema: Path) -> Iterator[str]:
    """Yield the messages of the forms' tables and columns in a schema file."""
    for table, column, comment in COMMENT.findall(schema.read_text(encoding="utf-8")):
        if table in FORM_TABLES and (not column or column in FIELDS):
            yield help_message(comment.replace("''", "'"))
