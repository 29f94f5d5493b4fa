"""TIFF-F to PDF/A: the G4 data of each page is embedded as it is, never encoded again."""

import functools
import tempfile
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import img2pdf
from PIL import ImageCms

from spandsp_bridge.documents.tiff import TiffError


def to_pdf(
    data: bytes,
    *,
    title: str,
    subject: str = "",
    keywords: Iterable[str] = (),
    made_at: datetime | None = None,
) -> bytes:
    """Return a PDF/A-1b that embeds the G4 data as it is, at its resolution.

    Without `made_at` the file has no dates: the same pages give the same bytes. Raises
    TiffError.
    """
    dates: dict[str, Any] = {"creationdate": made_at, "moddate": made_at} if made_at else {}
    try:
        pdf: bytes = img2pdf.convert(
            data,
            title=title,
            subject=subject or None,
            keywords=list(keywords) or None,
            producer="virtualfax",
            nodate=made_at is None,
            pdfa=_colour_profile(),
            **dates,
        )
    except Exception as error:
        # img2pdf raises whatever its parsers do; the input was checked page by page before.
        raise TiffError("cannot be converted to PDF: {error}", error=error) from error
    return pdf


def fax_to_pdf(
    tiff: bytes, *, sender: str, receiver: str, pages: int, partial: bool, at: datetime
) -> bytes:
    """Return a fax as PDF/A with its numbers, `pages` confirmed and state as metadata.

    Raises TiffError.
    """
    state = "partial" if partial else "complete"
    return to_pdf(
        tiff,
        title=f"Fax from {sender} to {receiver}",
        subject=f"{pages} pages confirmed, {state}",
        keywords=[f"from:{sender}", f"to:{receiver}", f"pages:{pages}", state],
        made_at=at,
    )


@functools.cache
def _colour_profile() -> str:
    """Return the path of the sRGB profile that PDF/A requires (ISO 19005-1 §6.2.2)."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with tempfile.NamedTemporaryFile(prefix="srgb-", suffix=".icc", delete=False) as file:
        file.write(profile)
    return file.name
