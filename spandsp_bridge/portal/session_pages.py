"""Log-in, log-out, and the account of the user."""

import zoneinfo
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from spandsp_bridge.errors import NotLoggedInError, TooManyError, UserError
from spandsp_bridge.i18n import ENGLISH, language_name, languages, translate
from spandsp_bridge.portal.page import page
from spandsp_bridge.web.access import (
    ALL_ROLES,
    COOKIE,
    SECURE_COOKIE,
    LoggedIn,
    Principal,
    address_of,
    allow,
    same_origin,
)
from spandsp_bridge.web.state import Web, web_of

sessions = APIRouter()
SESSION_SECONDS = 7 * 86400
HOMES = {"platform": "/platform", "brand": "/brand", "company": "/faxes/in", "user": "/faxes/in"}


class Public:
    """The rule of the few pages that need no log-in."""

    async def __call__(self, request: Request) -> None:
        """Allow every request; forms only from our own pages."""
        if request.method == "POST":
            same_origin(request)


Open = Annotated[None, Depends(Public())]


def _cookie(web: Web) -> tuple[str, bool]:
    secure = urlsplit(web.settings.portal_url).scheme == "https"
    return (SECURE_COOKIE if secure else COOKIE), secure


def _inside(target: str) -> str:
    """Return a path of this site: the target, or the start page for an address elsewhere."""
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/"


@sessions.get("/login")
async def login_form(request: Request, _: Open, to: str = "/") -> Response:
    """Show the form."""
    return page(request, None, "login.html", error=None, email="", to=_inside(to))


@sessions.post("/login")
async def log_in(
    request: Request,
    _: Open,
    email: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "/",
) -> Response:
    """Begin a session."""
    web = web_of(request)
    here = address_of(request)
    seconds = await web.log_ins.wait(here, count=False)
    if seconds:
        many = TooManyError(seconds)
        return page(request, None, "login.html", 429, error=many, email=email[:200], to="/")
    agent = request.headers.get("user-agent", "")
    token = await web.users.log_in(
        email.replace("\0", ""), password, address_of(request), agent.replace("\0", "")
    )
    if token is None:
        await web.log_ins.wait(here)  # successful log-ins are not counted
        wrong = UserError("wrong email or password, or the account is temporarily locked")
        return page(
            request, None, "login.html", 401, error=wrong, email=email[:200], to=_inside(to)
        )
    answer = RedirectResponse(_inside(to), 303)
    name, secure = _cookie(web)
    answer.set_cookie(
        name,
        token,
        max_age=SESSION_SECONDS,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )
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
    """Redirect to the start page of the role."""
    try:
        found = await allow(ALL_ROLES)(request)
    except NotLoggedInError:
        return RedirectResponse("/login", 303)
    return RedirectResponse(HOMES[found.role], 303)


async def _account(
    request: Request,
    me: Principal,
    status: int = 200,
    notice: str = "",
    error: UserError | None = None,
) -> Response:
    assert me.user is not None
    return page(
        request,
        me,
        "account.html",
        status,
        notice=notice,
        error=error,
        languages=[(code, language_name(code)) for code in languages()],
        sessions=await web_of(request).users.sessions(me.user),
    )


@sessions.get("/account")
async def account(request: Request, me: LoggedIn, done: str = "") -> Response:
    """Show the account of the user."""
    return await _account(request, me, notice=translate("Saved.", me.language) if done else "")


@sessions.post("/account")
async def change_account(
    request: Request,
    me: LoggedIn,
    language: Annotated[str, Form()] = "en",
    time_zone: Annotated[str, Form()] = "",
) -> Response:
    """Change the language and the time zone of the portal."""
    if time_zone and time_zone not in zoneinfo.available_timezones():
        unknown = UserError(
            "there is no time zone {zone!r}: write it as Europe/Madrid", zone=time_zone[:60]
        )
        return await _account(request, me, 422, error=unknown)
    assert me.user is not None
    await web_of(request).users.set_display(
        me.user, language if language in languages() else ENGLISH, time_zone
    )
    return RedirectResponse("/account?done=saved", 303)


@sessions.post("/account/password")
async def change_password(
    request: Request, me: LoggedIn, old: Annotated[str, Form()], new: Annotated[str, Form()]
) -> Response:
    """Change the password; every session of the user ends."""
    assert me.user is not None
    web = web_of(request)
    seconds = await web.log_ins.wait(f"user {me.user}")
    if seconds:
        return await _account(request, me, 429, error=TooManyError(seconds))
    try:
        await web.users.change_password(me.user, old, new)
    except UserError as error:
        return await _account(request, me, 422, error=error)
    return RedirectResponse("/login", 303)


@sessions.post("/account/sessions/{session}/end")
async def end_session(request: Request, me: LoggedIn, session: str) -> Response:
    """End one session of the user."""
    assert me.user is not None
    await web_of(request).users.end_session(me.user, session[:64] or "-")
    return RedirectResponse("/account?done=saved", 303)
