"""A Kamailio that does not answer holds nothing up, and is brought up to date later."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spandsp_bridge.publisher import kamailio, rpc
from spandsp_bridge.publisher.dns_cache import DnsCache
from spandsp_bridge.publisher.kamailio import Kamailio
from spandsp_bridge.settings import Settings

TIMEOUT = 0.2


class FakeKamailio:
    """An RPC socket that answers only while `answers` is set; `asked` are the methods."""

    def __init__(self, path: Path) -> None:
        self.answers = False
        self.asked: list[str] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            data, source = self._socket.recvfrom(65536)
            if not data:
                return
            method = json.loads(data)["method"]
            self.asked.append(method)
            if self.answers:
                results = {"htable.dump": [], "dispatcher.list": {"RECORDS": []}}
                self._socket.sendto(json.dumps({"result": results.get(method)}).encode(), source)

    def close(self, path: Path) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ours:
            ours.sendto(b"", str(path))
        self._thread.join()
        self._socket.close()


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(rpc, "TIMEOUT", TIMEOUT)
    monkeypatch.setattr(kamailio, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(kamailio, "CHECK_SILENT_SECONDS", 0.0)
    return Settings(database_url="postgresql://127.0.0.1:1/none", var=tmp_path)


@pytest.fixture
def fake(settings: Settings) -> Iterator[FakeKamailio]:
    served = FakeKamailio(settings.rpc_socket)
    yield served
    served.close(settings.rpc_socket)


def test_one_time_out_is_waited_for_and_not_one_for_each_call(
    settings: Settings, fake: FakeKamailio
) -> None:
    ours = Kamailio(settings, DnsCache([], lambda: None))
    began = time.monotonic()
    for version in range(1, 4):
        ours.reload()
        ours.registrations([])
        ours.set_version(version)
    assert time.monotonic() - began < 2 * TIMEOUT
    assert fake.asked == ["dispatcher.list"]


def test_what_is_pending_is_repeated_when_kamailio_answers_again(
    settings: Settings, fake: FakeKamailio
) -> None:
    ours = Kamailio(settings, DnsCache([], lambda: None))
    ours.reload()
    assert not ours.restarted(1), "it still does not answer"
    fake.answers = True
    fake.asked.clear()
    assert ours.restarted(1), "it knows no version"
    assert "dispatcher.reload" in fake.asked
    ours.set_version(1)
    assert fake.asked[-1] == "htable.seti"
