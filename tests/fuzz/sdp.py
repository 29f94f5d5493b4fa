"""Atheris: bytes as a session description, answered as an offer and taken as an answer."""

import sys

import atheris

with atheris.instrument_imports(include=["spandsp_bridge.t38"]):
    from spandsp_bridge.t38.negotiation import LocalMedia, audio_peer, read, t38_peer


def one_input(data: bytes) -> None:
    description = read(data)
    if description is None:
        return
    local = LocalMedia("192.0.2.1", 30000, 30001)
    answer = local.answer(description)
    if answer is None:
        return
    ours, medium = answer
    again = read(ours)
    assert again is not None
    assert len(again.media) == len(description.media), "each line of an offer has one in the answer"
    peer = t38_peer(medium) if medium.is_t38 else audio_peer(medium)
    assert 0 < peer.port < 65536
    description.refuse_t38()


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
