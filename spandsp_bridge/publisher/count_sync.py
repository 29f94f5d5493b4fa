"""Synchronise counts of calls, loads of bridges and health between Redis and Kamailio's memory.

Kamailio reads its own memory during a call and sends no request. Values of other hosts expire
there within seconds: without Redis or the publisher, a limit counts the calls of one Kamailio
alone.
"""

import asyncio

from kemi.routing.model import SINGLE_BRIDGE_SET
from spandsp_bridge.publisher.rpc import KamailioRpc
from spandsp_bridge.settings import Settings
from spandsp_bridge.store.shared_counts import SharedCounts

PERIOD = 1.0  #: seconds


class CountSync:
    """Reports local counts and writes those of other hosts, once a second."""

    def __init__(self, settings: Settings, rpc: KamailioRpc) -> None:
        self._node = settings.node
        self._shared = SharedCounts(settings.redis_url)
        self._rpc = rpc

    async def run(self) -> None:
        """Run until cancelled."""
        try:
            while True:
                await self._exchange()
                await asyncio.sleep(PERIOD)
        finally:
            await self._shared.close()

    async def _exchange(self) -> None:
        try:
            calls, bridges, health = await asyncio.to_thread(self._read)
        except (OSError, RuntimeError, KeyError):
            return  # Kamailio does not answer
        await self._shared.report_calls(self._node, calls)
        await self._shared.report_health(self._node, health)
        remote = await self._shared.remote_calls(self._node)
        loads = await self._shared.loads(bridges)
        await asyncio.to_thread(self._write, remote, loads)

    def _read(self) -> tuple[dict[str, int], list[str], dict[str, int]]:
        """Return Kamailio's calls by limited company and brand, the bridges, and its health."""
        calls = {}
        for name in self._rpc.table("call_limits"):
            profile, _, value = name.partition(":")
            count = int(self._rpc.call("dlg.profile_get_size", profile, value))
            if count:
                calls[name] = count
        bridges = [
            uri.removeprefix("sip:")
            for set_id, uri, _ in self._rpc.destinations()
            if set_id > SINGLE_BRIDGE_SET
        ]
        return calls, bridges, self._health()

    def _health(self) -> dict[str, int]:
        """Return Kamailio's version, uptime and counters since its start."""
        counts = {name: int(value) for name, value in self._rpc.table("counts").items()}

        def total(*names: str) -> int:
            return sum(counts.get(name, 0) for name in names)

        return {
            "version": int(self._rpc.table("status").get("version", 0)),
            "uptime": int(self._rpc.call("core.uptime")["uptime"]),
            "calls_in": total("in:fax", "in:account", "in:uri"),
            "calls_out": total("out:fax", "out:call"),
            "failovers": total("out:failover"),
            "unknown_peers": total("refused"),
        }

    def _write(self, remote: dict[str, int], loads: dict[str, int]) -> None:
        try:
            for name, count in remote.items():
                self._rpc.call("htable.seti", "remote_calls", name, count)
            for bridge, count in loads.items():
                self._rpc.call("htable.seti", "load", bridge, count)
        except (OSError, RuntimeError):
            return
