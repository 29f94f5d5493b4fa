"""What the sandboxed child is asked for: a `Job`, handed over as JSON."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class PageOptions:
    """How documents are put on paper."""

    paper: str = "a4"  #: or `letter`
    resolution: str = "fine"  #: or `normal`, `superfine`
    pictures: str = "auto"  #: `text` thresholds every page, `photo` screens every page
    long_pages: str = "split"  #: or `scale`


@dataclass(frozen=True, slots=True)
class CoverPage:
    """A page that is filled in by the child: a Jinja2 template, and what it may name."""

    template: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """What to convert, and how."""

    names: list[str]  #: what the user calls the files 0, 1, ...
    options: PageOptions = field(default_factory=PageOptions)
    max_pages: int = 1000
    cover: CoverPage | None = None  #: a page to put first
    facts: bool = False  #: read the text and the facts of each file
    check_only: bool = False  #: say whether it can be faxed, without making its pages

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Job":
        """Return the job whose `dataclasses.asdict` this is."""
        cover = values["cover"]
        parts = {
            "options": PageOptions(**values["options"]),
            "cover": CoverPage(**cover) if cover is not None else None,
        }
        return cls(**{**values, **parts})
