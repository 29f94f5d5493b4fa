"""Messages that stand in tables: marked for extraction here, translated where they are used."""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from spandsp_bridge.i18n.catalogue import plural, translate


@dataclass(frozen=True, slots=True)
class Phrase:
    """A message with its named fields; with a plural, the field `count_field` decides."""

    message: str
    many: str = ""
    count_field: str = ""

    @property
    def fields(self) -> frozenset[str]:
        """Names of the fields that the phrase needs."""
        return fields_of(self.many or self.message) | (
            {self.count_field} if self.many else frozenset()
        )

    def fits(self, detail: Mapping[str, Any]) -> bool:
        """Tell whether a detail has every field."""
        if self.many and not isinstance(detail.get(self.count_field), int):
            return False
        return all(detail.get(field) is not None for field in self.fields)

    def text(self, detail: Mapping[str, Any], language: str) -> str:
        """Return the phrase in a language, filled from a detail that fits."""
        fields = {field: detail[field] for field in self.fields}
        if self.many:
            return plural(self.message, self.many, detail[self.count_field], language, **fields)
        return translate(self.message, language, **fields)


def fields_of(message: str) -> frozenset[str]:
    """Return the names of a message's fields. Raises ValueError for a malformed message."""
    return frozenset(name for _, name, _, _ in Formatter().parse(message) if name)


def N_(message: str) -> Phrase:  # noqa: N802 - gettext's name for a message that is only marked
    """Mark a message."""
    return Phrase(message)


def NN_(one: str, many: str, count_field: str) -> Phrase:  # noqa: N802
    """Mark a message with a plural."""
    return Phrase(one, many, count_field)


def NC_(context: str, message: str) -> tuple[str, str]:  # noqa: N802
    """Mark a message with a context (gettext's msgctxt)."""
    return context, message
