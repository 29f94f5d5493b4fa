"""Live news: a watcher that is slow misses states in between, never the newest one."""

from dataclasses import replace

from spandsp_bridge.web.live import QUEUE_LIMIT, News, Watcher

FAX = News(1, 1, 1, "out", "inprogress", None, {}, 300, 0, "+34911000002")


def test_the_newest_state_comes_after_a_full_queue() -> None:
    watcher = Watcher(company=1, fax=1)
    for page in range(QUEUE_LIMIT + 1):
        watcher.notify(replace(FAX, page=page), first=False)
    newest = replace(FAX, page=QUEUE_LIMIT)
    watcher.queue.get_nowait()
    watcher.notify(newest, first=False)  # the next look finds what it found before
    heard = [watcher.queue.get_nowait() for _ in range(watcher.queue.qsize())]
    assert heard[-1] == newest


def test_a_state_is_told_once() -> None:
    watcher = Watcher(company=1, fax=1)
    watcher.notify(FAX, first=True)
    watcher.notify(FAX, first=False)
    assert watcher.queue.qsize() == 1


def test_the_first_look_at_a_list_is_no_news() -> None:
    watcher = Watcher(company=1, fax=None)
    watcher.notify(FAX, first=True)
    assert watcher.queue.empty()
    watcher.notify(replace(FAX, page=1), first=False)
    assert watcher.queue.qsize() == 1
