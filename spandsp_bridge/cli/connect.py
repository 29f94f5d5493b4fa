"""The one place that chooses how the fax commands reach the installation."""

from contextlib import AbstractAsyncContextManager

from spandsp_bridge.cli.api_client import ApiClient
from spandsp_bridge.cli.client import FaxClient
from spandsp_bridge.cli.database_client import open_database_client
from spandsp_bridge.settings import Settings, load


def connect(settings: Settings | None = None) -> AbstractAsyncContextManager[FaxClient]:
    """Return the API's client where VFAX_API_URL is set, else the database's."""
    settings = settings or load()
    if settings.api_url:
        return ApiClient(settings.api_url, settings.api_key.get_secret_value())
    return open_database_client(settings)
