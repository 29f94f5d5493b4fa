"""What Kamailio has to be told: to load its lists again, and the version in force.

Everything here may fail because Kamailio is away or starting; it is owed then, and done
when `forgot` finds it there again.
"""

import time
from collections.abc import Iterable

import structlog

from spandsp_bridge.publisher.dispatcher import ensure_dispatcher_file
from spandsp_bridge.publisher.names import Names
from spandsp_bridge.publisher.registrations import (
    compile_registrations,
    ensure_registrations,
    write_registrations,
)
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
        self._folder = settings.registrations
        self._reload_owed = self._register_owed = False
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
        if self._register_owed:
            self._register()
        return known != version

    def registrations(self, rows: Iterable[tuple[str, str]]) -> None:
        """Register at exactly these carriers: (id, value) of the view routing_registration."""
        text = compile_registrations(rows, self._names.look)
        if write_registrations(self._folder, text):
            self._register()

    def _register(self) -> None:
        try:
            self.rpc.call("uac.reg_reload")
        except (OSError, RuntimeError) as error:
            # Away: it reads the file when it starts. Or too soon after the last time.
            self._register_owed = True
            log.info("Kamailio did not reload its registrations; trying again", error=str(error))
        else:
            self._register_owed = False


def ensure_files(settings: Settings) -> None:
    """Make what Kamailio does not start without, where the publisher has not written it yet."""
    ensure_dispatcher_file(settings.dispatcher_file)
    ensure_registrations(settings.registrations)
