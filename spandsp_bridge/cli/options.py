"""Options and arguments that several fax commands share."""

from pathlib import Path
from typing import Annotated

import typer

from spandsp_bridge.errors import UserError
from spandsp_bridge.model import PICTURES, RESOLUTIONS
from spandsp_bridge.outbound.submit import one_of, time_of
from spandsp_bridge.store.documents import File
from spandsp_bridge.store.submissions import SendOptions

MAX_IDEMPOTENCY_KEY = 255

Files = Annotated[
    list[Path],
    typer.Argument(help="PDF, TIFF, PNG, JPEG, text or office documents, sent as one fax."),
]
From = Annotated[str, typer.Option("--from", help="Virtual fax: its id, or COMPANY/NAME.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the end, with a progress bar.")]
Resolution = Annotated[
    str | None, typer.Option(help="normal, fine or superfine; default: the virtual fax's.")
]
Pictures = Annotated[
    str | None, typer.Option(help="text, photo or auto (by page); default: the virtual fax's.")
]
Priority = Annotated[int, typer.Option(min=0, max=9, help="0 urgent, at any hour, to 9.")]
SendAt = Annotated[
    str | None, typer.Option(help="Earliest time of the call: 2026-11-24T08:00+01:00.")
]
Subject = Annotated[str | None, typer.Option(help="Add a cover page with this subject.")]
Text = Annotated[str | None, typer.Option(help="Add a cover page with this text.")]
FaxId = Annotated[int, typer.Argument(metavar="ID")]


def send_options(
    *,
    resolution: str | None,
    pictures: str | None,
    priority: int,
    send_at: str | None,
    subject: str | None,
    text: str | None,
    idempotency_key: str | None = None,
) -> SendOptions:
    """Return the options of a fax. Raises UserError."""
    one_of("--resolution", resolution, RESOLUTIONS)
    one_of("--pictures", pictures, PICTURES)
    if idempotency_key is not None and not 1 <= len(idempotency_key) <= MAX_IDEMPOTENCY_KEY:
        raise UserError(
            "the idempotency key must have 1 to {limit} characters", limit=MAX_IDEMPOTENCY_KEY
        )
    cover = None
    if subject is not None or text is not None:
        cover = {"subject": subject or "", "text": text or ""}
    return SendOptions(
        cover=cover,
        resolution=resolution,
        pictures=pictures,
        priority=priority,
        send_at=time_of(send_at),
        idempotency_key=idempotency_key,
    )


def read_files(paths: list[Path]) -> list[File]:
    """Return the (name, content) pairs of files. Raises UserError."""
    files = []
    for path in paths:
        try:
            files.append((str(path), path.read_bytes()))
        except OSError as error:
            raise UserError("{file}: {error}", file=path, error=error.strerror) from error
    return files


def write_file(path: Path, data: bytes) -> None:
    """Write a file. Raises UserError."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UserError("{file}: {error}", file=path, error=error.strerror) from error
