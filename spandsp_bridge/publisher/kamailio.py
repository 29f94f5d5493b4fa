"""Kamailio over its RPC: reload its lists, set the version of the routing tables in force.

Every call may fail because Kamailio is down or starting. It is then pending, and repeated when
`restarted` finds that Kamailio answers again.
"""

import time
from collections.abc import Iterable

import structlog

from spandsp_bridge.publisher.dispatcher import ensure_dispatcher_file
from spandsp_bridge.publisher.dns_cache import DnsCache
from spandsp_bridge.publisher.registrations import (
    compile_registrations,
    ensure_registrations,
    registrations_in_force,
    write_registrations,
)
from spandsp_bridge.publisher.rpc import KamailioRpc
from spandsp_bridge.settings import Settings

log = structlog.get_logger(__name__)

CHECK_SECONDS = 1.0  #: between checks whether Kamailio was restarted
CHECK_SILENT_SECONDS = 5.0  #: between checks of one whose last answer timed out
STATUS_TABLE = "status"  #: htable with the version of the routing tables in force


class Kamailio:
    """The Kamailio of this host."""

    def __init__(self, settings: Settings, names: DnsCache) -> None:
        self.rpc = KamailioRpc(settings.rpc_socket)
        self._names = names
        self._folder = settings.registrations
        self._reload_pending = self._registration_pending = False
        self._checked_at = 0.0
        #: The last call timed out. The tables do not depend on Kamailio, so a series of time-outs
        #: must not delay them: until it answers again, `restarted` alone waits for it.
        self._silent = False

    def reload(self) -> None:
        """Reload the dispatcher list."""
        self._reload_pending = True
        if self._silent:
            return
        try:
            self.rpc.reload_dispatcher()
        except (OSError, RuntimeError) as error:
            self._silent = isinstance(error, TimeoutError)
            log.info("dispatcher reload deferred", error=str(error))
        else:
            self._reload_pending = False

    def set_version(self, version: int) -> None:
        """Write the version in force where `kamcmd htable.get status version` shows it."""
        if self._silent:
            return
        try:
            self.rpc.call("htable.seti", STATUS_TABLE, "version", version)
        except (OSError, RuntimeError) as error:
            self._silent = isinstance(error, TimeoutError)
            return  # restarted() will find another version

    def restarted(self, version: int) -> bool:
        """Tell whether Kamailio answers with another version: it was restarted.

        Checks once in CHECK_SECONDS, and repeats what is pending.
        """
        now = time.monotonic()
        if now - self._checked_at < (CHECK_SILENT_SECONDS if self._silent else CHECK_SECONDS):
            return False
        try:
            known = self.rpc.table(STATUS_TABLE).get("version")
        except (OSError, RuntimeError) as error:
            self._silent = isinstance(error, TimeoutError)
            return False
        finally:
            self._checked_at = time.monotonic()
        self._silent = False
        if self._reload_pending:
            self.reload()
        if self._registration_pending:
            self._register()
        return known != version

    def registrations(self, rows: Iterable[tuple[str, str]]) -> dict[str, str]:
        """Register at exactly these carriers: (id, value) of the view routing_registration.

        Return the reason of each rejected row by its id.
        """
        in_force = registrations_in_force(self._folder)
        with self._names.used_by("registrations") as resolve:
            text, rejected = compile_registrations(rows, resolve, in_force)
        if write_registrations(self._folder, text):
            self._register()
        return rejected

    def _register(self) -> None:
        if self._silent:
            self._registration_pending = True
            return
        try:
            self.rpc.call("uac.reg_reload")
        except (OSError, RuntimeError) as error:
            # Down: it reads the file when it starts. Or too soon after the last reload.
            self._registration_pending = True
            self._silent = isinstance(error, TimeoutError)
            log.info("registration reload deferred", error=str(error))
        else:
            self._registration_pending = False


def ensure_files(settings: Settings) -> None:
    """Create the files that Kamailio needs to start, where they do not exist yet."""
    ensure_dispatcher_file(settings.dispatcher_file)
    ensure_registrations(settings.registrations)
