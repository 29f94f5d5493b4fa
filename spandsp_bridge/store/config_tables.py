"""The tables that users edit, as forms and the API offer them: columns, kinds, who writes.

What a tenant sees and may write is decided by row-level security and by the grants in
sql/policies; the lists here say what is offered. A new column of configuration is one Field.
"""

from dataclasses import dataclass

from spandsp_bridge.i18n import languages
from spandsp_bridge.model import PAPERS, PICTURES, RESOLUTIONS, AudioFax

BRAND, COMPANY = frozenset({"brand"}), frozenset({"brand", "company"})
PLATFORM = frozenset({"platform"})
NO_ROLE: frozenset[str] = frozenset()
WEEKDAYS = tuple("1234567")


@dataclass(frozen=True, slots=True)
class Field:
    """A column, and how it is asked for."""

    name: str
    kind: str = "text"  #: text, long, int, number, bool, choice, many, lines, ref, time, moment
    choices: tuple[str, ...] = ()
    ref: str = ""  #: kind `ref`: the key of the resource
    needed: bool = False
    listed: bool = True
    writers: frozenset[str] | None = None  #: None: all who may write the resource
    section: str = ""  #: of a long form; fields of one section stand together


@dataclass(frozen=True, slots=True)
class Resource:
    """A table that people edit."""

    key: str
    table: str
    fields: tuple[Field, ...]
    readers: frozenset[str] = COMPANY
    writers: frozenset[str] = COMPANY
    label: str = "name"  #: the column that names a row
    parent: str = ""  #: key of the resource that it belongs to
    parent_column: str = ""
    of_company: bool = False  #: the table has a company_id that every row has
    makers: frozenset[str] | None = None  #: who makes and deletes rows; None: the writers
    #: columns that together name a row, where it has no id
    identity: tuple[str, ...] = ("id",)
    digest_column: str = ""  #: the column that a password is kept in, as a digest

    def made_by(self, role: str) -> bool:
        """Tell whether a role makes and deletes rows."""
        return role in (self.writers if self.makers is None else self.makers)

    def field(self, name: str) -> Field:
        """Return a field by name."""
        return next(f for f in self.fields if f.name == name)


EVENTS = ("received", "partial", "sent", "failed")
HOOK_EVENTS = ("fax.received", "fax.sent", "fax.failed", "fax.progress")
RATES = ("2400", "4800", "7200", "9600", "12000", "14400")
AUDIO = tuple(map(str, AudioFax))
TRANSPORTS = ("udp", "tcp", "tls")

RESOURCES: dict[str, Resource] = {r.key: r for r in (
    # ---- a company's -----------------------------------------------------------------------
    Resource("virtual-faxes", "virtual_faxes", (
        Field("name", needed=True),
        Field("outgoing_ddi_id", "ref", ref="ddis"),
        Field("email", "lines"),
        Field("send_by_email", "bool"),
        Field("mail_events", "many", EVENTS, listed=False, section="email"),
        Field("mail_document", "choice", ("pdf", "link"), listed=False, section="email"),
        Field("header_line", listed=False, section="pages"),
        Field("resolution", "choice", RESOLUTIONS, listed=False, section="pages"),
        Field("pictures", "choice", PICTURES, listed=False, section="pages"),
        Field("long_pages", "choice", ("split", "scale"), listed=False, section="pages"),
        Field("max_attempts", "int", listed=False, section="retries"),
        Field("retry_delay", "int", listed=False, section="retries"),
        Field("station_id", listed=False, section="transmission"),
        Field("audio_fax", "choice", AUDIO, listed=False, section="transmission"),
        Field("ecm", "bool", listed=False, section="transmission"),
        Field("max_bit_rate", "choice", RATES, listed=False, section="transmission"),
    ), of_company=True),
    Resource("hours", "virtual_fax_hours", (
        Field("weekday", "choice", WEEKDAYS, needed=True),
        Field("opens", "time", needed=True), Field("closes", "time", needed=True),
    ), parent="virtual-faxes", parent_column="virtual_fax_id", of_company=True, label="weekday"),
    Resource("callers", "virtual_fax_callers", (
        Field("prefix", needed=True), Field("action", "choice", ("allow", "deny"), needed=True),
    ), parent="virtual-faxes", parent_column="virtual_fax_id", of_company=True, label="prefix"),
    Resource("senders", "virtual_fax_senders", (Field("email", needed=True),),
        parent="virtual-faxes", parent_column="virtual_fax_id", of_company=True, label="email",
        identity=("email",)),
    Resource("fax-users", "virtual_fax_users", (Field("user_id", "ref", ref="users", needed=True),),
        parent="virtual-faxes", parent_column="virtual_fax_id", of_company=True, label="user_id",
        identity=("virtual_fax_id", "user_id")),
    Resource("ddis", "ddis", (
        Field("number", needed=True, writers=BRAND),
        Field("company_id", "ref", ref="companies", needed=True, writers=BRAND),
        Field("virtual_fax_id", "ref", ref="virtual-faxes"),
        Field("sip_account_id", "ref", ref="accounts", writers=BRAND, listed=False),
        Field("external_uri", writers=BRAND, listed=False),
        Field("ddi_provider_id", "ref", ref="ddi-providers", writers=BRAND),
    ), label="number", makers=BRAND),
    Resource("users", "users", (
        Field("email", needed=True), Field("name"),
        Field("role", "choice", ("company", "user"), needed=True),
        Field("language", "choice", languages(), listed=False),
        Field("time_zone", listed=False),
        Field("fax_only", "bool", listed=False), Field("enabled", "bool"),
    ), label="email", of_company=True, digest_column="password_hash"),
    Resource("cover-pages", "cover_pages", (
        Field("name", needed=True), Field("html", "long", needed=True, listed=False),
    ), of_company=True),
    Resource("webhooks", "webhooks", (
        Field("url", needed=True), Field("events", "many", HOOK_EVENTS), Field("enabled", "bool"),
    ), label="url", of_company=True),
    Resource("sending-hours", "sending_hours", (
        Field("weekday", "choice", WEEKDAYS, needed=True),
        Field("opens", "time", needed=True), Field("closes", "time", needed=True),
    ), label="weekday", of_company=True),
    # ---- a brand's -----------------------------------------------------------------------------
    Resource("brand", "brands", (
        Field("name", writers=NO_ROLE), Field("fall_back_after_failure", "bool"),
    ), BRAND, BRAND, makers=NO_ROLE),
    Resource("countries", "brand_countries", (Field("country", needed=True),), BRAND, BRAND,
        label="country", parent="brand", parent_column="brand_id"),
    Resource("companies", "companies", (
        Field("name", needed=True, writers=BRAND),
        Field("country", writers=BRAND), Field("time_zone"),
        Field("language", "choice", languages()), Field("paper", "choice", PAPERS),
        Field("outgoing_ddi_id", "ref", ref="ddis", listed=False),
        Field("cover_page_id", "ref", ref="cover-pages", listed=False),
        Field("continuation_cover", "bool", listed=False),
        Field("retention_days", "int", listed=False),
        Field("max_calls", "int", writers=BRAND, listed=False),
        Field("sending_calls", "int", writers=BRAND, listed=False),
        Field("bridge_choice", "choice", ("round_robin", "least_loaded"), writers=BRAND,
              listed=False),
        Field("sip_domain", writers=BRAND, listed=False),
    ), makers=BRAND),
    Resource("accounts", "sip_accounts", (
        Field("username", needed=True), Field("company_id", "ref", ref="companies", needed=True),
        Field("fax_device", "bool"), Field("enabled", "bool"),
        Field("outgoing_ddi_id", "ref", ref="ddis", listed=False),
    ), BRAND, BRAND, label="username", digest_column="ha1"),
    Resource("ddi-providers", "ddi_providers", (
        Field("name", needed=True), Field("enabled", "bool"),
    ), BRAND, BRAND),
    Resource("provider-addresses", "ddi_provider_addresses", (
        Field("address", needed=True), Field("local_address"), Field("local_port", "int"),
    ), BRAND, BRAND, label="address", parent="ddi-providers", parent_column="ddi_provider_id"),
    Resource("carriers", "carriers", (
        Field("name", needed=True), Field("enabled", "bool"),
    ), BRAND, BRAND),
    Resource("carrier-servers", "carrier_servers", (
        Field("address"), Field("host"), Field("port", "int"),
        Field("transport", "choice", TRANSPORTS), Field("priority", "int"),
        Field("enabled", "bool"),
        Field("from_domain", listed=False, section="identity"),
        Field("asserted_identity", "bool", listed=False, section="identity"),
        Field("remote_party_id", "bool", listed=False, section="identity"),
        Field("auth_user", listed=False, section="authentication"),
        Field("auth_realm", listed=False, section="authentication"),
    ), BRAND, BRAND, label="id", parent="carriers", parent_column="carrier_id",
        digest_column="auth_ha1"),
    Resource("carrier-rates", "carrier_rates", (
        Field("prefix", needed=True), Field("price", "number", needed=True),
        Field("valid_from", "moment"), Field("valid_until", "moment"),
    ), BRAND, BRAND, label="prefix", parent="carriers", parent_column="carrier_id"),
    Resource("patterns", "routing_patterns", (
        Field("name", needed=True), Field("prefix", needed=True),
    ), BRAND, BRAND),
    Resource("groups", "routing_pattern_groups", (Field("name", needed=True),), BRAND, BRAND),
    Resource("group-members", "routing_pattern_group_members", (
        Field("pattern_id", "ref", ref="patterns", needed=True),
    ), BRAND, BRAND, label="pattern_id", parent="groups", parent_column="group_id",
        identity=("group_id", "pattern_id")),
    Resource("routes", "outgoing_routes", (
        Field("type", "choice", ("fax", "pattern", "group"), needed=True),
        Field("mode", "choice", ("static", "lcr", "block"), needed=True),
        Field("company_id", "ref", ref="companies"),
        Field("pattern_id", "ref", ref="patterns"), Field("group_id", "ref", ref="groups"),
        Field("carrier_id", "ref", ref="carriers"),
        Field("priority", "int"), Field("weight", "int"), Field("stopper", "bool"),
        Field("add_prefix", listed=False), Field("caller_id", listed=False),
    ), BRAND, BRAND, label="id"),
    Resource("route-carriers", "outgoing_route_carriers", (
        Field("carrier_id", "ref", ref="carriers", needed=True),
    ), BRAND, BRAND, label="carrier_id", parent="routes", parent_column="route_id",
        identity=("route_id", "carrier_id")),
    Resource("retry-rules", "retry_rules", (
        Field("reason", needed=True), Field("action", "choice", ("retry", "stop"), needed=True),
        Field("delay", "int"), Field("tries", "int"), Field("steps", "lines"),
    ), BRAND, BRAND, label="reason"),
    Resource("failover-rules", "failover_rules", (
        Field("class", needed=True),
        Field("action", "choice", ("next", "stop", "retry_later"), needed=True),
        Field("carrier_id", "ref", ref="carriers"), Field("retry_after", "int"),
    ), BRAND, BRAND, label="class"),
    Resource("peer-profiles", "peer_profiles", (
        Field("number", needed=True), Field("reason", listed=False),
        Field("learned_from", "int", writers=NO_ROLE), Field("changes", "lines", writers=NO_ROLE),
        Field("audio_fax", "choice", AUDIO),
        Field("ecm", "choice", ("true", "false"), listed=False),
        Field("max_bit_rate", "choice", RATES), Field("resolution", "choice", RESOLUTIONS),
        Field("calls", "int", listed=False), Field("pinned", "bool"),
        Field("expires_at", "moment"),
    ), BRAND, BRAND, label="number"),
    Resource("mail-templates", "mail_templates", (
        Field("event", "choice", EVENTS, needed=True),
        Field("language", "choice", languages(), needed=True),
        Field("company_id", "ref", ref="companies"), Field("subject", needed=True),
        Field("text", "long", needed=True, listed=False), Field("html", "long", listed=False),
    ), BRAND, BRAND, label="event"),
    # ---- the platform's ------------------------------------------------------------------
    Resource("brands", "brands", (
        Field("name", needed=True), Field("max_calls", "int"),
    ), PLATFORM, PLATFORM),
    Resource("operators", "users", (
        Field("email", needed=True), Field("name"),
        Field("role", "choice", ("brand", "platform"), needed=True),
        Field("brand_id", "ref", ref="brands"), Field("enabled", "bool"),
    ), PLATFORM, PLATFORM, label="email", digest_column="password_hash"),
    Resource("bridges", "bridges", (
        Field("name", writers=NO_ROLE), Field("sip_address", writers=NO_ROLE),
        Field("sip_port", "int", writers=NO_ROLE),
        Field("receives", "bool", writers=NO_ROLE), Field("enabled", "bool"),
        Field("last_seen", "moment", writers=NO_ROLE),
    ), PLATFORM, PLATFORM, makers=NO_ROLE),
)}  # fmt: skip
