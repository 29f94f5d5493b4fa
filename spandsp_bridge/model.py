"""The words that all layers share: fax sessions, their events, a fax's outcome."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, Protocol

from spandsp_bridge.reasons import Reason

#: How a page may be made: lines an inch, the coarsest first; greys or none; its size.
RESOLUTIONS = ("normal", "fine", "superfine")
PICTURES = ("auto", "text", "photo")
PAPERS = ("a4", "letter")


class Recovery(IntEnum):
    """UDPTL error recovery (T.38 §9.1.4); the numbers are the native engine's."""

    NONE = 0
    REDUNDANCY = 1
    FEC = 2


class Cause(IntEnum):
    """What ended a fax session; the numbers are the native engine's, but for 6."""

    T30 = 0
    COMMAND = 1
    SILENCE = 2
    CLOCK = 3
    PAGE_REFUSED = 4
    PAGE_STALLED = 5
    ENGINE_LOST = 6
    LIMIT = 7
    PAGE_LOST = 8


class Media(IntEnum):
    """What a session runs over; the numbers are the native engine's."""

    NONE = 0
    T38 = 1
    TONES = 2  #: RTP with CNG or CED, before it is known what will carry the fax
    AUDIO = 3  #: T.30 with modem tones over G.711


class Heard(IntEnum):
    """The most telling thing heard over RTP; the numbers are the native engine's."""

    NOTHING = 0
    SILENCE = 1
    SOUND = 2  #: a voice, or another sound that is not a fax
    FAX = 3


class AudioFax(StrEnum):
    """When a fax may go over G.711 audio instead of T.38."""

    NEVER = "never"
    AFTER_T38_REFUSED = "after_t38_refused"
    FIRST = "first"  #: without asking for T.38; the peer may still ask


class FaxStatus(StrEnum):
    """The states of a fax that a user sees."""

    PENDING = "pending"
    IN_PROGRESS = "inprogress"
    COMPLETED = "completed"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """One fax session, before its peer is known."""

    file: Path  #: TIFF-F to send, or to write what is received
    sending: bool
    calling: bool  #: we are the calling terminal of T.30
    station_id: str = ""  #: TSI or CSI, 20 characters at most (T.30 §5.3.6.2.4)
    header_line: str = ""  #: empty: sent pages carry no header line
    time_zone: str = ""  #: POSIX TZ of the header line
    ecm: bool = True
    max_bit_rate: int = 14400
    start_page: int = 0  #: sending: the first page, from 0
    max_seconds: int = 3600
    silence_seconds: int = 60  #: receiving: no packet at all for so long
    max_pages: int = 1000  #: receiving
    max_page_bytes: int = 16 * 2**20  #: receiving: octets of one page on the line


@dataclass(frozen=True, slots=True)
class MediaPeer:
    """Where the far end takes UDPTL or RTP, and how, by its SDP."""

    address: str
    port: int
    recovery: Recovery = Recovery.REDUNDANCY
    max_datagram: int = 400
    version: int = 0
    payload_type: int = 8  #: RTP: 0 PCMU, 8 PCMA


@dataclass(frozen=True, slots=True)
class SessionStats:
    """Figures of a fax session; lengths in octets, resolutions in pixels per metre."""

    media: Media = Media.NONE
    heard: Heard = Heard.NOTHING
    bit_rate: int = 0
    ecm: bool = False
    encoding: str = ""
    pages: int = 0
    width: int = 0
    length: int = 0
    x_resolution: int = 0
    y_resolution: int = 0
    image_size: int = 0
    bad_rows: int = 0
    ecm_retries: int = 0
    packets_received: int = 0
    packets_sent: int = 0
    packets_lost: int = 0
    packets_repaired: int = 0
    packets_late: int = 0
    packets_duplicate: int = 0
    packets_malformed: int = 0
    frames_refused: int = 0
    late_ticks: int = 0
    remote_station_id: str = ""
    remote_vendor: str = ""


@dataclass(frozen=True, slots=True)
class Negotiated:
    """Phase B of T.30: the rate, ECM and the far end's station id are known."""

    stats: SessionStats
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PageDone:
    """Receiving: a page is written and awaits its verdict. Sending: it was confirmed."""

    page: int  #: from 1
    stats: SessionStats
    seconds: float = 0.0
    last: bool = False  #: receiving: the sender said that this is its last page (EOP)
    took: float = 0.0  #: seconds since the page before it, or since the rates were agreed on
    retransmissions: int = 0  #: ECM: how often parts of this page were asked for again


@dataclass(frozen=True, slots=True)
class Trace:
    """One T.30 frame, or a remark of SpanDSP."""

    text: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Finished:
    """The session is over and its file closed; no event follows."""

    t30_code: int  #: `T30_ERR_...`, 0 for OK; by itself it does not prove success
    t30_text: str
    cause: Cause
    stats: SessionStats
    seconds: float = 0.0


SessionEvent = Negotiated | PageDone | Trace | Finished


class Session(Protocol):
    """A fax session in an engine, as calls use it."""

    @property
    def audio_port(self) -> int:
        """UDP port that is bound for RTP."""

    @property
    def t38_port(self) -> int:
        """UDP port that is bound for UDPTL."""

    def start(self, media: Media, peer: MediaPeer) -> None:
        """Begin media with the peer; the same media again only moves the peer's address."""

    def page_verdict(self, *, durable: bool) -> None:
        """Let the MCF of a received page leave, or end the session without it."""

    def terminate(self) -> None:
        """End T.30 now; `Finished` follows."""

    def close(self) -> None:
        """Free the session and its ports."""

    def events(self) -> AsyncIterator[SessionEvent]:
        """Yield events up to and including `Finished`."""


class Engine(Protocol):
    """What calls need of the fax engine."""

    @property
    def time_scale(self) -> float:
        """Seconds of a fax that go by in a second: 1, but for a test build of the engine."""

    async def open(self, options: SessionOptions) -> Session:
        """Reserve a session and its ports. Raises EngineError."""


@dataclass(slots=True)
class Outcome:
    """How a fax session or an attempt ended; `i18n.sentence` says it in words."""

    ok: bool
    reason: Reason
    detail: dict[str, Any] = field(default_factory=dict)  #: JSON, by `reasons.DETAILS`
    pages: int = 0  #: confirmed (sending) or kept (receiving)
    stats: SessionStats = field(default_factory=SessionStats)
    t30_code: int | None = None
    t30_text: str = ""
    sip_status: int | None = None
    sip_reason: str = ""
    hung_up_by: str = ""  #: `us` or `peer`
    seconds: float = 0.0
    trace: list[str] = field(default_factory=list)
