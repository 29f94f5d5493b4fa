"""What Kamailio has to be told: to load its lists again, and the version in force.

Everything here may fail because Kamailio is away or starting; it is owed then, and done
when `forgot` finds it there again.
"""

import time
from collections.abc import Iterable

import structlog

from spandsp_bridge.publisher.dispatcher import ensure_dispatcher_file
from spandsp_bridge.publisher.dns_cache import DnsCache
from spandsp_bridge.publisher.registrations import (
    compile_registrations,
    ensure_registrations,
    write_registrations,
)
from spandsp_bridge.publisher.rpc import KamailioRpc
from spandsp_bridge.settings import Settings

log = structlog.get_logger(__name__)

LOOK = 1.0  #: seconds between looks at whether Kamailio was started again
LOOK_SILENT = 5.0  #: seconds between looks at one that did not answer in time
STATUS_TABLE = "status"  #: htable with the version of the routing tables in force


class Kamailio:
    """Our Kamailio, over its RPC."""

    def __init__(self, settings: Settings, names: DnsCache) -> None:
        self.rpc = KamailioRpc(settings.rpc_socket)
        self._names = names
        self._folder = settings.registrations
        self._reload_owed = self._register_owed = False
        self._looked = 0.0
        #: It did not answer in time. The tables need no answer of Kamailio, so they are not
        #: held up by one time-out after the other: `forgot` alone waits for it, now and then.
        self._silent = False

    def reload(self) -> None:
        """Have the dispatcher list loaded again."""
        self._reload_owed = True
        if self._silent:
            return
        try:
            self.rpc.reload_dispatcher()
        except (OSError, RuntimeError) as error:
            self._silent = isinstance(error, TimeoutError)
            log.info("dispatcher reload deferred", error=str(error))
        else:
            self._reload_owed = False

    def tell(self, version: int) -> None:
        """Write the version in force where `kamcmd htable.get status version` shows it."""
        if self._silent:
            return
        try:
            self.rpc.call("htable.seti", STATUS_TABLE, "version", version)
        except (OSError, RuntimeError) as error:
            self._silent = isinstance(error, TimeoutError)
            return  # away: forgot() finds out

    def forgot(self, version: int) -> bool:
        """Tell whether Kamailio is there but has another version: it was started again.

        Looks once in LOOK seconds; does a reload that is owed.
        """
        now = time.monotonic()
        if now - self._looked < (LOOK_SILENT if self._silent else LOOK):
            return False
        try:
            known = self.rpc.table(STATUS_TABLE).get("version")
        except (OSError, RuntimeError) as error:
            self._silent = isinstance(error, TimeoutError)
            return False
        finally:
            self._looked = time.monotonic()
        self._silent = False
        if self._reload_owed:
            self.reload()
        if self._register_owed:
            self._register()
        return known != version

    def registrations(self, rows: Iterable[tuple[str, str]]) -> None:
        """Register at exactly these carriers: (id, value) of the view routing_registration."""
        with self._names.used_by("registrations") as resolve:
            text = compile_registrations(rows, resolve)
        if write_registrations(self._folder, text):
            self._register()

    def _register(self) -> None:
        if self._silent:
            self._register_owed = True
            return
        try:
            self.rpc.call("uac.reg_reload")
        except (OSError, RuntimeError) as error:
            # Away: it reads the file when it starts. Or too soon after the last time.
            self._register_owed = True
            self._silent = isinstance(error, TimeoutError)
            log.info("registration reload deferred", error=str(error))
        else:
            self._register_owed = False


def ensure_files(settings: Settings) -> None:
    """Make what Kamailio does not start without, where the publisher has not written it yet."""
    ensure_dispatcher_file(settings.dispatcher_file)
    ensure_registrations(settings.registrations)
