import asyncio
import itertools
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import redis as core_redis
from market.binance.dial import DialBucket
from market.dials import SharedDialBucket
from tests.clock import FakeClock

LIMIT, WINDOW = 5, 10.0


def bucket(redis, clock, limit=LIMIT):
    return SharedDialBucket(
        redis,
        "simulator",
        limit=limit,
        window_seconds=WINDOW,
        clock=clock,
        fallback=DialBucket(limit, WINDOW, clock),
    )


def check_windows(times, limit):
    for first in times:
        assert sum(first <= t < first + WINDOW for t in times) <= limit


@pytest.fixture
async def redis(bus):
    client = core_redis.client()
    yield client
    await client.aclose()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0, 12), max_size=60), st.integers(1, 6))
def test_one_process_never_dials_more_than_the_limit_in_any_window(pauses, limit):
    async def dial():
        clock, times = FakeClock(), []
        own = DialBucket(limit, WINDOW, clock)
        for pause in pauses:
            clock.move(pause)
            if await own.take() == 0:
                times.append(clock.monotonic())
        return times

    check_windows(asyncio.run(dial()), limit)


async def test_a_refused_dial_is_told_when_to_ask_again_and_then_goes():
    clock = FakeClock()
    own = DialBucket(2, WINDOW, clock)
    assert await own.take() == 0
    clock.move(3)
    assert await own.take() == 0
    assert await own.take() == pytest.approx(7)
    clock.move(7)
    assert await own.take() == 0


async def test_several_processes_share_one_budget(redis):
    clock = FakeClock()
    processes = [bucket(redis, clock) for _ in range(3)]
    times = []
    for turn in range(200):
        clock.move(0.25)
        if await processes[turn % 3].take() == 0:
            times.append(clock.monotonic())
    check_windows(times, LIMIT)
    # and the budget is used, not only kept
    assert len(times) == LIMIT * 5


async def test_waiting_for_the_others_does_not_use_up_the_own_budget(redis):
    """As after a restart: the budget is full of dials of the process before."""
    clock = FakeClock()
    before, after = bucket(redis, clock), bucket(redis, clock)
    for _ in range(LIMIT):
        assert await before.take() == 0
    for _ in range(50):
        assert await after.take() > 0
    clock.move(WINDOW)
    assert [await after.take() for _ in range(LIMIT)] == [0] * LIMIT


async def test_the_wait_told_is_enough(redis):
    clock = FakeClock()
    shared = bucket(redis, clock)
    for _ in range(LIMIT):
        clock.move(0.5)
        assert await shared.take() == 0
    wait = await shared.take()
    assert 0 < wait <= WINDOW
    clock.move(wait)
    assert await shared.take() == 0


async def test_without_redis_each_process_keeps_its_own_budget(redis_server, redis):
    clock = FakeClock()
    shared = bucket(redis, clock)
    for _ in range(2):
        assert await shared.take() == 0
    redis_server.kill()
    try:
        taken = [await shared.take() for _ in range(LIMIT)]
    finally:
        redis_server.start()
    assert taken[: LIMIT - 2] == [0] * (LIMIT - 2)
    assert all(wait > 0 for wait in taken[LIMIT - 2 :])


async def test_a_redis_that_forgot_does_not_give_this_process_a_second_budget(
    redis, bus
):
    clock = FakeClock()
    shared = bucket(redis, clock)
    for _ in range(LIMIT):
        assert await shared.take() == 0
    bus.flushall()
    assert await shared.take() > 0


async def test_venues_have_budgets_of_their_own(redis):
    clock = FakeClock()
    for venue in ("binance", "testnet"):
        shared = SharedDialBucket(
            redis,
            venue,
            limit=1,
            window_seconds=WINDOW,
            clock=clock,
            fallback=DialBucket(1, WINDOW, clock),
        )
        assert await shared.take() == 0


CHILD = """
import asyncio, sys, time
import django; django.setup()
from redis.asyncio import Redis
from core.clock import SystemClock
from market.binance.dial import DialBucket
from market.dials import SharedDialBucket
class Seen(SystemClock):
    def now_ms(self):
        self.last = super().now_ms()
        return self.last
async def main():
    redis, clock = Redis.from_url(sys.argv[1]), Seen()
    shared = SharedDialBucket(redis, "x", limit=20, window_seconds=1.0, clock=clock,
                              fallback=DialBucket(20, 1.0, clock))
    until = time.monotonic() + 2.0
    while time.monotonic() < until:
        if await shared.take() == 0:
            print(clock.last)
        await asyncio.sleep(0.002)
    await redis.aclose()
asyncio.run(main())
"""


async def test_real_processes_together_stay_under_the_limit(bus, redis_server):
    children = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHILD, redis_server.url,
            stdout=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]  # fmt: skip
    outputs = [(await child.communicate())[0] for child in children]
    times = sorted(
        int(line) for line in itertools.chain(*(out.split() for out in outputs))
    )
    assert all(child.returncode == 0 for child in children)
    assert len(times) >= 40
    for first in times:
        assert sum(first <= at < first + 1000 for at in times) <= 20
