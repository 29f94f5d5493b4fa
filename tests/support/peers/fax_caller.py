"""Fax machines that call a bridge straight, without a Kamailio: real SIP, real T.38.

The bridge has to be told that this address is its outbound proxy: it takes calls from nobody
else.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from spandsp_bridge.demo.probes import options_answered
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.demo.stack import vfax as vfax_command
from spandsp_bridge.demo.supervisor import Service
from spandsp_bridge.errors import CallFailed, EngineError
from spandsp_bridge.model import Finished, Media, PageDone, SessionOptions
from spandsp_bridge.native.client import EngineClient
from spandsp_bridge.sip.address import NameAddr, Uri
from spandsp_bridge.sip.transport import LoopTimers, UdpTransport
from spandsp_bridge.sip.user_agent import UserAgent
from spandsp_bridge.t38.negotiation import LocalMedia, read, t38_peer
from spandsp_bridge.testpeer.peer import ScriptedHandler

Address = tuple[str, int]


@dataclass
class Sent:
    """What one call came to, as the caller knows it."""

    call_id: str = ""
    pages: int = 0  #: confirmed by MCF
    failed: str = ""  #: why T.30 or the call did not end well


class FaxCaller:
    """Any number of calls to one bridge."""

    def __init__(self, agent: UserAgent, engine: EngineClient, virtual_fax: int, ddi: str) -> None:
        self._agent = agent
        self._engine = engine
        self._headers = {
            "X-Vfax-Company": "1",
            "X-Vfax-Virtual-Fax": str(virtual_fax),
            "X-Vfax-Ddi": ddi,
        }

    @property
    def pids(self) -> list[int]:
        """Process ids of its engine processes."""
        return self._engine.pids

    async def fax(
        self, document: Path, on_page: Callable[[], Awaitable[None]] | None = None
    ) -> Sent:
        """Fax a TIFF over one call. Ends, whatever becomes of the bridge."""
        result = Sent()
        try:
            session = await self._engine.open(
                SessionOptions(file=document, sending=True, calling=True)
            )
        except EngineError as error:
            result.failed = str(error)
            return result
        address = self._agent.local[0]
        local = LocalMedia(address, session.audio_port, session.t38_port)
        owner = ScriptedHandler(local)
        call = self._agent.invite(
            to=Uri(self._headers["X-Vfax-Ddi"], self._agent.outbound_proxy[0]),
            from_=NameAddr(Uri("+34600000001", address)),
            sdp=local.image(),
            headers=self._headers,
            handler=owner,
        )
        result.call_id = call.call_id
        try:
            description = read((await call.answered()).body)
            if description is None or description.t38 is None:
                result.failed = "answered without T.38"
                return result
            session.start(Media.T38, t38_peer(description.t38))
            async for event in session.events():
                if isinstance(event, PageDone):
                    result.pages = event.page
                    if on_page is not None:
                        await on_page()
                if isinstance(event, Finished) and event.t30_code != 0:
                    result.failed = event.t30_text or str(event.t30_code)
            if not result.failed:
                await asyncio.wait_for(owner.ended.wait(), 10)
        except (CallFailed, TimeoutError) as error:
            result.failed = str(error) or type(error).__name__
        finally:
            call.hang_up()
            session.close()
        return result


@asynccontextmanager
async def fax_caller(
    local: Address, bridge: Address, ports: tuple[int, int], *, virtual_fax: int, ddi: str,
    processes: int = 4,
) -> AsyncIterator[FaxCaller]:  # fmt: skip
    """Yield a caller at an address, with engine processes of its own."""
    transport = await UdpTransport.bind(local, {bridge[0]})
    agent = UserAgent(local=local, outbound_proxy=bridge, send=transport.send, timers=LoopTimers())
    transport.serve(agent.receive)
    try:
        async with EngineClient(processes, local[0], ports) as engine:
            yield FaxCaller(agent, engine, virtual_fax, ddi)
    finally:
        transport.close()
        await asyncio.sleep(0)  # the loop closes the socket in its next turn


def bridge_service(
    stack: Stack,
    name: str,
    listen: Address,
    caller: Address,
    *,
    prefix: tuple[str, ...] = (),
    **more: str,
) -> Service:
    """Return a bridge that takes calls from a caller's address; `more` are VFAX_ settings."""

    async def ready() -> bool:
        return await asyncio.to_thread(options_answered, *listen, caller[0])

    return Service(
        name=name,
        command=[*prefix, *vfax_command("serve", "bridge")],
        ready=ready,
        environment={
            **stack.environment(name, listen),
            "VFAX_OUTBOUND_PROXY": f"{caller[0]}:{caller[1]}",
            "VFAX_SMTP_SERVER": "",
            **more,
        },
    )
