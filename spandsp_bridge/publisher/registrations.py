"""Registrations at carriers: the text table that Kamailio's module uac reads.

The module wants a table; db_text gives it a file. So registrations outlive everything, like
the routing tables and the dispatcher list.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from kemi.routing.model import sip_uri
from spandsp_bridge.publisher.dispatcher import Look, write_atomically

VERSION = "table_name(string) table_version(int)\nuacreg:5\n"
COLUMNS = (
    "id(int,auto) l_uuid(string) l_username(string) l_domain(string) r_username(string)"
    " r_domain(string) realm(string) auth_username(string) auth_password(string,null)"
    " auth_ha1(string) auth_proxy(string) expires(int) flags(int) reg_delay(int)"
    " contact_addr(string,null) socket(string,null)\n"
)


def _field(value: object) -> str:
    return str(value).replace("\\", "\\\\").replace(":", "\\:").replace("\n", " ")


def compile_registrations(rows: Iterable[tuple[str, str]], look: Look) -> str:
    """Return the table for rows (id, value) of the view routing_registration.

    A named server that DNS does not know yet is left out until it does.
    """
    lines = []
    for id_, value in rows:
        row = json.loads(value)
        host, port = row["host"], row["port"]
        if row["named"]:
            places = list(look(host, port, row["transport"]))
            if not places:
                continue
            host, port, _ = places[0]
        user, domain = row["username"], row["domain"]
        fields = (
            *(id_, f"carrier-{id_}", user, domain, user, domain, row["realm"], row["auth_user"]),
            *("", row["ha1"], sip_uri(host, port, row["transport"]), row["expires"], 0, 0, "", ""),
        )
        lines.append(":".join(map(_field, fields)) + "\n")
    return COLUMNS + "".join(lines)


def ensure_registrations(folder: Path) -> None:
    """Make an empty table where there is none: Kamailio does not start without it."""
    for name, text in (("version", VERSION), ("uacreg", COLUMNS)):
        if not (folder / name).exists():
            write_atomically(folder / name, text, 0o600)


def write_registrations(folder: Path, text: str) -> bool:
    """Write the table; tell whether it changed."""
    ensure_registrations(folder)
    path = folder / "uacreg"
    if path.read_text() == text:
        return False
    write_atomically(path, text, 0o600)  # it holds HA1s
    return True
