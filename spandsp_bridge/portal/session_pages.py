"""Log-in, log-out, and one's own account."""

import time
import zoneinfo
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from spandsp_bridge.errors import NotLoggedInError, UserError
from spandsp_bridge.portal.page import page, translator
from spandsp_bridge.web.access import (
    COOKIE,
    EVERYBODY,
    SECURE_COOKIE,
    AnyPerson,
    Principal,
    address_of,
    allow,
    same_origin,
)
from spandsp_bridge.web.state import Web, web_of

sessions = APIRouter()
SESSION_SECONDS = 7 * 86400
HOMES = {"platform": "/platform", "brand": "/brand", "company": "/faxes/in", "user": "/faxes/in"}


class Anyone:
    """The rule of the few pages that need no log-in."""

    async def __call__(self, request: Request) -> None:
        """Let everybody in; forms only from our own pages."""
        if request.method == "POST":
            same_origin(request)


Open = Annotated[None, Depends(Anyone())]


def _cookie(web: Web) -> tuple[str, bool]:
    secure = urlsplit(web.settings.portal_url).scheme == "https"
    return (SECURE_COOKIE if secure else COOKIE), secure


def _inside(target: str) -> str:
    """Return a path of ours to go to, whatever was asked for."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/"


@sessions.get("/login")
async def login_form(request: Request, _: Open, to: str = "/") -> Response:
    """Show the form."""
    return page(request, None, "login.html", wrong="", email="", to=_inside(to))


@sessions.post("/login")
async def log_in(
    request: Request,
    _: Open,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "/",
) -> Response:
    """Begin a session, or say no."""
    web = web_of(request)
    t = translator("en")
    here = address_of(request)
    seconds = web.log_ins.wait(here, time.monotonic(), count=False)
    if seconds:
        wrong = t("Too many attempts from your address: wait {} s.", round(seconds) + 1)
        return page(request, None, "login.html", 429, wrong=wrong, email=email[:200], to="/")
    agent = request.headers.get("user-agent", "")
    token = await web.users.log_in(
        email.replace("\0", ""), password, address_of(request), agent.replace("\0", "")
    )
    if token is None:
        web.log_ins.wait(here, time.monotonic())  # the right ones are not counted
        wrong = t("The address or the password is wrong, or the account is locked for a while.")
        return page(request, None, "login.html", 401, wrong=wrong, email=email[:200],
                    to=_inside(to))  # fmt: skip
    answer = RedirectResponse(_inside(to), 303)
    name, secure = _cookie(web)
    answer.set_cookie(name, token, max_age=SESSION_SECONDS, path="/", secure=secure, httponly=True,
                      samesite="lax")  # fmt: skip
    return answer


@sessions.post("/logout")
async def log_out(request: Request, _: Open) -> Response:
    """End the session."""
    web = web_of(request)
    name, secure = _cookie(web)
    if token := request.cookies.get(name):
        await web.users.log_out(token)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")
    return answer


@sessions.get("/")
async def home(request: Request, _: Open) -> Response:
    """Go to where each role begins."""
    try:
        found = await allow(EVERYBODY)(request)
    except NotLoggedInError:
        return RedirectResponse("/login", 303)
    return RedirectResponse(HOMES[found.role], 303)


async def _account(
    request: Request, me: Principal, status: int = 200, said: str = "", wrong: UserError | str = ""
) -> Response:
    assert me.person is not None
    return page(request, me, "account.html", status, said=said, wrong=wrong, browser=browser,
                sessions=await web_of(request).users.sessions(me.person))  # fmt: skip


BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome",
            "Safari/": "Safari"}  # fmt: skip
SYSTEMS = {"Android": "Android", "iPhone": "iOS", "iPad": "iPadOS", "Windows": "Windows",
           "Mac OS": "macOS", "Linux": "Linux"}  # fmt: skip


def browser(agent: str) -> str:
    """Return what a User-Agent stands for, as far as people care."""
    name = next((n for mark, n in BROWSERS.items() if mark in agent), agent[:60])
    system = next((n for mark, n in SYSTEMS.items() if mark in agent), "")
    return f"{name}, {system}" if system else name


@sessions.get("/account")
async def account(request: Request, me: AnyPerson, said: str = "") -> Response:
    """Show one's own account."""
    return await _account(request, me, said=translator(me.language)("Saved.") if said else "")


@sessions.post("/account")
async def change_account(
    request: Request,
    me: AnyPerson,
    language: Annotated[str, Form()] = "en",
    time_zone: Annotated[str, Form()] = "",
) -> Response:
    """Change how one sees the portal."""
    if time_zone and time_zone not in zoneinfo.available_timezones():
        wrong = f"there is no time zone {time_zone!r}: write it as Europe/Madrid"
        return await _account(request, me, 422, wrong=wrong)
    assert me.person is not None
    await web_of(request).users.set_display(
        me.person, "es" if language == "es" else "en", time_zone
    )
    return RedirectResponse("/account?said=1", 303)


@sessions.post("/account/password")
async def change_password(
    request: Request, me: AnyPerson, old: Annotated[str, Form()], new: Annotated[str, Form()]
) -> Response:
    """Change one's password; every session ends."""
    assert me.person is not None
    web = web_of(request)
    seconds = web.log_ins.wait(f"person {me.person}", time.monotonic())
    if seconds:
        return await _account(request, me, 429, wrong=f"wait {round(seconds) + 1} s")
    try:
        await web.users.change_password(me.person, old, new)
    except UserError as error:
        return await _account(request, me, 422, wrong=error)
    return RedirectResponse("/login", 303)


@sessions.post("/account/sessions/{session}/end")
async def end_session(request: Request, me: AnyPerson, session: str) -> Response:
    """End one of one's sessions."""
    assert me.person is not None
    await web_of(request).users.end_session(me.person, session[:64] or "-")
    return RedirectResponse("/account?said=1", 303)
