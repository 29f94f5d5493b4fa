"""Each user's journeys in a real browser, on the real stack; and how every page looks.

Screenshots of every page, at desktop and phone size, light and dark, lie in
`var/screenshots/` afterwards.
"""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    Request,
    ViewportSize,
    async_playwright,
    expect,
)

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.documents.bitmaps import page_bitmaps
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.render import render
from spandsp_bridge.i18n import languages, translate
from spandsp_bridge.i18n.__main__ import extract
from spandsp_bridge.settings import ROOT
from spandsp_bridge.store.pool import Database
from tests.support.pdfs import short_document
from tests.support.people import PASSWORD, company_of, one, person, with_key

CHROMIUM = "/usr/bin/chromium"
#: Quiet: no look-ups of its maker's hosts.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHOTS = ROOT / "var" / "screenshots"
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
NUMBER = "+34911000077"
FIRST_PAGE = 150_000  #: octets


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        await started.close()


@pytest.fixture(scope="module")
async def people(database: Database) -> AsyncIterator[None]:
    brand, acme = await company_of(database, "Acme")
    _, globex = await company_of(database, "Globex")
    sales = await one(database, "select id from virtual_faxes where name = 'Sales'")
    await person(database, "p@browser.example", "platform", None, None)
    await person(database, "b@browser.example", "brand", brand, None)
    await person(database, "acme@browser.example", "company", brand, acme)
    await person(database, "globex@browser.example", "company", brand, globex)
    await person(database, "u@browser.example", "user", brand, acme, virtual_fax=sales)
    yield
    async with database.transaction() as c:
        await c.execute("delete from users where email like '%%@browser.example'")


class Visitor:
    """A page of a browser that belongs to somebody, and what its console complained of."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.complaints: list[str] = []
        page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    async def go(self, path: str) -> Page:
        await self.page.goto(self.url + path)
        return self.page


async def visitor(
    browser: Browser, stack: Stack, letter: str, context: BrowserContext | None = None, **look: Any
) -> Visitor:
    context = context or await browser.new_context(**{"viewport": DESKTOP, **look})
    page = await context.new_page()
    made = Visitor(page, stack.portal_url)
    await made.go("/login")
    await page.get_by_label("Email").fill(f"{letter}@browser.example")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url(re.compile(r"/(faxes/in|brand|platform)$"))
    return made


#: As many as a preview shows: a call that takes seconds on the tests' clock can be watched.
PAGES_SENT = 12


async def test_from_a_new_number_to_a_received_fax(
    browser: Browser, stack: Stack, database: Database, people: None, tmp_path: Path
) -> None:
    """Operator, sender and receiver: a number is made, a fax goes out page by page and arrives."""
    operator = await visitor(browser, stack, "b")
    page = await operator.go("/config/ddis/new")
    await page.get_by_label("number").fill(NUMBER)
    await page.get_by_label("company").select_option(label="Globex")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_have_text("Saved.")

    bob = await visitor(browser, stack, "globex")
    page = await bob.go("/config/virtual-faxes")
    await page.get_by_role("link", name="New").click()
    await page.get_by_label("name", exact=False).first.fill("Front desk")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name="Front desk")).to_be_visible()
    page = await bob.go("/config/ddis")
    await page.get_by_role("link", name=NUMBER).click()
    await page.get_by_label("virtual fax").select_option(label="Front desk")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_have_text("Saved.")
    waiting = await bob.go("/faxes/in")

    ann = await visitor(browser, stack, "acme")
    page = await ann.go("/send")
    document = short_document(tmp_path / "offer.pdf", PAGES_SENT)
    await page.get_by_label("Documents").set_input_files(str(document))
    await page.get_by_label("To", exact=True).fill("911 000 077")
    await page.get_by_role("button", name="Preview pages").click()
    await expect(page.locator("#preview img")).to_have_count(PAGES_SENT, timeout=30_000)
    await expect(page.locator("#preview")).to_contain_text(f"{PAGES_SENT} pages, about")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_role("heading", name=f"Fax to {NUMBER}")).to_be_visible()
    # Watched without a reload: the page that is on the line, then the end.
    await expect(page.locator("#live")).to_contain_text(
        re.compile(rf"Page \d+ of {PAGES_SENT}"), timeout=60_000
    )
    await expect(page.locator("#live .pill")).to_have_text("sent", timeout=120_000)
    await expect(page.locator("#live")).to_contain_text(
        f"{PAGES_SENT} of {PAGES_SENT} pages confirmed"
    )
    await expect(page.locator("svg.ladder")).to_contain_text("MCF")

    row = waiting.locator("tr.unread").first
    await expect(row).to_contain_text("Front desk", timeout=30_000)  # by itself
    await expect(row).to_contain_text("+34911000001")
    await row.get_by_role("link").last.click()
    await expect(waiting.get_by_role("heading", name="Fax from +34911000001")).to_be_visible()
    async with waiting.expect_download() as downloading:
        await waiting.get_by_role("link", name="TIFF").click()
    download = await downloading.value
    received = Path(await download.path()).read_bytes()
    made = await render([("offer.pdf", document.read_bytes())], PageOptions(), PAGES_SENT)
    assert page_bitmaps(received) == page_bitmaps(made.tiff), "pixel for pixel"
    await waiting.get_by_role("link", name="Open").click()
    # A key that comes before the viewer does goes to the page before it.
    await expect(waiting.locator("img.paper")).to_have_class(re.compile("zoom-0"))
    await waiting.keyboard.press("ArrowRight")
    await expect(waiting.locator("[data-page]")).to_have_text("2")
    await waiting.keyboard.press("r")
    await expect(waiting.locator("img.paper")).to_have_class(re.compile("turn-1"))
    await waiting.keyboard.press("+")
    await expect(waiting.locator("img.paper")).to_have_class(re.compile("zoom-1"))
    page = await bob.go("/faxes/in")
    await expect(page.locator("tbody tr").first).not_to_have_class("unread")
    for somebody in (operator, ann, bob):
        assert somebody.complaints == []
        await somebody.page.context.close()
    assert await one(
        database, "select count(*) from audit_log where who = 'globex@browser.example'"
        " and action = 'document_read'",
    ) >= 2, "who read it is on record"  # fmt: skip


async def test_a_wrong_request_is_told_in_the_form(
    browser: Browser, stack: Stack, people: None, tmp_path: Path
) -> None:
    ann = await visitor(browser, stack, "acme")
    page = await ann.go("/send")
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"%PDF-1.7 nothing")
    await page.get_by_label("Documents").set_input_files(str(bad))
    await page.get_by_label("To", exact=True).fill("+34911000002")
    await page.get_by_role("button", name="Preview pages").click()
    await expect(page.locator("#preview [role=alert]")).to_contain_text("bad.pdf")
    await page.get_by_role("button", name="Send", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("bad.pdf")
    await expect(page.locator("textarea[name=to]")).to_have_value("+34911000002")
    page = await ann.go("/config/virtual-faxes/new")
    await page.get_by_label("name", exact=False).first.fill("a/b")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("virtual fax name has no slash")
    await ann.page.context.close()


async def test_numbers_are_checked_while_they_are_written(
    browser: Browser, stack: Stack, people: None
) -> None:
    operator = await visitor(browser, stack, "b")
    page = await operator.go("/config/brand")
    await expect(
        page.get_by_role("heading", name="Permitted destination countries")
    ).to_be_visible()
    await page.get_by_role("link", name="Add").click()
    await page.get_by_label("country").fill("ES")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("link", name="ES", exact=True)).to_be_visible()
    ann = await visitor(browser, stack, "acme")
    page = await ann.go("/send")
    await expect(page.locator("#to-hint")).to_contain_text("Faxes can be sent to: ES.")
    await page.get_by_label("To", exact=True).fill("911 234 567\n+351 21 123 4567\nabc")
    told = page.locator("#numbers li")
    await expect(told).to_have_count(3)
    await expect(told.nth(0)).to_have_text("+34 911 23 45 67 ES")
    await expect(told.nth(1)).to_contain_text("+351211234567 is in PT: faxes go to ES only")
    await expect(told.nth(2)).to_contain_text("nvalid phone number 'abc'")
    page = await operator.go("/config/brand")
    await page.get_by_role("link", name="ES", exact=True).click()
    await page.get_by_text("Delete", exact=True).click()
    await page.get_by_role("button", name="Delete permanently").click()
    await expect(
        page.get_by_role("heading", name="Permitted destination countries")
    ).to_be_visible()
    for somebody in (operator, ann):
        assert somebody.complaints == []
        await somebody.page.context.close()


async def test_a_list_is_sorted_by_its_headings(
    browser: Browser, stack: Stack, people: None
) -> None:
    ann = await visitor(browser, stack, "acme")
    page = await ann.go("/faxes/out")
    await page.get_by_role("columnheader", name="Pages").get_by_role("link").click()
    heading = page.get_by_role("columnheader", name="Pages")
    await expect(heading).to_have_attribute("aria-sort", "descending")
    cells = await page.locator("tbody td.number").all_inner_texts()
    pages = [int(text.rpartition("/")[2].replace("–", "0")) for text in cells]
    assert pages == sorted(pages, reverse=True)
    await heading.get_by_role("link").click()
    await expect(heading).to_have_attribute("aria-sort", "ascending")
    await page.get_by_role("columnheader", name="To").get_by_role("link").click()
    numbers = await page.locator("tbody td strong").all_inner_texts()
    assert numbers == sorted(numbers)
    await ann.page.context.close()


async def test_a_user_sees_what_is_the_user_s(
    browser: Browser, stack: Stack, database: Database, people: None
) -> None:
    user = await visitor(browser, stack, "u")
    page = await user.go("/send")
    names = await page.locator("select[name=sender] option").all_inner_texts()
    assert len(names) == 1
    assert names[0].startswith("Sales")
    assert await page.get_by_role("link", name="Users").count() == 0
    foreign = await one(
        database, "select f.id from faxes f join companies c on c.id = f.company_id"
        " where c.name = 'Globex' order by f.id desc limit 1",
    )  # fmt: skip
    for path in (f"/faxes/{foreign}", "/config/users", "/keys", "/brand", "/platform"):
        answer = await page.goto(stack.portal_url + path)
        assert answer is not None
        assert answer.status in (403, 404), path
    await user.page.context.close()


async def test_an_operator_explains_and_routes(
    browser: Browser, stack: Stack, people: None
) -> None:
    operator = await visitor(browser, stack, "b")
    page = await operator.go("/simulate")
    await page.get_by_label("company").select_option(label="Acme")
    await page.get_by_label("To").fill("+34911234567")
    await page.get_by_role("button", name="Explain").click()
    await expect(page.locator("main")).to_contain_text("Demo Carrier")
    await expect(page.locator("main")).to_contain_text("fax routes come first")
    page = await operator.go("/config/routes/new")
    await page.get_by_label("type").select_option("pattern")
    await page.get_by_label("mode").select_option("static")
    await page.get_by_label("weight").fill("99")
    await page.get_by_label("carrier").select_option(label="Demo Carrier")
    await page.get_by_label("Pattern", exact=True).select_option(label="Everywhere")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("route weight is 1 to 20")
    page = await operator.go("/config/carriers")
    await page.get_by_role("link", name="Demo Carrier").click()
    await expect(page.locator("main")).to_contain_text("active")
    assert operator.complaints == ["Failed to load resource: the server responded with a status of"
                                   " 422 (Unprocessable Entity)"]  # fmt: skip
    await operator.page.context.close()


async def test_the_platform_makes_a_brand_and_its_operator(
    browser: Browser, stack: Stack, database: Database, people: None
) -> None:
    admin = await visitor(browser, stack, "p")
    page = await admin.go("/config/brands/new")
    await page.get_by_label("name").fill("Browser Telecom")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_have_text("Saved.")
    page = await admin.go("/config/operators/new")
    await page.get_by_label("email").fill("new@browser.example")
    await page.get_by_label("role").select_option("brand")
    await page.get_by_label("brand").select_option(label="Browser Telecom")
    await page.get_by_label("enabled").check()
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("status")).to_have_text("Saved.")
    newcomer = await visitor(browser, stack, "new")
    await expect(newcomer.page.locator("main")).to_contain_text("No calls yet.")
    page = await admin.go("/platform")
    await expect(page.locator("main")).to_contain_text("bridge-a")
    for somebody in (admin, newcomer):
        await somebody.page.context.close()
    async with database.transaction() as c:
        await c.execute("delete from users where email = 'new@browser.example'")
        await c.execute("delete from brands where name = 'Browser Telecom'")


async def test_a_key_is_shown_once(
    browser: Browser, stack: Stack, database: Database, people: None
) -> None:
    ann = await visitor(browser, stack, "acme")
    page = await ann.go("/keys")
    await page.get_by_label("name").fill("shop")
    await page.get_by_role("button", name="Create key").click()
    token = await page.locator("code.secret").inner_text()
    answer = await page.request.get(
        f"{stack.portal_url}/v1/faxes", headers={"authorization": f"Bearer {token}"}
    )
    assert answer.status == 200
    page = await ann.go("/keys")
    assert token not in await page.content()
    await page.get_by_role("button", name="Revoke").first.click()
    answer = await page.request.get(
        f"{stack.portal_url}/v1/faxes", headers={"authorization": f"Bearer {token}"}
    )
    assert answer.status == 401
    await ann.page.context.close()
    async with database.transaction() as c:
        await c.execute("delete from api_keys where name = 'shop'")


async def test_spanish_is_spoken(browser: Browser, stack: Stack, people: None) -> None:
    ann = await visitor(browser, stack, "acme")
    page = await ann.go("/account")
    await page.get_by_label("language").select_option("es")
    await page.get_by_role("button", name="Save").click()
    page = await ann.go("/faxes/out")
    await expect(page.get_by_role("heading", name="Faxes enviados")).to_be_visible()
    assert await page.locator("html").get_attribute("lang") == "es"
    page = await ann.go("/account")
    await page.locator("select[name=language]").select_option("en")
    await page.get_by_role("button", name="Guardar").click()
    await ann.page.context.close()


PAGES = {
    "acme": {
        "received": "/faxes/in", "sent": "/faxes/out", "fax": "/faxes/{out}",
        "viewer": "/faxes/{out}/view", "send": "/send", "virtual-faxes": "/config/virtual-faxes",
        "virtual-fax": "/config/virtual-faxes/{virtual_fax}", "numbers": "/config/ddis",
        "users": "/config/users", "new-user": "/config/users/new", "keys": "/keys",
        "webhooks": "/config/webhooks", "covers": "/config/cover-pages",
        "hours": "/config/sending-hours", "settings": "/config/companies/{company}",
        "sorted": "/faxes/out?sort=-pages", "new-key": "/config/webhooks/new",
        "audit": "/audit", "account": "/account", "nothing": "/faxes/in?number=000",
        "missing": "/faxes/999999999",
    },
    "b": {
        "overview": "/brand", "simulate": "/simulate?company={company}&to=%2B34911234567",
        "companies": "/config/companies", "routes": "/config/routes",
        "new-route": "/config/routes/new", "carrier": "/config/carriers/{carrier}",
        "providers": "/config/ddi-providers", "retry-rules": "/config/retry-rules",
        "failover-rules": "/config/failover-rules", "profiles": "/config/peer-profiles",
        "templates": "/config/mail-templates/new", "settings": "/config/brand/{brand}",
        "accounts": "/config/accounts", "new-account": "/config/accounts/new",
        "new-server": "/config/carrier-servers/new?parent={carrier}", "keys": "/keys",
        "patterns": "/config/patterns", "groups": "/config/groups",
    },
    "p": {"health": "/platform", "brands": "/config/brands", "operators": "/config/operators",
          "bridges": "/config/bridges"},
}  # fmt: skip


async def facts(database: Database) -> dict[str, Any]:
    brand, acme = await company_of(database, "Acme")
    return {
        "brand": brand,
        "company": acme,
        "virtual_fax": await one(database, "select id from virtual_faxes where name = 'Sales'"),
        "carrier": await one(database, "select id from carriers where name = 'Demo Carrier'"),
        "out": await one(
            database, "select id from faxes where direction = 'out' and status = 'completed'"
            " and company_id = %s and deleted_at is null order by id desc limit 1", acme,
        ),
    }  # fmt: skip


@pytest.mark.parametrize("letter", PAGES)
async def test_no_page_is_hard_to_use(
    browser: Browser, stack: Stack, database: Database, people: None, letter: str
) -> None:
    """axe-core: nothing serious, at desktop and phone size, light and dark; nothing overflows."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    known = await facts(database)
    test_key = await with_key(stack, database, known["brand"], known["company"], test=True)
    await test_key.aclose()  # its pill is on the page of keys
    wrong: list[str] = []
    for scheme in ("light", "dark"):
        context = await browser.new_context(color_scheme=scheme, viewport=DESKTOP)
        someone = await visitor(browser, stack, letter, context)
        for name, path in PAGES[letter].items():
            page = await someone.go(path.format(**known))
            for size, view in (("desktop", DESKTOP), ("phone", PHONE)):
                await page.set_viewport_size(view)
                await page.screenshot(path=SHOTS / f"{letter}-{name}-{size}-{scheme}.png",
                                      full_page=True)  # fmt: skip
                found = await Axe().run(page)
                wrong += [
                    f"{name} {size} {scheme}: {v['id']}: {v['nodes'][0]['html'][:120]}"
                    for v in found.response["violations"]
                    if v["impact"] in ("serious", "critical")
                ]
                wide = await page.evaluate("document.documentElement.scrollWidth")
                if wide > view["width"]:
                    wrong.append(f"{name} {size} {scheme}: {wide} pixels wide")
        await context.close()
    assert wrong == []


@pytest.mark.parametrize("language", [code for code in languages() if code != "en"])
@pytest.mark.parametrize("letter", PAGES)
async def test_no_page_is_cut_off_or_english_in_another_language(
    browser: Browser, stack: Stack, database: Database, people: None, letter: str, language: str
) -> None:
    """Every page in every language, at desktop and phone size: no message is left in English."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    known = await facts(database)
    english = sentences_that_differ(language)
    someone = await visitor(browser, stack, letter)
    await speak(database, letter, language)
    wrong: list[str] = []
    try:
        for name, path in PAGES[letter].items():
            page = await someone.go(path.format(**known))
            if await page.locator("html").get_attribute("lang") != language:
                wrong.append(f"{name}: another language")
            shown = await page.locator("body").inner_text()
            wrong += [f"{name}: {message!r}" for message in english if message in shown]
            for size, view in (("desktop", DESKTOP), ("phone", PHONE)):
                await page.set_viewport_size(view)
                await page.screenshot(
                    path=SHOTS / f"{letter}-{name}-{size}-{language}.png", full_page=True
                )
                wide = await page.evaluate("document.documentElement.scrollWidth")
                if wide > view["width"]:
                    wrong.append(f"{name} {size}: {wide} pixels wide")
            if letter == "acme" or name in ("overview", "health"):
                found = await Axe().run(page)
                wrong += [
                    f"{name}: {v['id']}: {v['nodes'][0]['html'][:120]}"
                    for v in found.response["violations"]
                    if v["impact"] in ("serious", "critical")
                ]
    finally:
        await speak(database, letter, "en")
        await someone.page.context.close()
    assert wrong == []


async def speak(database: Database, letter: str, language: str) -> None:
    async with database.transaction() as c:
        await c.execute(
            "update users set language = %s where email = %s",
            [language, f"{letter}@browser.example"],
        )


def sentences_that_differ(language: str) -> list[str]:
    """Return the messages of several words, without fields, that a language says otherwise."""
    messages = (m.id for m in extract() if m.id and isinstance(m.id, str) and not m.context)
    return [
        text
        for text in messages
        if text.count(" ") >= 2 and "{" not in text and translate(text, language) != text
    ]


async def test_the_log_in_page_too(browser: Browser, stack: Stack) -> None:
    for scheme in ("light", "dark"):
        context = await browser.new_context(color_scheme=scheme, viewport=PHONE)
        page = await context.new_page()
        await page.goto(stack.portal_url + "/login")
        await page.screenshot(path=SHOTS / f"login-phone-{scheme}.png")
        found = await Axe().run(page)
        assert found.response["violations"] == []
        await context.close()


async def test_the_first_page_is_light(browser: Browser, stack: Stack, people: None) -> None:
    context = await browser.new_context(viewport=DESKTOP)
    page = await context.new_page()
    sizes: dict[str, int] = {}

    async def finished(request: Request) -> None:
        told = await request.sizes()
        sizes[request.url] = told["responseBodySize"] + told["responseHeadersSize"]

    page.on("requestfinished", finished)
    await page.goto(stack.portal_url + "/login")
    await page.get_by_label("Email").fill("acme@browser.example")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.wait_for_url("**/faxes/in")
    await page.wait_for_timeout(500)
    pictures = sum(size for url, size in sizes.items() if url.endswith("thumbnail.png"))
    assert sum(sizes.values()) - pictures < FIRST_PAGE, sizes
    await context.close()
