import pytest

from market.simulator.errors import ApiError
from market.simulator.limits import PATIENCE, Limits


class Seconds:
    def __init__(self):
        self.now = 1_795_176_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def limits(seconds):
    return Limits(
        weight_limit=100,
        dial_limit=3,
        dial_window_seconds=300,
        ban_seconds=120,
        now=seconds,
    )


def refused(call, *args):
    with pytest.raises(ApiError) as caught:
        call(*args)
    return caught.value


def test_weight_is_counted_per_minute_and_address(limits, seconds):
    assert limits.spend("a", 60) == 60
    assert limits.spend("a", 40) == 100
    assert limits.spend("b", 1) == 1
    seconds.now += 60
    assert limits.used("a") == 0
    assert limits.spend("a", 5) == 5


def test_too_much_weight_is_refused_until_the_minute_ends(limits, seconds):
    seconds.now += 20
    limits.spend("a", 100)
    error = refused(limits.spend, "a", 1)
    assert (error.status, error.code) == (429, -1003)
    assert error.retry_after == 41
    seconds.now += error.retry_after
    assert limits.spend("a", 1) == 1


def test_going_on_after_429_is_a_ban_that_grows(limits, seconds):
    limits.spend("a", 100)
    for _ in range(PATIENCE):
        assert refused(limits.spend, "a", 1).status == 429
    error = refused(limits.spend, "a", 1)
    assert error.status == 418
    assert error.retry_after == 121
    until = int((seconds.now + 120) * 1000)
    assert f"IP banned until {until}." in error.message
    seconds.now += 60
    assert refused(limits.spend, "a", 1).status == 418
    assert refused(limits.dial, "a").status == 418
    seconds.now += 61
    assert limits.spend("a", 100) == 100
    for _ in range(PATIENCE):
        refused(limits.spend, "a", 1)
    assert refused(limits.spend, "a", 1).retry_after == 241


def test_dials_are_counted_over_the_window(limits, seconds):
    for _ in range(3):
        limits.dial("a")
        seconds.now += 10
    error = refused(limits.dial, "a")
    assert (error.status, error.retry_after) == (429, 271)
    limits.dial("b")
    seconds.now += 271
    limits.dial("a")


def test_funding_has_a_bucket_of_its_own(limits, seconds):
    for _ in range(500):
        limits.spend_funding("a")
    assert refused(limits.spend_funding, "a").status == 429
    assert limits.spend("a", 1) == 1
    seconds.now += 301
    limits.spend_funding("a")
