"""The far end of T.30 by script, at the level of IFP packets: a machine that errs on purpose.

Frames are in the bit order of T.30's figures read from the right, as `tests.support.t38_peer` has
them; the facsimile control field (T.30 §5.3.6.1) is given without its X bit.
"""

import asyncio
import io
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from PIL import Image, ImageChops

from tests.support.t38_peer import (
    FCS_OK,
    FCS_OK_SIG_END,
    FINAL,
    HDLC_DATA,
    NO_SIGNAL,
    NON_ECM_DATA,
    NON_ECM_SIG_END,
    V17_14400,
    V17_14400_LONG,
    V17_14400_SHORT,
    V21,
    Peer,
    data,
    dcs,
    indicator,
    reverse,
)

DIS, DTC, DCS, CFR, FTT = 0x80, 0x81, 0x82, 0x84, 0x44
MPS, EOP, EOM, PRI_EOP = 0x4E, 0x2E, 0x8E, 0x3E
MCF, RTP, RTN, PIP, PIN = 0x8C, 0xCC, 0x4C, 0xAC, 0x2C
PPS, PPR, RNR, ERR, CTC, CTR, DCN, CRP = 0xBE, 0xBC, 0xEC, 0x1C, 0x12, 0xC4, 0xFA, 0x1A
RR, EOR = 0x6E, 0xCE
FCD, RCP = 0x06, 0x86
SIGNAL_END = -1  #: no control field: the end of a TCF or of a page without ECM
PAGE_BEGINS = -2  #: no control field: the short training before a page
AFTER_PAGE = (MPS, EOP, EOM, PRI_EOP, PPS)

DIS_PLAIN = bytes([0x00, 0x6E, 0x70])  #: V.17, fine, A4
DIS_ECM = bytes([0x00, 0x6E, 0xF0, 0x04])

Step = Callable[["Machine"], Awaitable[None]]


def page_image(rows: int = 60) -> Image.Image:
    """Return a small page."""
    image = Image.new("1", (1728, rows), 255)
    image.paste(0, (200, 10, 900, 20))
    return image


def page_data(rows: int = 60) -> bytes:
    """Return a small page in T.4 one-dimensional coding, with its RTC."""
    buffer = io.BytesIO()
    ImageChops.invert(page_image(rows)).save(
        buffer, "TIFF", compression="group3", tiffinfo={278: rows}
    )
    with Image.open(io.BytesIO(buffer.getvalue())) as made:
        [at], [size] = made.tag_v2[273], made.tag_v2[279]  # type: ignore[attr-defined]
    return buffer.getvalue()[at : at + size] + bytes([0x00, 0x10, 0x01] * 4)


@dataclass
class Machine(Peer):
    """One end of T.30 that says what its script says."""

    time_scale: float = 1.0  #: of the engine that it speaks to; its seconds are a fax's
    heard: list[int] = field(default_factory=list)  #: control fields that came, in order
    _queue: "asyncio.Queue[int]" = field(default_factory=asyncio.Queue)
    _octets: bytearray = field(default_factory=bytearray)
    _expected: int = -1
    _greeted: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self) -> None:
        asyncio.get_running_loop().add_reader(self.sock, self._readable)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.sock)
        super().close()

    def _readable(self) -> None:
        while True:
            try:
                packet = self.sock.recv(2048)
            except BlockingIOError:
                return
            number = int.from_bytes(packet[:2], "big")
            if number == self._expected:
                continue  # a packet repeated
            self._expected = number
            self._greeted.set()
            size, at = packet[2], 3
            if size & 0x80:
                size, at = (size & 0x3F) << 8 | packet[3], 4
            self._ifp(packet[at : at + size])

    def _ifp(self, ifp: bytes) -> None:
        if not ifp[0] & 0x40:  # an indicator
            self._octets.clear()
            if ifp == indicator(V17_14400_SHORT):
                self._queue.put_nowait(PAGE_BEGINS)
            return
        if (ifp[0] >> 1) & 0x1F != V21:
            if (ifp[2] >> 4) & 7 == NON_ECM_SIG_END:
                self._queue.put_nowait(SIGNAL_END)
            return
        at = 2
        for _ in range(ifp[1]):
            kind = (ifp[at] >> 4) & 7
            octets = b""
            if ifp[at] & 0x80:
                size = int.from_bytes(ifp[at + 1 : at + 3], "big") + 1
                octets = ifp[at + 3 : at + 3 + size]
                at += 2 + size
            at += 1
            if kind == HDLC_DATA:
                self._octets += octets
            elif kind in (FCS_OK, FCS_OK_SIG_END):
                frame = reverse(bytes(self._octets))
                self._octets.clear()
                if len(frame) > 2:
                    self.heard.append(frame[2] & 0xFE)
                    self._queue.put_nowait(frame[2] & 0xFE)

    async def wait(self, *wanted: int, seconds: float = 30.0) -> int:
        """Wait for one of some control fields, over whatever else comes."""
        async with asyncio.timeout(seconds / self.time_scale):
            while True:
                got = await self._queue.get()
                if got in wanted:
                    return got

    async def pause(self, seconds: float) -> None:
        """Do nothing for some seconds of the fax."""
        await asyncio.sleep(seconds / self.time_scale)

    async def greeted(self) -> None:
        """Wait for the first packet: the far end is there."""
        async with asyncio.timeout(10):
            await self._greeted.wait()

    def say(self, control: int, fif: bytes = b"") -> None:
        """Send one final frame."""
        self.command(bytes([0xFF, FINAL, control]) + fif)

    async def train(self, *, ecm: bool = False, tcf: bytes = bytes(72)) -> None:
        """Send DCS and TCF."""
        frame = dcs(ecm=ecm) if ecm else bytes([0xFF, FINAL, DCS | 1, 0x00, 0x62, 0x70])
        self.command(frame)
        await self.pause(0.1)
        self.send(indicator(V17_14400_LONG))
        for _ in range(38):
            self.send(data(V17_14400, (NON_ECM_DATA, tcf)))
            await self.pause(0.005)
        self.send(data(V17_14400, (NON_ECM_SIG_END, b"")))
        self.send(indicator(NO_SIGNAL))

    async def page(self, octets: bytes | None = None) -> None:
        """Send a page without ECM."""
        octets = page_data() if octets is None else octets
        self.send(indicator(V17_14400_SHORT))
        for at in range(0, len(octets), 72):
            self.send(data(V17_14400, (NON_ECM_DATA, octets[at : at + 72])))
            await self.pause(0.005)
        self.send(data(V17_14400, (NON_ECM_SIG_END, b"")))
        self.send(indicator(NO_SIGNAL))
        await self.pause(0.1)
