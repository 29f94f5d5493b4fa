"""What mkdocs does beside the pages in this folder: adds generated ones, checks the result."""

import re
from collections.abc import Callable, Mapping

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from spandsp_bridge.cli import reference, reference_pages
from spandsp_bridge.settings import ROOT

#: What a browser would fetch from another host. Links that a reader may follow do not count.
EXTERNAL = re.compile(
    r"""<(?:script|img|iframe|source|object|embed|video)\b[^>]*\b(?:src|data)=["']?(?:https?:)?//[^\s"'>]+"""
    r"""|<link\b[^>]*\bhref=["']?(?:https?:)?//[^\s"'>]+"""
    r"""|(?:@import|url\()\s*["']?(?:https?:)?//[^\s"')]+"""
)


SETTINGS = """\
From the environment, or from `var/vfax.env` in the checkout; the environment wins."""
COMMANDS = """\
Commands that print data take `--json`. Exit codes: 0 success, 1 a fax or a check failed, 2 the
request was wrong, 3 the installation is. Every failure is one line on standard error."""
REASONS = """\
A fax, an attempt, a delivery and a refusal end with one of these words, and with a detail: facts
in JSON such as `{"sip": 486, "pages": 5, "confirmed": 3}`. The sentence is made when it is read, in
the reader's language; with a detail it says more than here. *Default* is what follows a failed
attempt to send, unless the brand has a rule of its own in `retry_rules`; delays vary by half of
their length. See `vfax retry explain`."""
API = """\
All paths are below `/v1`. [The guide](../api.md) has the examples; programs read
[openapi.json](openapi.json), which the portal serves as `/v1/openapi.json`."""
TABLES = """\
As `sql/schema.sql` has them, with the comments that `\\d+` shows in `psql`. `id`, `brand_id` and
`company_id` are what they are everywhere: the row's key, and the tenant that owns it."""


def beside_docs(path: str) -> str:
    """Return a page that stands elsewhere in the repository, with links that hold in the site."""
    text = (ROOT / path).read_text()
    return re.sub(r"\]\((?:\.\./)?docs/", "](", text)


#: The generated files: what makes each one, by its place in the site.
PAGES: Mapping[str, Callable[[], str]] = {
    "contributing.md": lambda: beside_docs("CONTRIBUTING.md"),
    "operators.md": lambda: beside_docs("sql/README.md"),
    "changelog.md": lambda: beside_docs("CHANGELOG.md"),
    "reference/settings.md": lambda: f"# Settings\n\n{SETTINGS}\n\n{reference.settings()}",
    "reference/commands.md": lambda: f"# Commands\n\n{COMMANDS}\n\n{reference.commands()}",
    "reference/reasons.md": lambda: f"# Reasons\n\n{REASONS}\n\n{reference_pages.reasons()}",
    "reference/api.md": lambda: f"# Requests\n\n{API}\n\n{reference_pages.api()}",
    "reference/tables.md": lambda: f"# SQL tables\n\n{TABLES}\n\n{reference_pages.tables()}",
    "reference/openapi.json": reference_pages.openapi,
}


def external(html: str) -> list[str]:
    """Return what a page or a stylesheet would load from other hosts."""
    return EXTERNAL.findall(html)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for place, make in PAGES.items():
        files.append(File.generated(config, place, content=make()))
    return files


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Refuse a page that loads something from another host. Raises PluginError."""
    del config
    if found := external(output):
        raise PluginError(f"{page.file.src_uri} loads from another host: {', '.join(found)}")
    return output
