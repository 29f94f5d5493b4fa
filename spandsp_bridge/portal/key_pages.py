"""API keys, and the audit trail of a company."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from spandsp_bridge.errors import UserError
from spandsp_bridge.portal.page import page
from spandsp_bridge.store.api_keys import ApiKeys
from spandsp_bridge.store.audit import AuditLog
from spandsp_bridge.web.access import BRAND, COMPANY, CompanyAdmin, Principal, allow
from spandsp_bridge.web.state import web_of

keys = APIRouter()

KeyAdmin = Annotated[Principal, Depends(allow((BRAND, COMPANY), fax_only=False))]
SCOPES = ("faxes:read", "faxes:write", "config:read", "config:write")
BRAND_SCOPES = ("config:read", "config:write")


async def _page(
    request: Request,
    me: Principal,
    token: str = "",
    error: UserError | None = None,
    status: int = 200,
) -> Response:
    rows = await ApiKeys(me.tenant(web_of(request))).all(me.company)
    return page(
        request,
        me,
        "keys.html",
        status,
        rows=rows,
        token=token,
        error=error,
        scopes=SCOPES if me.role == COMPANY else BRAND_SCOPES,
    )


@keys.get("/keys")
async def show(request: Request, me: KeyAdmin) -> Response:
    """Show the API keys."""
    return await _page(request, me)


@keys.post("/keys")
async def create(
    request: Request,
    me: KeyAdmin,
    name: Annotated[str, Form(max_length=100)] = "",
    scopes: Annotated[list[str] | None, Form()] = None,
    test: Annotated[bool, Form()] = False,
) -> Response:
    """Create a key; its token is shown in this answer only."""
    chosen = [scope for scope in SCOPES if scope in (scopes or ())]
    clean = name.strip().replace("\0", "")
    if not clean or not chosen:
        error = UserError("a key needs a name and at least one scope")
        return await _page(request, me, error=error, status=422)
    store = ApiKeys(me.tenant(web_of(request)))
    token = await store.add(me.brand, me.company, clean, chosen, test=test)
    return await _page(request, me, token=token)


@keys.post("/keys/{key}/revoke")
async def revoke(request: Request, me: KeyAdmin, key: int) -> Response:
    """Revoke a key."""
    await ApiKeys(me.tenant(web_of(request))).revoke(key if 0 < key < 2**63 else 0)
    return RedirectResponse("/keys", 303)


@keys.get("/audit")
async def audit(request: Request, me: CompanyAdmin) -> Response:
    """Show the audit trail, the newest entries first."""
    assert me.company is not None
    rows = await AuditLog(me.tenant(web_of(request))).audit_entries(me.company)
    return page(request, me, "audit.html", rows=rows)
