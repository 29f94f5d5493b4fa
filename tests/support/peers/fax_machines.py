"""Fax machines behind a carrier: each called number behaves in its own way, and keeps count.

One user agent and one engine stand for any number of machines. What a machine has confirmed
it knows by the pixels: which pages of the document, in which call.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from spandsp_bridge.documents.bitmaps import BROKEN, open_frames
from spandsp_bridge.documents.tiff import TiffError
from spandsp_bridge.model import Engine
from spandsp_bridge.native.client import PRODUCTION, EngineBuild, EngineClient
from spandsp_bridge.sip.transport import LoopTimers, UdpTransport
from spandsp_bridge.sip.user_agent import UserAgent
from spandsp_bridge.testpeer.peer import FaultPeer

OFFSETS, SIZES = 273, 279  # TIFF 6.0: StripOffsets, StripByteCounts

_KNOWN: dict[bytes, bytes] = {}  # of a page's data as it is coded, the digest of its pixels


def digests(tiff: bytes, pages: int | None = None) -> list[bytes]:
    """Return what tells one page from another: a digest of its pixels.

    Most machines get the same pages: each is decoded once.
    """
    found: list[bytes] = []
    try:
        with open_frames(tiff) as image:
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                tags = image.tag_v2  # type: ignore[attr-defined]
                places = zip(tags[OFFSETS], tags[SIZES], strict=True)
                coded = b"".join(tiff[at : at + size] for at, size in places)
                key = hashlib.sha256(repr(image.size).encode() + coded).digest()
                if key not in _KNOWN:
                    _KNOWN[key] = hashlib.sha256(image.convert("1").tobytes()).digest()
                found.append(_KNOWN[key])
    except (TiffError, *BROKEN):
        return []
    return found[:pages]


class FaxMachines(FaultPeer):
    """The machines of one carrier. What each has confirmed, it knows by the pixels."""

    def __init__(
        self, engine: Engine, address: str, folder: Path, behaviour: Callable[[str], str]
    ) -> None:
        super().__init__(engine, address, folder, behaviour)
        self.confirmed: dict[str, list[list[bytes]]] = {}  #: number to the pages of each call

    async def received(self, number: str, tiff: bytes, pages: int) -> None:
        # In a thread: a machine that thinks for long is taken for one that is away.
        self.confirmed.setdefault(number, []).append(await asyncio.to_thread(digests, tiff, pages))


@asynccontextmanager
async def fax_machines(
    listen: tuple[str, int],
    kamailio: tuple[str, int],
    ports: tuple[int, int],
    folder: Path,
    behaviour: Callable[[str], str],
    processes: int = 4,
    build: EngineBuild = PRODUCTION,
) -> AsyncIterator[FaxMachines]:
    """Yield machines that our Kamailio reaches as the server of a carrier."""
    transport = await UdpTransport.bind(listen, {kamailio[0]})
    async with EngineClient(processes, listen[0], ports, build) as engine:
        machines = FaxMachines(engine, listen[0], folder, behaviour)
        agent = UserAgent(
            local=listen, outbound_proxy=kamailio, send=transport.send, timers=LoopTimers(),
            on_call=machines.take,
        )  # fmt: skip
        transport.serve(agent.receive)
        try:
            yield machines
        finally:
            transport.close()


def world(company: str, carrier: tuple[str, int]) -> str:
    """Return the SQL of a company of `Demo Telecom` whose faxes go to the machines alone."""
    return f"""
insert into companies (brand_id, name, country, time_zone)
    select id, '{company}', 'ES', 'Europe/Madrid' from brands where name = 'Demo Telecom';
insert into virtual_faxes (brand_id, company_id, name)
    select brand_id, id, 'Mailing' from companies where name = '{company}';
insert into ddis (brand_id, company_id, number)
    select brand_id, id, '+34916000077' from companies where name = '{company}';
update companies c set outgoing_ddi_id = d.id from ddis d
    where d.company_id = c.id and c.name = '{company}';
insert into carriers (brand_id, name)
    select id, '{company} machines' from brands where name = 'Demo Telecom';
insert into carrier_servers (brand_id, carrier_id, address, port)
    select brand_id, id, '{carrier[0]}', {carrier[1]} from carriers
    where name = '{company} machines';
insert into outgoing_routes (brand_id, company_id, type, priority, stopper, carrier_id)
    select c.brand_id, c.id, 'fax', 1, true, k.id from companies c, carriers k
    where c.name = '{company}' and k.name = '{company} machines';
"""
