"""Registrations at carriers: the text table that Kamailio's module uac reads.

The module wants a table; db_text gives it a file. So registrations outlive everything, like
the routing tables and the dispatcher list.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kemi.routing.model import sip_uri
from spandsp_bridge.publisher.dispatcher import Resolve, write_atomically

VERSION = "table_name(string) table_version(int)\nuacreg:5\n"
COLUMNS = (
    "id(int,auto) l_uuid(string) l_username(string) l_domain(string) r_username(string)"
    " r_domain(string) realm(string) auth_username(string) auth_password(string,null)"
    " auth_ha1(string) auth_proxy(string) expires(int) flags(int) reg_delay(int)"
    " contact_addr(string,null) socket(string,null)\n"
)


def _field(value: object) -> str:
    return str(value).replace("\\", "\\\\").replace(":", "\\:").replace("\n", " ")


def compile_registrations(
    rows: Iterable[tuple[str, str]], resolve: Resolve, old: str = COLUMNS
) -> tuple[str, dict[str, str]]:
    """Return the table for rows (id, value) of the view routing_registration, and what is wrong.

    The latter is the reason of each rejected row by its id; such a registration stays as it is
    in `old`, the table in force. A named server that DNS does not know yet is left out.
    """
    in_force = {line.partition(":")[0]: line for line in old.splitlines(keepends=True)[1:]}
    lines: list[str] = []
    rejected: dict[str, str] = {}
    for id_, value in rows:
        try:
            lines.append(_line(id_, json.loads(value), resolve))
        except (ValueError, TypeError, KeyError) as error:
            reason = f"missing key {error}" if isinstance(error, KeyError) else str(error)
            rejected[id_] = f"registration {id_}: {reason}; the registration stays as it was"
            lines.append(in_force.get(id_, ""))
    return COLUMNS + "".join(lines), rejected


def _line(id_: str, row: Mapping[str, Any], resolve: Resolve) -> str:
    """Return the line of a registration, empty while the address of its server is unknown."""
    host, port = row["host"], row["port"]
    if row["named"]:
        addresses = list(resolve(host, port, row["transport"]))
        if not addresses:
            return ""
        host, port, _ = addresses[0]
    user, domain = row["username"], row["domain"]
    fields = (
        *(id_, f"carrier-{id_}", user, domain, user, domain, row["realm"], row["auth_user"]),
        *("", row["ha1"], sip_uri(host, port, row["transport"]), row["expires"], 0, 0, "", ""),
    )
    return ":".join(map(_field, fields)) + "\n"


def ensure_registrations(folder: Path) -> None:
    """Create an empty table where there is none: Kamailio does not start without it."""
    for name, text in (("version", VERSION), ("uacreg", COLUMNS)):
        if not (folder / name).exists():
            write_atomically(folder / name, text, 0o600)


def registrations_in_force(folder: Path) -> str:
    """Return the table that Kamailio reads."""
    ensure_registrations(folder)
    return (folder / "uacreg").read_text()


def write_registrations(folder: Path, text: str) -> bool:
    """Write the table; tell whether it changed."""
    path = folder / "uacreg"
    if registrations_in_force(folder) == text:
        return False
    write_atomically(path, text, 0o600)  # it holds HA1s
    return True
