"""A T.38 ATA at the SIP edge: registers, sends and receives faxes.

Signalling by `Caller`, which shares no code with us; the fax machine behind it is an
engine of its own.
"""

import asyncio
import re
from pathlib import Path

from spandsp_bridge.model import Finished, Media, MediaPeer, PageDone, SessionOptions
from spandsp_bridge.native.client import EngineClient, NativeSession
from tests.support.peers.caller import Answer, Caller

T38 = (
    "m=image {} udptl t38\r\na=T38FaxVersion:0\r\na=T38FaxMaxDatagram:400\r\n"
    "a=T38FaxUdpEC:t38UDPRedundancy\r\n"
)


def _peer(sdp: str) -> MediaPeer:
    """Return where the other side takes UDPTL."""
    port = re.search(r"(?m)^m=image (\d+) ", sdp)
    address = re.search(r"(?m)^c=IN IP4 (\S+)", sdp)
    assert port
    assert address
    return MediaPeer(address[1], int(port[1]))


async def _machine(session: NativeSession) -> Finished:
    """Be the fax machine until T.30 is over."""
    async for event in session.events():
        if isinstance(event, PageDone):
            session.page_verdict(durable=True)
        if isinstance(event, Finished):
            return event
    raise AssertionError("no end")


class Ata:
    """One line."""

    def __init__(self, caller: Caller, engine: EngineClient, user: str, domain: str) -> None:
        self.caller = caller
        self._engine = engine
        self._user = user
        self._domain = domain

    async def send(self, number: str, file: Path, password: str) -> tuple[Answer, Finished]:
        """Fax a TIFF; T.38 is offered from the first INVITE on."""
        session = await self._engine.open(
            SessionOptions(file=file, sending=True, calling=True, station_id="ATA")
        )
        answer, invite = await self.caller.invite(
            number, user=self._user, domain=self._domain, password=password,
            media=T38.format(session.t38_port),
        )  # fmt: skip
        assert answer.code == 200, answer.text
        session.start(Media.T38, _peer(answer.text))
        async with asyncio.timeout(90):
            finished = await _machine(session)
        await self.caller.hang_up(answer, invite)
        session.close()
        return answer, finished

    async def receive(self, file: Path) -> Finished:
        """Take one call: audio first, then T.38 when the caller asks for it."""
        session = await self._engine.open(
            SessionOptions(file=file, sending=False, calling=False, station_id="ATA")
        )
        machine: asyncio.Task[Finished] | None = None
        async with asyncio.timeout(90):
            while True:
                request, source = await self.caller.requests.get()
                method = request.partition(" ")[0]
                if method == "INVITE" and "m=image" in request:
                    media = T38.format(session.t38_port)
                    self.caller.answer(request, source, 200, "OK", media=media)
                    if machine is None:
                        session.start(Media.T38, _peer(request))
                        machine = asyncio.create_task(_machine(session))
                elif method == "INVITE":
                    self.caller.answer(request, source, 180, "Ringing")
                    self.caller.answer(request, source, 200, "OK", media="audio")
                elif method == "OPTIONS":
                    self.caller.answer(request, source, 200, "OK")
                elif method == "BYE":
                    self.caller.answer(request, source, 200, "OK")
                    if machine is None:
                        continue  # of the call before: both sides hung up
                    session.terminate()
                    finished = await machine
                    session.close()
                    return finished
