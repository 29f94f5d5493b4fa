"""T.30 gone wrong: scripted far ends against the engine, and what we say became of the fax.

All scripts run at once, each against a session of its own; each has a row of what has to
come out. The rule above all rows: sent is only what was confirmed page by page.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from spandsp_bridge.calls.outcome import judge
from spandsp_bridge.documents.bitmaps import page_bitmaps
from spandsp_bridge.model import (
    Finished,
    Media,
    MediaPeer,
    Outcome,
    PageDone,
    Recovery,
    Session,
    SessionOptions,
    Trace,
)
from spandsp_bridge.native.client import EngineClient
from tests.support.peers import t30
from tests.support.peers.t30 import (
    AFTER_PAGE,
    CFR,
    CRP,
    CTC,
    CTR,
    DCN,
    DCS,
    DIS,
    DIS_ECM,
    DIS_PLAIN,
    DTC,
    EOP,
    EOR,
    ERR,
    FTT,
    MCF,
    MPS,
    PAGE_BEGINS,
    PIN,
    PIP,
    PPR,
    PPS,
    PRI_EOP,
    RNR,
    RR,
    RTN,
    RTP,
    SIGNAL_END,
    Machine,
)
from tests.support.scaled_engine import scaled

Script = Callable[[Machine], Awaitable[None]]
PAGES = 2
SCALE = 5  #: the far ends are Python, and have to answer within T.30's timers


# ---- the far end receives ----------------------------------------------------------------


def receiver(*answers: int, dis: bytes = DIS_PLAIN, vanish: bool = False) -> Script:
    """Take the fax, and answer the pages one by one with these control fields.

    After RTP, RTN and PIN the sender trains again. With `vanish` no DCN is waited for.
    """

    async def script(m: Machine) -> None:
        await trained(m, dis)
        for number, answer in enumerate(answers):
            await m.wait(*AFTER_PAGE)
            m.say(answer)
            if answer == DCN:
                return
            if answer in (RTP, RTN, PIN) and number + 1 < len(answers):
                await heard_training(m)
                m.say(CFR)
        if not vanish:
            await m.wait(DCN)

    return script


async def heard_training(m: Machine) -> None:
    await m.wait(DCS)
    await m.wait(SIGNAL_END)  # of the TCF
    await m.pause(0.1)


async def trained(m: Machine, dis: bytes = DIS_PLAIN) -> None:
    m.say(DIS, dis)
    await heard_training(m)
    m.say(CFR)


async def silent_after_dis(m: Machine) -> None:
    m.say(DIS, DIS_PLAIN)
    await m.pause(30)


async def silent_after_page(m: Machine) -> None:
    await trained(m)
    await m.wait(*AFTER_PAGE)
    await m.pause(30)


async def goes_at_once(m: Machine) -> None:
    m.say(DIS, DIS_PLAIN)
    await m.wait(DCS)
    m.say(DCN)


async def first_frame_is_dcn(m: Machine) -> None:
    m.say(DCN)


async def never_trains(m: Machine) -> None:
    m.say(DIS, DIS_PLAIN)
    while await m.wait(SIGNAL_END, DCN) != DCN:
        await m.pause(0.1)
        m.say(FTT)


async def confirms_before_the_page(m: Machine) -> None:
    """MCF while the page is on its way, then goodbye."""
    await trained(m)
    await m.wait(PAGE_BEGINS)
    m.say(MCF)
    await m.wait(*AFTER_PAGE)
    m.say(DCN)


async def confirms_twice(m: Machine) -> None:
    """The MCF of page 1 comes twice; page 2 gets a goodbye."""
    await trained(m)
    await m.wait(*AFTER_PAGE)
    m.say(MCF)
    await m.pause(0.5)
    m.say(MCF)
    await m.wait(*AFTER_PAGE)
    m.say(DCN)


async def answers_with_dis(m: Machine) -> None:
    await trained(m)
    await m.wait(*AFTER_PAGE)
    m.say(DIS, DIS_PLAIN)
    await m.wait(DCS, DCN)
    m.say(DCN)


async def answers_nonsense(m: Machine) -> None:
    await trained(m)
    for _ in range(3):
        await m.wait(*AFTER_PAGE)
        m.say(0x56, b"\x01\x02\x03")
    await m.wait(DCN)


async def asks_to_repeat(m: Machine) -> None:
    """CRP once, then MCF: nothing was wrong."""
    await trained(m)
    await m.wait(*AFTER_PAGE)
    m.say(CRP)
    for _ in range(PAGES):
        await m.wait(*AFTER_PAGE)
        m.say(MCF)
    await m.wait(DCN)


async def never_content_with_ecm(m: Machine) -> None:
    await trained(m, DIS_ECM)
    while True:
        match await m.wait(PPS, CTC, EOR, DCN):
            case t30.PPS:
                m.say(PPR, b"\xff" * 32)
            case t30.CTC:
                m.say(CTR)
            case t30.DCN:
                return
            case _:
                m.say(ERR)


async def not_ready_once(m: Machine) -> None:
    await trained(m, DIS_ECM)
    await m.wait(*AFTER_PAGE)
    m.say(RNR)
    await m.wait(RR)
    m.say(MCF)
    await m.wait(*AFTER_PAGE)
    m.say(MCF)
    await m.wait(DCN)


@dataclass(frozen=True)
class Row:
    script: Script
    ok: bool
    reason: str
    pages: int
    ecm: bool = False


SENDING = {
    "every page confirmed": Row(receiver(MCF, MCF), True, "completed", 2),
    "confirmed, then gone without DCN": Row(
        receiver(MCF, MCF, vanish=True), True, "completed", 2),
    "confirmed with a wish to train again": Row(receiver(RTP, MCF), True, "completed", 2),
    "confirmed with an operator's call": Row(receiver(PIP, MCF), True, "completed", 2),
    "RTN to every page": Row(
        receiver(RTN, RTN, RTN, RTN, vanish=True), False, "receiver_call_dropped", 0),
    "RTN on the last page": Row(receiver(MCF, RTN, vanish=True), False, "page_refused", 1),
    "PIN": Row(receiver(PIN, vanish=True), False, "receiver_call_dropped", 0),
    "DCN instead of MCF": Row(receiver(DCN), False, "receiver_call_dropped", 0),
    "DCN instead of the second MCF": Row(receiver(MCF, DCN), False, "page_refused", 1),
    "DCN after DCS": Row(goes_at_once, False, "cannot_train", 0),
    "DCN and nothing else": Row(first_frame_is_dcn, False, "receiver_call_dropped", 0),
    "FTT for ever": Row(never_trains, False, "cannot_train", 0),
    "silence after DIS": Row(silent_after_dis, False, "cannot_train", 0),
    "silence after the page": Row(silent_after_page, False, "page_refused", 0),
    "MCF before the page was there": Row(confirms_before_the_page, False, "protocol_error", 0),
    "MCF twice": Row(confirms_twice, False, "protocol_error", 1),
    "DIS instead of MCF": Row(answers_with_dis, False, "protocol_error", 0),
    "nonsense instead of MCF": Row(answers_nonsense, False, "protocol_error", 0),
    "CRP": Row(asks_to_repeat, True, "completed", 2),
    "ECM, never content": Row(never_content_with_ecm, False, "page_refused", 0, ecm=True),
    "ECM, not ready once": Row(not_ready_once, True, "completed", 2, ecm=True),
}  # fmt: skip


# ---- the far end sends ---------------------------------------------------------------------


def sender(*after: int, goodbye: bool = True) -> Script:
    """Send a page for each of these post-page commands; its MCF is waited for."""

    async def script(m: Machine) -> None:
        await m.wait(DIS)
        await m.train()
        await m.wait(CFR)
        for command in after:
            await m.page()
            m.say(command | 1)
            await m.wait(MCF)
        if goodbye:
            m.say(DCN | 1)

    return script


async def goes_before_the_end_of_page(m: Machine) -> None:
    await m.wait(DIS)
    await m.train()
    await m.wait(CFR)
    await m.page()
    m.say(DCN | 1)


async def goes_instead_of_page_two(m: Machine) -> None:
    await sender(MPS, goodbye=False)(m)
    m.say(DCN | 1)


async def silent_instead_of_page_two(m: Machine) -> None:
    await sender(MPS, goodbye=False)(m)
    await m.pause(30)


async def says_eop_twice(m: Machine) -> None:
    await m.wait(DIS)
    await m.train()
    await m.wait(CFR)
    await m.page()
    for _ in range(2):  # the first MCF was not heard
        m.say(EOP | 1)
        await m.wait(MCF)
    m.say(DCN | 1)


async def bad_training(m: Machine) -> None:
    await m.wait(DIS)
    for _ in range(2):
        await m.train(tcf=b"\x5a" * 72)
        await m.wait(FTT)
    m.say(DCN | 1)


async def silent_after_dcs(m: Machine) -> None:
    await m.wait(DIS)
    m.command(bytes([0xFF, 0x13, DCS | 1, 0x00, 0x62, 0x70]))
    await m.pause(30)


async def wants_to_poll(m: Machine) -> None:
    await m.wait(DIS)
    m.say(DTC, DIS_PLAIN)
    await m.wait(DCN, seconds=20)


async def page_of_noise(m: Machine) -> None:
    """A page whose rows cannot be decoded: it is no page, and RTN says so."""
    await m.wait(DIS)
    await m.train()
    await m.wait(CFR)
    await m.page(b"\x55" * 3000)
    m.say(EOP | 1)
    await m.wait(RTN, RTP, MCF)
    m.say(DCN | 1)


async def spoilt_page_sent_again(m: Machine) -> None:
    """Half of it was good, and long on its way; then the same page comes whole."""
    await m.wait(DIS)
    await m.train()
    await m.wait(CFR)
    eol_and_nonsense = b"\x00\x1f\xff"
    await m.page(t30.page_data(6000)[:-12] + eol_and_nonsense * 4000)
    m.say(MPS | 1)
    await m.wait(RTN)
    await m.train()
    await m.wait(CFR)
    await m.page()
    m.say(EOP | 1)
    await m.wait(MCF)
    m.say(DCN | 1)


RECEIVING = {
    "one page": Row(sender(EOP), True, "completed", 1),
    "three pages": Row(sender(MPS, MPS, EOP), True, "completed", 3),
    "an operator's call at the end": Row(sender(PRI_EOP), True, "completed", 1),
    "EOP, and no goodbye": Row(sender(EOP, goodbye=False), True, "completed", 1),
    "EOP twice": Row(says_eop_twice, True, "completed", 1),
    "DCN before the page ended": Row(
        goes_before_the_end_of_page, False, "sender_call_dropped", 0),
    "DCN instead of page two": Row(goes_instead_of_page_two, False, "sender_call_dropped", 1),
    "silence instead of page two": Row(
        silent_instead_of_page_two, False, "sender_call_dropped", 1),
    "training that fails": Row(bad_training, False, "protocol_error", 0),
    "silence after DCS": Row(silent_after_dcs, False, "sender_call_dropped", 0),
    "polling": Row(wants_to_poll, False, "receiver_incompatible", 0),
    "a page of noise": Row(page_of_noise, False, "sender_call_dropped", 0),
    "a spoilt page, sent again": Row(spoilt_page_sent_again, True, "completed", 1),
}  # fmt: skip


# ---- all at once -----------------------------------------------------------------------------


@dataclass
class Ran:
    outcome: Outcome
    heard: list[int]
    trace: list[str]
    confirmed: int
    received: list[tuple[tuple[int, int], bytes]]  #: the pages in our file


async def run(engine: EngineClient, row: Row, document: Path, target: Path | None) -> Ran:
    """Run one script; `target`: we receive into it."""
    sending = target is None
    session: Session = await engine.open(
        SessionOptions(
            file=target or document, sending=sending, calling=sending, ecm=row.ecm,
            max_seconds=100, silence_seconds=20,
        )
    )  # fmt: skip
    machine = Machine(session.t38_port, time_scale=engine.time_scale)
    machine.listen()
    session.start(Media.T38, MediaPeer("127.0.0.1", machine.own_port, Recovery.NONE, 400))
    await machine.greeted()
    script = asyncio.ensure_future(row.script(machine))
    script.add_done_callback(lambda t: t.cancelled() or t.exception())
    trace: list[str] = []
    confirmed, last = 0, False
    hang_up: asyncio.TimerHandle | None = None

    def when_the_script_is_over(_: object) -> None:
        nonlocal hang_up
        hang_up = asyncio.get_running_loop().call_later(5 / engine.time_scale, session.terminate)

    script.add_done_callback(when_the_script_is_over)
    async for event in session.events():
        match event:
            case PageDone():
                confirmed += 1
                last = event.last
                if not sending:
                    session.page_verdict(durable=True)
            case Finished():
                finished = event
            case Trace():
                trace.append(f"{event.seconds:.2f} {event.text}")
    if hang_up is not None:
        hang_up.cancel()
    script.cancel()
    machine.close()
    session.close()
    outcome = judge(finished, sending=sending, expected=PAGES if sending else None, complete=last)
    received = page_bitmaps(target.read_bytes()) if target and target.exists() else []
    return Ran(outcome, machine.heard, trace, confirmed, received)


@pytest.fixture(scope="module")
async def ran(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Ran]]:
    folder = tmp_path_factory.mktemp("t30")
    document = folder / "two.tif"
    pages = [Image.new("1", (1728, 400), 1) for _ in range(PAGES)]
    for number, page in enumerate(pages):
        page.paste(0, (100, 100, 300 + 100 * number, 200))
    pages[0].save(document, compression="group4", save_all=True, append_images=pages[1:],
                  dpi=(204, 196), tiffinfo={278: 400})  # fmt: skip
    async with EngineClient(8, "127.0.0.1", (42000, 42999), scaled(SCALE)) as engine:
        rows: list[tuple[str, Row, Path | None]]
        rows = [(name, row, None) for name, row in SENDING.items()]
        rows += [
            (name, row, folder / f"{number}.tif")
            for number, (name, row) in enumerate(RECEIVING.items())
        ]
        results = await asyncio.gather(
            *(run(engine, row, document, target) for _, row, target in rows)
        )
    yield {name: result for (name, _, _), result in zip(rows, results, strict=True)}


@pytest.mark.parametrize("name", SENDING)
def test_sending(ran: dict[str, Ran], name: str) -> None:
    check(SENDING[name], ran[name])


@pytest.mark.parametrize("name", RECEIVING)
def test_receiving(ran: dict[str, Ran], name: str) -> None:
    check(RECEIVING[name], ran[name])
    page = ((1728, 60), t30.page_image().tobytes())
    assert [size for size, _ in ran[name].received] == [(1728, 60)] * RECEIVING[name].pages
    assert ran[name].received == [page] * RECEIVING[name].pages


def check(row: Row, ran: Ran) -> None:
    outcome = ran.outcome
    assert (outcome.ok, outcome.reason, outcome.pages) == (row.ok, row.reason, row.pages), (
        outcome.detail,
        outcome.t30_text,
        "\n".join(ran.trace),
    )
    assert ran.confirmed == row.pages
