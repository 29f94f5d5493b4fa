"""The parts of a running site, kept in the application's state."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from fastapi import Request

from spandsp_bridge.settings import Settings
from spandsp_bridge.store.api_keys import ApiKeys
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.users import Users
from spandsp_bridge.web.limits import RateLimit
from spandsp_bridge.web.live import Hub


@dataclass(frozen=True, slots=True)
class Web:
    """The parts of a running site."""

    settings: Settings
    database: Database
    users: Users
    api_keys: ApiKeys
    hub: Hub
    log_ins: RateLimit  #: failed ones, by address; changes of passwords, by user
    requests: RateLimit  #: by API key, or by address without a key
    scratch: Path | None = None


def web_of(request: Request) -> Web:
    """Return the parts of the site that a request came to."""
    return cast(Web, request.app.state.web)
