"""What Kamailio has to be told: reload, the version in force, registrations.

Everything here may fail because Kamailio is away or starting; it is owed then, and done
when `forgot` finds it there again.
"""

import json
import time
from collections.abc import Iterable

import structlog

from spandsp_bridge.publisher.names import Names
from spandsp_bridge.publisher.rpc import KamailioRpc
from spandsp_bridge.settings import Settings

log = structlog.get_logger(__name__)

LOOK = 1.0  #: seconds between looks at whether Kamailio was started again
HOUSE = "house"  #: htable of what concerns the whole of Kamailio


class Kamailio:
    """Our Kamailio, over its RPC."""

    def __init__(self, settings: Settings, names: Names) -> None:
        self.rpc = KamailioRpc(settings.rpc_socket)
        self._names = names
        self._reload_owed = False
        self._looked = 0.0

    def reload(self) -> None:
        """Have the dispatcher list loaded again."""
        self._reload_owed = True
        try:
            self.rpc.reload_dispatcher()
        except (OSError, RuntimeError) as error:
            log.info("Kamailio did not reload its dispatcher list; trying again", error=str(error))
        else:
            self._reload_owed = False

    def tell(self, version: int) -> None:
        """Write the version in force where `kamcmd htable.get house version` shows it."""
        try:
            self.rpc.call("htable.seti", HOUSE, "version", version)
        except (OSError, RuntimeError):
            return  # away: forgot() finds out

    def forgot(self, version: int) -> bool:
        """Tell whether Kamailio is there but has another version: it was started again.

        Looks once in LOOK seconds; does a reload that is owed.
        """
        now = time.monotonic()
        if now - self._looked < LOOK:
            return False
        self._looked = now
        try:
            known = self.rpc.table(HOUSE).get("version")
        except (OSError, RuntimeError):
            return False
        if self._reload_owed:
            self.reload()
        return known != version

    def registrations(self, rows: Iterable[tuple[str, str]]) -> None:
        """Register at exactly these carriers: (id, value) of the view routing_registration."""
        wanted = {}
        for id_, value in rows:
            row = json.loads(value)
            host, port = row["host"], row["port"]
            if row["named"]:
                places = self._names.look(host, port, row["transport"])
                if not places:
                    continue  # registered as soon as its name is known
                host, port, _ = places[0]
            proxy = f"sip:{host}:{port};transport={row['transport']}"
            wanted[f"carrier-{id_}"] = (row, proxy)
        try:
            there = {str(r["l_uuid"]): r for r in self.rpc.call("uac.reg_dump") or []}
            for uuid in there.keys() - wanted.keys():
                if uuid.startswith("carrier-"):
                    self.rpc.call("uac.reg_remove", uuid)
            for uuid, (row, proxy) in wanted.items():
                if uuid in there:
                    if _same(there[uuid], row, proxy):
                        continue
                    self.rpc.call("uac.reg_remove", uuid)
                self.rpc.call(
                    "uac.reg_add",
                    *(uuid, row["username"], row["domain"], row["username"], row["domain"]),
                    *(row["realm"], row["auth_user"], ".", row["ha1"], proxy, row["expires"]),
                    *(0, 0, ".", "."),
                )
        except (OSError, RuntimeError) as error:
            log.info("Kamailio was not told its registrations; trying again", error=str(error))


def _same(there: dict[str, object], row: dict[str, object], proxy: str) -> bool:
    return (
        there.get("r_username") == row["username"]
        and there.get("r_domain") == row["domain"]
        and there.get("auth_username") == row["auth_user"]
        and there.get("auth_ha1") == row["ha1"]
        and there.get("auth_proxy") == proxy
        and there.get("expires") == row["expires"]
    )
