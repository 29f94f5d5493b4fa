"""The language of an answer."""

from fastapi import Request

from spandsp_bridge.i18n import negotiate


def accepted_language(request: Request) -> str:
    """Return the language that the client accepts best (Accept-Language); English by default."""
    return negotiate(request.headers.get("accept-language", ""))
