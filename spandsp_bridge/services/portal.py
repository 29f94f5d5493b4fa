"""The portal and the API, served by uvicorn."""

import structlog
import uvicorn

from spandsp_bridge.portal.site import make_site
from spandsp_bridge.settings import Settings, parse_address
from spandsp_bridge.store.api_keys import ApiKeys
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.progress import Progress
from spandsp_bridge.store.users import Users
from spandsp_bridge.web.limits import LimitStorage, RateLimit
from spandsp_bridge.web.live import Hub
from spandsp_bridge.web.state import Web

log = structlog.get_logger(__name__)

DATABASE_CONNECTIONS = 16
SHUTDOWN_SECONDS = 2
FAILED_LOG_INS, LOG_IN_SECONDS = 20, 100  #: of one address
API_WINDOW_SECONDS = 4  #: in which an API key may make this many seconds of its rate of requests


async def serve(settings: Settings) -> None:
    """Run until cancelled."""
    host, port = parse_address(settings.portal_listen)
    scratch = settings.var / "portal"
    scratch.mkdir(parents=True, exist_ok=True)
    progress = Progress(settings.redis_url)
    limits = LimitStorage(settings.redis_url)
    async with Database(settings.database_url, size=DATABASE_CONNECTIONS) as database:
        web = Web(
            settings=settings,
            database=database,
            users=Users(database),
            api_keys=ApiKeys(database),
            hub=Hub(database, progress),
            log_ins=RateLimit(limits, "log-ins", FAILED_LOG_INS, LOG_IN_SECONDS),
            requests=RateLimit(
                limits,
                "requests",
                round(API_WINDOW_SECONDS * settings.api_rate),
                API_WINDOW_SECONDS,
            ),
            scratch=scratch,
        )
        server = uvicorn.Server(
            uvicorn.Config(
                make_site(web),
                host=host,
                port=port,
                log_config=None,
                access_log=False,
                server_header=False,
                forwarded_allow_ips=settings.portal_proxies,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
                lifespan="on",
            )
        )
        log.info("portal started", address=settings.portal_listen)
        try:
            await server.serve()
        finally:
            await progress.close()
            await limits.close()
