"""`vfax preview`: what a document will look like as a fax; nothing is sent."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from spandsp_bridge.cli.options import Files, read_files, write_file
from spandsp_bridge.cli.output import Json, console, print_json
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.pdfa import to_pdf
from spandsp_bridge.documents.render import render
from spandsp_bridge.documents.tiff import call_seconds
from spandsp_bridge.model import PAPERS, PICTURES, RESOLUTIONS
from spandsp_bridge.outbound.submit import one_of

MAX_PAGES = 1000  #: no installation is asked for its limit


def preview(
    files: Files,
    out: Annotated[Path | None, typer.Option(help="Write the pages here, as PDF.")] = None,
    resolution: Annotated[str, typer.Option(help="normal, fine or superfine.")] = "fine",
    pictures: Annotated[str, typer.Option(help="text, photo or auto (by page).")] = "auto",
    paper: Annotated[str, typer.Option(help="a4 or letter.")] = "a4",
    as_json: Json = False,
) -> None:
    """Show what a document will look like as a fax, and how long its call takes."""
    one_of("--resolution", resolution, RESOLUTIONS)
    one_of("--pictures", pictures, PICTURES)
    one_of("--paper", paper, PAPERS)
    documents = read_files(files)
    rendered = asyncio.run(render(documents, PageOptions(paper, resolution, pictures), MAX_PAGES))
    total = call_seconds(rendered.line_bytes)
    if out is not None:
        write_file(out, to_pdf(rendered.tiff, title=", ".join(name for name, _ in documents)))
    if as_json:
        print_json(
            {
                "pages": rendered.pages,
                "line_bytes": list(rendered.line_bytes),
                "expected_seconds": total,
            }
        )
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("page", "size", "time"):
        table.add_column(column, justify="right")
    for number, size in enumerate(rendered.line_bytes, 1):
        seconds = call_seconds([size]) - call_seconds([])
        table.add_row(str(number), f"{size / 1000:.1f} kB", f"{seconds} s")
    console().print(table)
    console().print(f"The call takes about {total} s at 14400 bit/s.")
