"""Explanations in the reader's language: every phrase that we make has its words."""

import re

import pytest

from spandsp_bridge.outbound.policy import Rule, decide
from spandsp_bridge.sentences import LANGUAGES, SPANISH, spoken
from spandsp_bridge.settings import ROOT
from spandsp_bridge.t38.outcome import CAUSES, PERSON, REMEDIES, SIP_FAILURES, T30_ERRORS, judge_sip

#: Words that only English has; a Spanish sentence with one of them was not translated.
ENGLISH = re.compile(r"\b(the|was|with|and|again|after|before|page|pages|call|this|is|it|so|of)\b")


def english_in(text: str) -> list[str]:
    said = spoken(text, "es")
    told = re.sub(r"\(SIP \d+ [^)]*\)|VFAX_\w+|offer of the day\.pdf", "", said)
    return ENGLISH.findall(told)


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def told() -> set[str]:
    happened = {text for _, text in (*T30_ERRORS, *CAUSES.values())} | {PERSON}
    happened |= {text.replace("the sender", "the receiver") for text in happened}
    made = {f"{capital(text)}, with {many} confirmed; {remedy}."
            for text in happened for many in ("1 page", "2 of 3 pages", "0 of 1 page")
            for remedy in REMEDIES.values()}  # fmt: skip
    made |= {judge_sip(status, "Reason Phrase").explanation for status in (*SIP_FAILURES, 503, 499)}
    return made


def test_every_end_of_a_call_is_told_in_spanish() -> None:
    sentences = told()
    assert len(sentences) > 2000
    assert sorted(s for s in sentences if english_in(s)) == []


@pytest.mark.parametrize("history", [["user_busy"], ["user_busy"] * 3, ["user_busy"] * 2])
@pytest.mark.parametrize("most", [None, 1, 2])
def test_what_follows_is_told_in_spanish(history: list[str], most: int | None) -> None:
    rules = {"user_busy": Rule("user_busy", "retry", 60, 3, ())}
    why = decide(rules, history, lambda: 0.5, most).why
    text = f"{judge_sip(486, 'Busy').explanation.rstrip('.')} ({why})."
    assert english_in(text) == [], spoken(text, "es")


def test_what_the_database_says_is_told_in_spanish() -> None:
    sql = (ROOT / "sql" / "functions" / "queue.sql").read_text()
    sql = re.sub(r"comment on [^;]*?'[^']*';", "", sql)
    texts = re.findall(r"'([A-Z][^']*\.)'", sql[sql.index("function cancel_fax") :])
    ends = re.findall(r"text_of_it \|\| '(; [^']+)'", sql)
    [start] = re.findall(r"format\('(The sending process ended[^']+)'", sql)
    texts += [start + end for end in ends]
    texts = [t.replace("%s", "7") for t in texts]
    assert len(texts) >= 5
    assert [t for t in texts if english_in(t)] == []


def test_what_is_not_known_stays_as_it_is() -> None:
    assert spoken("A fault of a new kind, 3 of them.", "es") == "A fault of a new kind, 3 of them."
    assert spoken("The line is busy; send again later.", "en").startswith("The line")
    assert spoken("", "es") == ""


def test_a_document_s_name_stays_whole() -> None:
    text = "offer of the day.pdf is empty: give a document with a page"
    assert spoken(text, "es").startswith("offer of the day.pdf está vacío")


def test_both_sides_have_the_same_places() -> None:
    for phrases in LANGUAGES.values():
        for english, words in phrases.items():
            assert english.count("{}") == words.count("{}"), english
    assert len(SPANISH) > 100


@pytest.mark.parametrize("text", ["(" * 5000, "; " * 5000, "with " * 2000, ", (: ." * 3000])
def test_a_strange_text_takes_no_time(text: str) -> None:
    assert isinstance(spoken(text, "es"), str)
