"""Names of carrier servers are resolved as long as a list uses them."""

import time

import pytest

from spandsp_bridge.publisher.dns_cache import IDLE_SECONDS, DnsCache

OLD = ("old.example", 5060, "udp")
NEW = ("new.example", None, "tls")


def compiled(cache: DnsCache, user: str, *names: tuple[str, int | None, str]) -> None:
    with cache.used_by(user) as resolve:
        for name in names:
            assert resolve(*name) == []


def test_a_name_that_no_list_uses_is_forgotten() -> None:
    cache = DnsCache([], lambda: None)
    compiled(cache, "dispatcher", OLD, NEW)
    compiled(cache, "dispatcher", NEW)
    cache.forget_unused(time.monotonic() + IDLE_SECONDS - 1)
    assert cache.names() == [NEW, OLD], "a row may come back"
    cache.forget_unused(time.monotonic() + IDLE_SECONDS + 1)
    assert cache.names() == [NEW]


def test_a_name_in_use_is_kept_however_long_ago_its_list_was_compiled() -> None:
    cache = DnsCache([], lambda: None)
    compiled(cache, "dispatcher", NEW)
    cache.forget_unused(time.monotonic() + 100 * IDLE_SECONDS)
    assert cache.names() == [NEW]


def test_a_name_is_kept_for_the_other_list_that_uses_it() -> None:
    cache = DnsCache([], lambda: None)
    compiled(cache, "dispatcher", OLD)
    compiled(cache, "registrations", OLD)
    compiled(cache, "dispatcher")
    cache.forget_unused(time.monotonic() + IDLE_SECONDS + 1)
    assert cache.names() == [OLD]
    compiled(cache, "registrations")
    cache.forget_unused(time.monotonic() + IDLE_SECONDS + 1)
    assert cache.names() == []


def test_a_list_that_fails_keeps_its_names() -> None:
    cache = DnsCache([], lambda: None)
    compiled(cache, "dispatcher", OLD)
    with pytest.raises(ValueError, match="bad row"), cache.used_by("dispatcher"):
        raise ValueError("bad row")
    cache.forget_unused(time.monotonic() + IDLE_SECONDS + 1)
    assert cache.names() == [OLD]
