"""The publisher: PostgreSQL's configuration into Kamailio's routing tables."""

from spandsp_bridge.publisher.follow import Publisher
from spandsp_bridge.settings import Settings


async def serve(settings: Settings) -> None:
    """Run until cancelled."""
    await Publisher(settings).run()
