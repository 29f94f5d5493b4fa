"""Atheris: bytes as a SIP message. Anything but a message or SipParseError is a finding."""

import contextlib
import sys

import atheris

with atheris.instrument_imports(include=["spandsp_bridge.sip"]):
    from spandsp_bridge.sip import session_timer
    from spandsp_bridge.sip.dialog import Dialog
    from spandsp_bridge.sip.errors import SipParseError
    from spandsp_bridge.sip.message import Request, Response, parse


def one_input(data: bytes) -> None:
    try:
        message = parse(data, ("192.0.2.1", 5060))
    except SipParseError:
        return
    again = parse(bytes(message))
    assert type(again) is type(message)
    with contextlib.suppress(session_timer.TooSmallError):
        session_timer.answer(message.headers)
    session_timer.accepted(message.headers)
    with contextlib.suppress(SipParseError):
        if isinstance(message, Request):
            dialog = Dialog.from_request(message, "tag")
            bytes(dialog.request("BYE"))
            dialog.next_hop()
        elif isinstance(message, Response):
            _ = message.to, message.from_


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
