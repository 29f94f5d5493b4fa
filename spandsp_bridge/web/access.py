"""Who is asking, and what that one may do.

Every route declares an `Allow`; one without is a mistake that a test finds
(tests/web/test_matrix.py). What a role sees of the data is row-level security's business.
"""

import time
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
FAXES = (COMPANY, USER)  #: whoever sends and receives
CONFIG = (BRAND, COMPANY)
EVERYBODY = (PLATFORM, BRAND, COMPANY, USER)


@dataclass(frozen=True, slots=True)
class Principal:
    """A person or a program, known."""

    role: Role
    brand: int | None
    company: int | None
    person: int | None
    name: str  #: the address, or the key's name
    label: str  #: the person's name, or the address
    tenant_name: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    fax_only: bool = False
    scopes: frozenset[str] | None = None  #: of a key; None: a person's
    test: bool = False  #: a key of the test mode

    def tenant(self, web: Web) -> Tenant:
        """Return the database as this one sees it."""
        # A brand's row carries the brand alone, a company's both: each role has one setting.
        brand = self.brand if self.role == BRAND else None
        return web.database.tenant(self.role, brand, self.company, self.person)

    def config(self, web: Web) -> ConfigStore:
        """Return the configuration that this one may see and change."""
        return ConfigStore(self.tenant(web), Scope(self.role, self.brand, self.company))

    @property
    def who(self) -> str:
        """What the audit trail calls this one."""
        return f"key:{self.name}" if self.scopes is not None else self.name


@dataclass(frozen=True, slots=True)
class Allow:
    """The rule of a route: these roles; a key needs the scope too."""

    roles: tuple[str, ...]
    scope: str = ""
    #: False: company administrators of faxes alone are kept out
    fax_only: bool = True
    keys: bool = False  #: programs with a key, and no people (the API)

    async def __call__(self, request: Request) -> Principal:
        """Return who asks. Raises NotLoggedInError, ForbiddenError, TooManyError."""
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
    person = await web.users.session(token) if token else None
    if person is None:
        raise NotLoggedInError
    return Principal(
        person.role,
        person.brand_id, person.company_id, person.id, person.email, person.name or person.email,
        person.tenant, person.language, person.time_zone, person.fax_only,
    )  # fmt: skip


async def _by_key(request: Request, web: Web) -> Principal:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    key = await web.api_keys.find(token.strip()) if kind.lower() == "bearer" else None
    if key is None:
        seconds = web.requests.wait(f"address {address_of(request)}", time.monotonic())
        if seconds:
            raise TooManyError(seconds)
        raise NotLoggedInError
    seconds = web.requests.wait(str(key.id), time.monotonic())
    if seconds:
        raise TooManyError(seconds)
    return Principal(
        COMPANY if key.company_id is not None else BRAND,
        key.brand_id, key.company_id, None, key.name, key.name, scopes=key.scopes,
        test=key.test,
    )  # fmt: skip


def same_origin(request: Request) -> None:
    """Refuse a form that another site sent (cross-site request forgery). Raises ForbiddenError.

    Browsers say where a request comes from: in Sec-Fetch-Site (Fetch Metadata, W3C), the older
    ones in Origin. One that says neither is no browser with our cookie.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in ("same-origin", "none"):
            raise ForbiddenError("the request came from another site")
        return
    origin = request.headers.get("origin", "")
    if urlsplit(origin).netloc != request.headers.get("host") or not origin:
        raise ForbiddenError("the request does not say that it came from this site")


def address_of(request: Request) -> str:
    """Return the address that a request came from."""
    return request.client.host if request.client else ""


def allow(
    roles: Iterable[str], scope: str = "", *, fax_only: bool = True, keys: bool = False
) -> Allow:
    """Return the rule of a route."""
    return Allow(tuple(roles), scope, fax_only, keys)


FaxPerson = Annotated[Principal, Depends(allow(FAXES))]
ConfigPerson = Annotated[Principal, Depends(allow(CONFIG))]
CompanyPerson = Annotated[Principal, Depends(allow((COMPANY,), fax_only=False))]
BrandPerson = Annotated[Principal, Depends(allow((BRAND,)))]
PlatformPerson = Annotated[Principal, Depends(allow((PLATFORM,)))]
AnyPerson = Annotated[Principal, Depends(allow(EVERYBODY))]
