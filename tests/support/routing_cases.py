# ruff: noqa: E501  (rows of a table)
"""The rules of outgoing calls as rows: explained, and run as real calls, by the same rows.

A server's name says what it does: `ok1` takes calls, `503` refuses with 503, `silent` never
answers. A carrier is named by its servers: `503+ok1` has two.
"""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class R:
    """An outgoing route."""

    carrier: str = ""  # or several, with spaces, for lcr
    type: Literal["pattern", "group", "fax"] = "pattern"
    priority: int = 100
    weight: int = 1
    stopper: bool = False
    mode: Literal["static", "lcr", "block"] = "static"
    prefix: str = "+"
    of: Literal["all", "own", "other"] = "all"
    tag: bool = False
    add_prefix: str = ""
    caller: str | None = None


@dataclass(frozen=True)
class Case:
    """A call and what becomes of it.

    `order`: the carriers as planned, one of several orders. `tried`: the servers that get
    the call. `code`: the final answer. `sql` is run besides; it may name :brand, :company
    and :carrier (the first route's).
    """

    name: str
    routes: tuple[R, ...]
    order: tuple[str, ...] = ()
    tried: str | None = None
    code: int = 200
    kind: Literal["fax", "call", "fax device", "T.38 call"] = "fax"
    to: str = "+34911234567"
    media: str = "audio"
    sql: str = ""
    explained: int | None = None  # the reply, when routing itself gives one
    headers: dict[str, str] = field(default_factory=dict)  # of the answer
    got: tuple[str, ...] = ()  # patterns in the INVITE that the last server got


def failing(first: str, code: int, tried: str, sql: str = "", **more: object) -> Case:
    """A first carrier that fails, and a second that would take the call."""
    return Case(
        f"{first}: {more.pop('why', '')}", (R(first, priority=1), R("ok1", priority=2)),
        (f"{first} ok1",), tried, code, sql=sql, **more,  # type: ignore[arg-type]
    )  # fmt: skip


RULE = "insert into failover_rules (brand_id, carrier_id, class, action, retry_after) values "
RATE = (
    "insert into carrier_rates (brand_id, carrier_id, prefix, price, valid_from, valid_until) "
    "select brand_id, id, r.prefix, r.price, r.since::timestamptz, r.until::timestamptz "
    "from carriers k join (values {}) as r (name, prefix, price, since, until) on r.name = k.name "
    "where k.brand_id = :brand"
)

CASES = [
    # ---- order
    Case("priority, lower first", (R("ok2", priority=20), R("ok1", priority=10)),
         ("ok1 ok2",), "ok1"),
    Case("the same priority in any order", (R("ok1"), R("ok2", weight=2)),
         ("ok1 ok2", "ok2 ok1")),
    Case("prefix length plays no part", (R("ok1", prefix="+34911"), R("ok2", priority=1)),
         ("ok2 ok1",), "ok2"),
    Case("what does not match is left out", (R("ok1", prefix="+44"), R("ok2", prefix="+349")),
         ("ok2",), "ok2"),
    Case("nothing matches", (R("ok1", prefix="+44"),), ("",), "", 503, explained=503),
    Case("no routes at all", (), ("",), "", 503, explained=503),
    Case("a company's own routes and those for all, by priority alone",
         (R("ok1", priority=20), R("ok2", priority=10, of="own")), ("ok2 ok1",), "ok2"),
    Case("another company's routes are none of ours",
         (R("ok1", of="other", priority=1), R("ok2")), ("ok2",), "ok2"),
    Case("a group has several prefixes", (R("ok1", type="group", prefix="+44 +349"),),
         ("ok1",), "ok1"),
    # ---- fax routes
    Case("a fax takes fax routes first", (R("ok1", priority=1), R("ok2", "fax", priority=50)),
         ("ok2",), "ok2"),
    Case("a call takes no fax route", (R("ok1"), R("ok2", "fax", priority=1)),
         ("ok1",), "ok1", kind="call"),
    Case("a fax device's call is a fax", (R("ok1", priority=1), R("ok2", "fax")),
         ("ok2",), "ok2", kind="fax device"),
    Case("a call that offers T.38 is a fax", (R("ok1", priority=1), R("ok2", "fax")),
         ("ok2",), "ok2", kind="T.38 call", media="t38"),
    Case("a fax without fax routes goes as a call", (R("ok1"),), ("ok1",), "ok1"),
    Case("a fax whose fax carriers are all disabled goes as a call",
         (R("ok2", "fax"), R("ok1")), ("ok1",), "ok1",
         sql="update carriers set enabled = false where id = :carrier"),
    Case("failed fax routes are the end", (R("503", "fax"), R("ok1")), ("503",), "503", 503),
    Case("failed fax routes lead to call routes on demand",
         (R("503", "fax", priority=50), R("ok1", priority=1)), ("503 ok1",), "503 ok1",
         sql="update brands set fall_back_after_failure = true where id = :brand"),
    # ---- stopper, block
    Case("a stopper discards higher numbers, never its own",
         (R("503", priority=10, stopper=True), R("404", priority=10), R("ok1", priority=11)),
         ("503 404", "404 503"), None, 404),
    Case("the lowest stopper counts",
         (R("ok1", priority=5), R("ok2", priority=10, stopper=True),
          R("404", priority=20, stopper=True)), ("ok1 ok2",), "ok1"),
    Case("a block refuses, whatever its priority",
         (R("ok1", priority=1), R(mode="block", priority=200)), ("",), "", 403, explained=403),
    Case("a block that does not match is nothing",
         (R("ok1"), R(mode="block", prefix="+44")), ("ok1",), "ok1"),
    # ---- lcr
    Case("lcr: the cheapest first, by the longest prefix, of valid rates",
         (R("ok1 ok2 503", mode="lcr"),), ("503 ok2 ok1",), "503 ok2",
         sql=RATE.format("('ok1', '+34', 0.03, '-infinity', null), ('ok2', '+34', 0.05, '-infinity', null),"
                         " ('ok2', '+34911', 0.02, '-infinity', null), ('503', '+3', 0.01, '-infinity', null),"
                         " ('ok1', '+34911', 0.001, '-infinity', '2020-01-01'),"
                         " ('ok1', '+349112', 0.001, '2099-01-01', null)")),
    Case("lcr: no rate, no carrier", (R("ok1 ok2", mode="lcr"),), ("ok2",), "ok2",
         sql=RATE.format("('ok1', '+44', 0.01, '-infinity', null), ('ok2', '+34', 1, '-infinity', null)")),
    Case("lcr: stands at its priority", (R("ok2 503", mode="lcr", priority=1), R("ok1", priority=0)),
         ("ok1 503 ok2",), "ok1",
         sql=RATE.format("('503', '+34', 0.01, '-infinity', null), ('ok2', '+34', 1, '-infinity', null)")),
    # ---- routing tags
    Case("a tag chooses its routes", (R("ok1"), R("ok2", tag=True)), ("ok2",), "ok2",
         to="12#+34911234567"),
    Case("without a tag, routes without", (R("ok1"), R("ok2", tag=True)), ("ok1",), "ok1"),
    Case("a tag that is not the company's", (R("ok1"),), ("",), "", 403, to="99#+34911234567",
         explained=403),
    # ---- numbers
    Case("an account dials as in its country", (R("ok1", prefix="+34911"),), ("ok1",), "ok1",
         kind="call", to="911234567", got=(r"INVITE sip:\+34911234567@",)),
    Case("an account dials by its company's transformation", (R("ok1", prefix="+49"),),
         ("ok1",), "ok1", kind="call", to="930123456", got=(r"INVITE sip:\+4930123456@",),
         sql="with t as (insert into number_transformations (brand_id, name) values (:brand, 'in')"
             " returning id), r as (insert into number_transformation_rules (brand_id,"
             " transformation_id, direction, prefix, strip, add_prefix)"
             " select :brand, id, 'callee_in', '9', 1, '+49' from t)"
             " update companies set transformation_id = (select id from t) where id = :company"),
    Case("a prefix is added and the caller is forced",
         (R("ok1", add_prefix="77", caller="+34900000009"),), ("ok1",), "ok1",
         got=(r"INVITE sip:77\+34911234567@", r"(?m)^From: .*sip:\+34900000009@",
              r"(?m)^P-Asserted-Identity: <sip:\+34900000009@")),
    Case("a carrier gets numbers as it wants them", (R("ok1"),), ("ok1",), "ok1",
         got=(r"INVITE sip:0034911234567@", r"(?m)^From: .*sip:34910000001@"),
         sql="with t as (insert into number_transformations (brand_id, name) values (:brand, 'out')"
             " returning id), r as (insert into number_transformation_rules (brand_id,"
             " transformation_id, direction, prefix, strip, add_prefix)"
             " select :brand, id, 'callee_out'::number_direction, '+', 1, '00' from t union all"
             " select :brand, id, 'caller_out', '+', 1, '' from t)"
             " update carriers set transformation_id = (select id from t) where id = :carrier"),
    Case("From domain, Remote-Party-ID, no P-Asserted-Identity", (R("ok1"),), ("ok1",), "ok1",
         got=(r"(?m)^From: .*sip:\+34910000001@us\.example>", r"(?s)\A(?!.*P-Asserted-Identity)",
              r"(?m)^Remote-Party-ID: <sip:\+34910000001@us\.example>;party=calling"),
         sql="update carrier_servers set from_domain = 'us.example', remote_party_id = true,"
             " asserted_identity = false where carrier_id = :carrier"),
    Case("what a caller says of itself and of us does not leave", (R("ok1"),), ("ok1",), "ok1",
         kind="call", got=(r"(?is)\A(?!.*x-vfax)", r"(?is)\A(?!.*\+34666)",
                           r"(?m)^P-Asserted-Identity: <sip:\+3491200\d{4}@")),
    # ---- failover, by the table
    failing("503", 200, "503 ok1", why="5xx leads on"),
    failing("500", 200, "500 ok1", why="5xx leads on"),
    failing("silent", 200, "silent ok1", why="silence leads on"),
    failing("408", 200, "408 ok1", why="leads on"),
    failing("403", 200, "403 ok1", why="this carrier's word leads on"),
    failing("404", 200, "404 ok1", why="this carrier's word leads on"),
    failing("302", 200, "302 ok1", why="a redirect is not followed, it leads on"),
    failing("488", 200, "488 ok1", why="the media leads on", kind="T.38 call", media="t38"),
    failing("606", 200, "606 ok1", why="the media leads on"),
    failing("486", 486, "486", why="busy stops"),
    failing("480", 480, "480", why="stops"),
    failing("484", 484, "484", why="stops"),
    failing("410", 410, "410", why="stops"),
    failing("600", 600, "600", why="busy everywhere stops"),
    failing("603", 603, "603", why="a decline stops"),
    failing("487", 487, "487", why="stops"),
    failing("486", 200, "486 ok1", RULE + "(:brand, null, '486', 'next', 1)",
            why="leads on by the brand's rule"),
    failing("503", 503, "503", RULE + "(:brand, null, '503', 'next', 1),"
            " (:brand, :carrier, '503', 'stop', 1)", why="stops by the carrier's rule"),
    failing("603", 200, "603 ok1", RULE + "(:brand, :carrier, '6xx', 'next', 1)",
            why="leads on by a rule for its family"),
    failing("503", 503, "503", RULE + "(:brand, :carrier, '503', 'retry_later', 77)",
            why="later, says the rule", headers={"Retry-After": "77"}),
    failing("403", 403, "403", RULE + "(:brand, :carrier, '4xx', 'retry_later', 99),"
            " (:brand, :carrier, '403', 'retry_later', 55)",
            why="later, an exact rule wins", headers={"Retry-After": "55"}),
    Case("a server's failure leads to the carrier's next server",
         (R("503+ok1", priority=1), R("ok2", priority=2)), ("503+ok1 ok2",), "503 ok1"),
    Case("a carrier's word leads past its other servers",
         (R("404+ok1", priority=1), R("ok2", priority=2)), ("404+ok1 ok2",), "404 ok2"),
    Case("all refuse with 503", (R("503"),), ("503",), "503", 503),
    Case("all are silent", (R("silent"),), ("silent",), "silent", 408),
    Case("the last one's word stands", (R("503", priority=1), R("404", priority=2)),
         ("503 404",), "503 404", 404),
    # ---- credentials
    Case("a carrier gets the credentials that it wants", (R("digest"),), ("digest",),
         "digest digest", got=(r"(?m)^Authorization: Digest username=\"acct77\"",),
         sql="update carrier_servers set auth_user = 'acct77', auth_realm = 'line.example',"
             " auth_ha1 = sip_ha1('acct77', 'line.example', 'line') where carrier_id = :carrier"),
    Case("wrong credentials lead on", (R("digest", priority=1), R("ok1", priority=2)),
         ("digest ok1",), "digest digest ok1",
         sql="update carrier_servers set auth_user = 'acct77', auth_realm = 'line.example',"
             " auth_ha1 = sip_ha1('acct77', 'line.example', 'wrong') where carrier_id = :carrier"),
    Case("no credentials: the carrier's challenge is a refusal",
         (R("digest", priority=1), R("ok1", priority=2)), ("digest ok1",), "digest ok1"),
    # ---- inside
    Case("a call to our own DDI stays inside", (R("ok1"),), ("",), "", 200, to="+34911000002"),
    Case("a call to a DDI without a target stays inside too", (R("ok1"),), ("",), "", 404,
         to="+34911000950", explained=404,
         sql="insert into ddis (brand_id, company_id, number) values (:brand, :company, '+34911000950')"),
]  # fmt: skip

SERVERS = sorted({
    server
    for case in CASES
    for route in case.routes
    for carrier in route.carrier.split()
    for server in carrier.split("+")
})  # fmt: skip
