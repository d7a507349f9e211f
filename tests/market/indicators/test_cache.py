import threading

import pytest

from core.errors import InvalidInput
from market.indicators.cache import ResultCache


class Seconds:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Seconds()


def made(clock, entries=3):
    return ResultCache(ttl=300.0, entries=entries, clock=clock)


def test_a_value_is_kept_until_its_time_is_over(clock):
    cache = made(clock)
    cache.put("a", 1)
    clock.now = 299.9
    assert cache.get("a") == 1
    clock.now = 300.0
    assert cache.get("a") is None
    assert cache.statistics().expired == 1
    assert cache.statistics().entries == 0


def test_looking_does_not_lengthen_a_life(clock):
    cache = made(clock)
    cache.put("a", 1)
    clock.now = 200.0
    cache.get("a")
    clock.now = 301.0
    assert cache.get("a") is None


def test_the_longest_unused_goes_when_it_is_full(clock):
    cache = made(clock, entries=2)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.get("a")
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)
    assert cache.statistics().evicted == 1
    assert cache.statistics().entries == 2


def test_what_has_expired_goes_before_anything_else(clock):
    cache = made(clock, entries=2)
    cache.put("a", 1)
    clock.now = 100.0
    cache.put("b", 2)
    clock.now = 301.0
    cache.put("c", 3)
    assert cache.statistics().evicted == 0
    assert cache.get("b") == 2


def test_the_hit_rate_is_the_share_of_looks_that_found_something(clock):
    cache = made(clock)
    assert cache.statistics().hit_rate is None
    cache.put("a", 1)
    for key in ("a", "a", "a", "b"):
        cache.get(key)
    assert cache.statistics().hit_rate == 0.75


def test_cleared_is_empty_and_keeps_its_counts(clock):
    cache = made(clock)
    cache.put("a", 1)
    cache.get("a")
    cache.clear()
    assert cache.get("a") is None
    assert (cache.statistics().hits, cache.statistics().misses) == (1, 1)


def test_many_threads_lose_no_count(clock):
    cache = made(clock, entries=5)

    def work(number):
        for step in range(500):
            cache.put((number, step % 7), step)
            cache.get((number, step % 7))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = cache.statistics()
    assert found.hits + found.misses == 2000
    assert found.entries == 5


@pytest.mark.parametrize(
    ("ttl", "entries", "name"), [(0, 3, "cache_ttl"), (1, 0, "cache_entries")]
)
def test_a_cache_that_keeps_nothing_is_refused(clock, ttl, entries, name):
    with pytest.raises(InvalidInput, match=name):
        ResultCache(ttl=ttl, entries=entries, clock=clock)
