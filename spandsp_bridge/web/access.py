"""The principal of a request, and what it may do.

Every route declares an `Allow`; a test finds one without (tests/stack/portal/test_matrix.py).
Which rows a role sees is decided by row-level security.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from spandsp_bridge.errors import ForbiddenError, NotLoggedInError, TooManyError
from spandsp_bridge.store.config import ConfigStore, Scope
from spandsp_bridge.store.tenant import Role, Tenant
from spandsp_bridge.web.state import Web, web_of

COOKIE = "vfax"
SECURE_COOKIE = "__Host-vfax"  #: over https: bound to the host, never sent in clear
SAFE = ("GET", "HEAD", "OPTIONS")

PLATFORM: Role = "platform"
BRAND: Role = "brand"
COMPANY: Role = "company"
USER: Role = "user"
FAXES = (COMPANY, USER)  #: roles that send and receive
CONFIG = (BRAND, COMPANY)
ALL_ROLES = (PLATFORM, BRAND, COMPANY, USER)


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated user, or a program with a key."""

    role: Role
    brand: int | None
    company: int | None
    user: int | None  #: None: a key
    name: str  #: the address, or the key's name
    label: str  #: the user's name, or the address
    tenant_name: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    fax_only: bool = False
    scopes: frozenset[str] | None = None  #: of a key; None: a user
    test: bool = False  #: a key of the test mode

    def tenant(self, web: Web) -> Tenant:
        """Return the database as the principal sees it."""
        # A brand's row carries the brand alone, a company's both: each role has one setting.
        brand = self.brand if self.role == BRAND else None
        return web.database.tenant(self.role, brand, self.company, self.user)

    def config(self, web: Web) -> ConfigStore:
        """Return the configuration that the principal may see and change."""
        return ConfigStore(self.tenant(web), Scope(self.role, self.brand, self.company))

    @property
    def who(self) -> str:
        """Return the principal's name in the audit trail."""
        return f"key:{self.name}" if self.scopes is not None else self.name


@dataclass(frozen=True, slots=True)
class Allow:
    """The rule of a route: these roles; a key needs the scope too."""

    roles: tuple[str, ...]
    scope: str = ""
    #: False: company administrators of faxes alone are kept out
    fax_only: bool = True
    keys: bool = False  #: True: keys alone (the API); False: users alone

    async def __call__(self, request: Request) -> Principal:
        """Return the principal. Raises NotLoggedInError, ForbiddenError, TooManyError."""
        web = web_of(request)
        found = await (_by_key(request, web) if self.keys else _by_cookie(request, web))
        if found.role not in self.roles:
            raise ForbiddenError("the role {role} may not do this", role=found.role)
        if found.fax_only and not self.fax_only:
            raise ForbiddenError("administrators of faxes only may not do this")
        if found.scopes is not None and self.scope not in found.scopes:
            raise ForbiddenError("the key lacks the scope {scope}", scope=self.scope)
        return found


async def _by_cookie(request: Request, web: Web) -> Principal:
    if request.method not in SAFE:
        same_origin(request)
    token = request.cookies.get(SECURE_COOKIE) or request.cookies.get(COOKIE)
    user = await web.users.session(token) if token else None
    if user is None:
        raise NotLoggedInError
    return Principal(
        role=user.role,
        brand=user.brand_id,
        company=user.company_id,
        user=user.id,
        name=user.email,
        label=user.name or user.email,
        tenant_name=user.tenant,
        language=user.language,
        time_zone=user.time_zone,
        fax_only=user.fax_only,
    )


async def _by_key(request: Request, web: Web) -> Principal:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    key = await web.api_keys.find(token.strip()) if kind.lower() == "bearer" else None
    if key is None:
        seconds = await web.requests.wait(f"address {address_of(request)}")
        if seconds:
            raise TooManyError(seconds)
        raise NotLoggedInError
    seconds = await web.requests.wait(f"key {key.id}")
    if seconds:
        raise TooManyError(seconds)
    return Principal(
        role=COMPANY if key.company_id is not None else BRAND,
        brand=key.brand_id,
        company=key.company_id,
        user=None,
        name=key.name,
        label=key.name,
        scopes=key.scopes,
        test=key.test,
    )


def same_origin(request: Request) -> None:
    """Refuse a form that another site sent (cross-site request forgery). Raises ForbiddenError.

    Browsers send the origin of a request in Sec-Fetch-Site (Fetch Metadata, W3C), older ones in
    Origin. A client that sends neither is not a browser with our cookie.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise ForbiddenError("the request came from another site")
        return
    origin = request.headers.get("origin", "")
    if urlsplit(origin).netloc != request.headers.get("host") or not origin:
        raise ForbiddenError("the request has no Origin of this site")


def address_of(request: Request) -> str:
    """Return the address that a request came from."""
    return request.client.host if request.client else ""


def allow(
    roles: Iterable[str], scope: str = "", *, fax_only: bool = True, keys: bool = False
) -> Allow:
    """Return the rule of a route."""
    return Allow(tuple(roles), scope, fax_only, keys)


FaxUser = Annotated[Principal, Depends(allow(FAXES))]
ConfigAdmin = Annotated[Principal, Depends(allow(CONFIG))]
CompanyAdmin = Annotated[Principal, Depends(allow((COMPANY,), fax_only=False))]
BrandOperator = Annotated[Principal, Depends(allow((BRAND,)))]
PlatformOperator = Annotated[Principal, Depends(allow((PLATFORM,)))]
LoggedIn = Annotated[Principal, Depends(allow(ALL_ROLES))]
