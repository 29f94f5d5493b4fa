"""The tree of errors: each raise has its message's fields, and the catalogues have each message."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import spandsp_bridge
from spandsp_bridge import reasons
from spandsp_bridge.errors import (
    DeliveryError,
    DocumentError,
    MalformedError,
    UnavailableError,
    UserError,
    VfaxError,
)
from spandsp_bridge.i18n import __main__ as tool
from spandsp_bridge.i18n import error_text
from spandsp_bridge.i18n.phrases import fields_of
from spandsp_bridge.reasons import DETAILS, Reason

ROOT = Path(spandsp_bridge.__file__).parent
#: Read in logs alone: parsers of the wire, the spool, and the publisher's rows.
LOGGED = {
    "MalformedError",
    "SipParseError",
    "SdpError",
    "SpoolFull",
    "BadEntryError",
    "EmptySnapshotError",
}


def tree() -> dict[str, type[VfaxError]]:
    """Return every error class of the package by name."""
    for module in pkgutil.walk_packages([str(ROOT)], "spandsp_bridge."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: dict[str, type[VfaxError]] = {}
    todo: list[type[VfaxError]] = [VfaxError]
    while todo:
        one = todo.pop()
        if one.__module__.startswith("spandsp_bridge."):
            assert found.setdefault(one.__name__, one) is one, "two errors have one name"
        todo += one.__subclasses__()
    return found


TREE = tree()
WITH_MESSAGE = {
    name for name, one in TREE.items() if next(iter(inspect.signature(one).parameters)) == "message"
}
WITH_REASON = {
    name for name, one in TREE.items() if issubclass(one, DocumentError | DeliveryError)
}  # fmt: skip


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Yield (place, class, call) of every construction of an error."""
    for path in sorted(ROOT.rglob("*.py")):
        place = path.relative_to(ROOT)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name in TREE:
                    yield f"{place}:{node.lineno}", name, node


def wrong_message(call: ast.Call) -> str:
    """Return what is wrong with an error that has a message; an empty text: nothing."""
    if not call.args:
        return "" if not call.keywords else "fields without a message"
    message = call.args[0]
    if not isinstance(message, ast.Constant) or not isinstance(message.value, str):
        return "its message is no constant"
    given = {keyword.arg for keyword in call.keywords}
    needed = fields_of(message.value)
    if None in given:  # **fields
        needed &= given
        given.remove(None)
    return "" if given == needed else f"it has {given}, its message {set(needed)}"


def wrong_reason(call: ast.Call) -> str:
    """Return what is wrong with an error that has a reason; an empty text: nothing."""
    reason = call.args[0] if call.args else None
    if not isinstance(reason, ast.Attribute) or getattr(reason.value, "id", "") != "Reason":
        return ""  # passes another's reason and detail on
    given = {keyword.arg for keyword in call.keywords} - {None}
    unknown = given - set(DETAILS[Reason[reason.attr]])
    return f"{reason.attr} has no {unknown}" if unknown else ""


def test_each_error_has_exactly_the_fields_of_its_message() -> None:
    found, seen = {}, set()
    for place, name, call in calls():
        seen.add(name)
        wrong = ""
        if name in WITH_REASON:
            wrong = wrong_reason(call)
        elif name in WITH_MESSAGE:
            wrong = wrong_message(call)
        if wrong:
            found[place] = wrong
    assert found == {}
    assert len(seen) > 20, "the walk finds the errors"


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ('UserError("there is no fax {id}", id=1)', ""),
        ("UserError()", ""),
        ('UserError(f"there is no fax {id}")', "its message is no constant"),
        ('UserError("a", id=1)', "it has {'id'}, its message set()"),
        ("UserError(text)", "its message is no constant"),
    ],
)
def test_the_walk_finds_what_is_wrong(source: str, wrong: str) -> None:
    call = ast.parse(source, mode="eval").body
    assert isinstance(call, ast.Call)
    assert wrong_message(call) == wrong


def test_the_messages_of_each_class_are_in_the_catalogues() -> None:
    assert set(tool.ERRORS) | LOGGED == WITH_MESSAGE
    assert set(tool.ERRORS) & LOGGED == set()


@pytest.mark.parametrize("name", sorted(TREE))
def test_each_class_has_a_status_a_code_and_an_exit_code(name: str) -> None:
    one = TREE[name]
    assert 400 <= one.status <= 599
    assert one.code == one.code.lower().replace(" ", "_") != ""
    assert one.exit_code in (1, 2, 3)
    if issubclass(one, UserError):
        assert (one.exit_code, one.status < 500) == (2, True)
    if issubclass(one, UnavailableError):
        assert (one.exit_code, one.status) == (3, 503)
    assert one.__doc__


def test_an_error_within_an_error_stands_in_lower_case() -> None:
    inner = MalformedError("page {page} is missing", page=2)
    outer = UserError("fax {id} cannot be converted: {error}", id=7, error=inner)
    assert error_text(outer, "en") == "Fax 7 cannot be converted: page 2 is missing."
    assert error_text(UserError("{problem}", problem=inner), "en") == "Page 2 is missing."
    assert error_text(UserError("{problem}", problem="x.pdf is empty."), "en") == "x.pdf is empty."
    document = DocumentError(Reason.DOCUMENT_EMPTY, file="x.pdf")
    assert error_text(UserError("{problem}", problem=document), "en").startswith("x.pdf ")


def test_a_reason_of_a_newer_version_stays_text() -> None:
    assert reasons.reason_of("user_busy") is Reason.USER_BUSY
    assert reasons.reason_of("moon_phase") == "moon_phase"
    assert reasons.reason_of(None) is None
