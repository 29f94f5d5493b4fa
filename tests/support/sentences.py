"""What a sentence for a reader must be, whatever it is made of."""

import re

#: Words that only English has.
ENGLISH = re.compile(r"\b(the|with|and|again|before|page|pages|call|this|was|were|of)\b", re.I)
KEPT = re.compile(r"\(SIP [^)]*\)|VFAX_\w+")  #: the same in every language


def assert_sentence(text: str, language: str, *verbatim: str) -> None:
    """Fail unless a text is one whole sentence in a language; `verbatim` are a user's own words."""
    assert text.endswith("."), text
    assert ".." not in text, text
    assert "{" not in text, text
    assert "  " not in text, text
    assert "\n" not in text, text
    if language != "en":
        own = KEPT.sub("", text)
        for words in verbatim:
            own = own.replace(words, "")
        assert ENGLISH.findall(own) == [], text
