import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError
from hypothesis import HealthCheck, given, settings
from redis.asyncio import Redis as AsyncRedis

from core import alerts
from core import redis as core_redis
from market.address_hold import AddressHold
from market.binance.weights import GUARD_MS, OWN_SHARE, Hold, Leave, Wait, usable
from market.budget import SharedWeightBudget
from market.budget_rows import Remembered
from tests.clock import FakeClock
from tests.market.binance.minutes import (
    BASE,
    LIMIT,
    MINUTE,
    REQUESTS,
    SKEWS,
    SPENDABLE,
    START,
    talk,
)

VENUE = "simulator"
NOW = BASE + GUARD_MS
BAN = Hold(30, banned=True, reason="HTTP 418 banned")


class NoMemory:
    """A database that stores nothing, or fails."""

    def __init__(self, *, fails=False):
        self.fails = fails

    async def load(self):
        self._perhaps_fail()
        return Remembered()

    async def hold(self, until_ms, hold):
        self._perhaps_fail()

    async def ended(self):
        self._perhaps_fail()

    async def ceiling(self, minute, ceiling):
        self._perhaps_fail()

    def _perhaps_fail(self):
        if self.fails:
            raise OperationalError("the database is away")


class Processes:
    """Budgets as separate processes have them: own connection, own objects."""

    def __init__(self):
        self.clock = FakeClock()
        self._made = []

    def start(self, **options):
        redis = core_redis.client()
        address = AddressHold(redis, VENUE, clock=self.clock, **options)
        budget = SharedWeightBudget(address, VENUE)
        self._made.append((redis, budget))
        return budget

    async def end(self):
        for redis, budget in self._made:
            await budget.aclose()
            await redis.aclose()
        self._made.clear()


@pytest.fixture
async def processes(bus):
    made = Processes()
    yield made
    await made.end()


async def fill(budget, now=NOW, limit=LIMIT):
    """Take until the answer is a wait; return how much was given."""
    given_weight = 0
    while isinstance(await budget.take(1, now_ms=now, limit=limit), Leave):
        given_weight += 1
    return given_weight


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(REQUESTS, SKEWS, START)
def test_no_order_of_processes_exceeds_the_limit_in_any_minute_of_the_exchange(
    redis_server, bus, requests, skews, start
):
    bus.flushall()

    async def live():
        redis = AsyncRedis.from_url(redis_server.url)
        budgets = [
            SharedWeightBudget(
                AddressHold(redis, VENUE, clock=FakeClock(), memory=NoMemory()), VENUE
            )
            for _ in skews
        ]
        try:
            return await talk(budgets, requests, skews, start)
        finally:
            for budget in budgets:
                await budget.aclose()
            await redis.aclose()

    counted = asyncio.run(live())
    assert all(weight <= SPENDABLE for weight in counted.values())


async def test_processes_share_one_minute_and_use_all_of_it(processes):
    one, two = (processes.start(memory=NoMemory()) for _ in range(2))
    taken = 0
    for turn in range(3 * SPENDABLE):
        answer = await (one, two)[turn % 2].take(1, now_ms=NOW, limit=LIMIT)
        taken += isinstance(answer, Leave)
    assert taken == SPENDABLE
    wait = await one.take(1, now_ms=NOW, limit=LIMIT)
    assert wait == Wait(MINUTE / 1000)


async def test_requests_answered_within_the_minute_leave_the_next_one_whole(processes):
    budget = processes.start(memory=NoMemory())
    for _ in range(4):
        leave = await budget.take(8, now_ms=NOW, limit=LIMIT)
        await budget.settle(leave, None, now_ms=NOW + 50)
    assert await fill(budget, NOW + MINUTE) == SPENDABLE


async def test_a_process_whose_clock_is_ahead_begins_no_minute_before_the_exchange(
    processes,
):
    budget = processes.start(memory=NoMemory())
    leave = await budget.take(SPENDABLE, now_ms=NOW, limit=LIMIT)
    await budget.settle(leave, None, now_ms=NOW + 50)
    early = BASE + MINUTE + GUARD_MS - 1
    assert isinstance(await budget.take(1, now_ms=early, limit=LIMIT), Wait)
    assert isinstance(await budget.take(1, now_ms=early + 1, limit=LIMIT), Leave)


async def test_what_another_program_used_is_known_to_all_processes(processes):
    one, two = (processes.start(memory=NoMemory()) for _ in range(2))
    leave = await one.take(1, now_ms=NOW, limit=LIMIT)
    await one.settle(leave, SPENDABLE - 2, now_ms=NOW + 50)
    assert await fill(two) == 2


async def test_the_reserve_is_for_cancels_only(processes):
    one, two = (processes.start(memory=NoMemory()) for _ in range(2))
    await fill(one)
    spare = LIMIT - SPENDABLE
    taken = [
        await two.take(1, now_ms=NOW, limit=LIMIT, cancel=True) for _ in range(spare)
    ]
    assert all(isinstance(leave, Leave) for leave in taken)
    refused = await two.take(1, now_ms=NOW, limit=LIMIT, cancel=True)
    assert isinstance(refused, Wait)


async def test_a_ban_of_one_process_silences_the_others_until_it_ends(processes):
    one, two = (processes.start(memory=NoMemory()) for _ in range(2))
    await two.take(1, now_ms=NOW, limit=LIMIT)
    await one.hold(BAN)
    for cancel in (False, True):
        wait = await two.take(1, now_ms=NOW, limit=LIMIT, cancel=cancel)
        assert wait == Wait(
            pytest.approx(30), Hold(pytest.approx(30), True, BAN.reason)
        )
    processes.clock.move(29.9)
    assert isinstance(await two.take(1, now_ms=NOW, limit=LIMIT), Wait)
    processes.clock.move(0.2)
    assert isinstance(await two.take(1, now_ms=NOW, limit=LIMIT), Leave)


async def test_a_back_off_ends_and_does_not_shorten_a_ban(processes):
    one, two = (processes.start(memory=NoMemory()) for _ in range(2))
    await one.hold(BAN)
    await two.hold(Hold(5, banned=False, reason="HTTP 429"))
    processes.clock.move(6)
    fresh = processes.start(memory=NoMemory())
    for budget in (one, two, fresh):
        wait = await budget.take(1, now_ms=NOW, limit=LIMIT)
        assert wait.hold.banned


async def test_a_wall_clock_set_forward_does_not_end_a_ban(processes):
    one, two = (processes.start(memory=NoMemory()) for _ in range(2))
    await one.hold(BAN)
    assert isinstance(await two.take(1, now_ms=NOW, limit=LIMIT), Wait)
    processes.clock.ms += 3_600_000
    for budget in (one, two):
        assert isinstance(await budget.take(1, now_ms=NOW, limit=LIMIT), Wait)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("database")
class TestRestart:
    async def test_a_ban_outlives_every_process_and_redis(self, processes, bus):
        await processes.start().hold(BAN)
        await processes.end()
        bus.flushall()
        later = processes.start()
        processes.clock.move(29)
        wait = await later.take(1, now_ms=NOW, limit=LIMIT, cancel=True)
        assert wait.hold == Hold(pytest.approx(1), True, BAN.reason)
        processes.clock.move(1.1)
        assert isinstance(await later.take(1, now_ms=NOW, limit=LIMIT), Leave)

    async def test_a_ban_is_an_alert_until_requests_go_again(self, processes):
        def severities():
            return [row["severity"] for row in alerts.alerts(venue=VENUE, state="open")]

        one = processes.start()
        await one.hold(BAN)
        assert await sync_to_async(severities)() == ["critical"]
        await processes.end()
        processes.clock.move(31)
        # Also when the process that was banned is gone.
        await processes.start().take(1, now_ms=NOW, limit=LIMIT)
        await processes.end()
        assert await sync_to_async(severities)() == []

    async def test_a_redis_that_lost_the_ban_is_told_again(self, processes, bus):
        one, two = processes.start(), processes.start()
        await two.take(1, now_ms=NOW, limit=LIMIT)
        await one.hold(BAN)
        bus.flushall()
        assert isinstance(await two.take(1, now_ms=NOW, limit=LIMIT), Wait)

    async def test_the_weight_used_in_this_minute_outlives_processes_and_redis(
        self, processes, bus
    ):
        before = await fill(processes.start(), limit=400)
        assert before == usable(400, cancel=False)
        await processes.end()
        bus.flushall()
        assert await fill(processes.start(), limit=400) == 0
        assert await fill(processes.start(), NOW + MINUTE, limit=400) == before

    async def test_a_restart_after_few_requests_costs_a_fifth_at_most(
        self, processes, bus
    ):
        await processes.start().take(1, now_ms=NOW, limit=400)
        await processes.end()
        bus.flushall()
        assert await fill(processes.start(), limit=400) >= 400 * 0.6 - 2

    async def test_a_new_process_costs_nothing_while_redis_lives(self, processes):
        await processes.start().take(1, now_ms=NOW, limit=400)
        await processes.end()
        left = usable(400, cancel=False) - 1
        assert await fill(processes.start(), limit=400) == left

    async def test_without_redis_a_ban_is_known_through_the_database(
        self, processes, redis_server
    ):
        one, two = processes.start(), processes.start()
        for budget in (one, two):
            await budget.take(1, now_ms=NOW, limit=LIMIT)
        redis_server.kill()
        try:
            await one.hold(BAN)
            wait = await two.take(1, now_ms=NOW, limit=LIMIT)
            fresh = await processes.start().take(1, now_ms=NOW, limit=LIMIT)
        finally:
            redis_server.start()
        assert wait.hold.reason == fresh.hold.reason == BAN.reason
        # and Redis learns of it when it is back, empty
        newest = processes.start()
        assert isinstance(await newest.take(1, now_ms=NOW, limit=LIMIT), Wait)


async def test_without_redis_each_process_keeps_a_small_share(processes, redis_server):
    limit = 1000
    share = int(usable(limit, cancel=False) * OWN_SHARE)
    one, two = (processes.start(memory=NoMemory()) for _ in range(2))
    redis_server.kill()
    try:
        assert await fill(one, limit=limit) == share
        assert await fill(two, limit=limit) == share
    finally:
        redis_server.start()
    # When Redis is back, what was sent meanwhile is counted too.
    processes.clock.move(2)
    before = 2 * share
    for budget in (one, two):
        await budget.take(1, now_ms=NOW, limit=limit)
    assert await fill(one, limit=limit) == usable(limit, cancel=False) - before - 2


async def test_a_minute_used_up_with_redis_is_used_up_without_it(
    processes, redis_server
):
    budget = processes.start(memory=NoMemory())
    await fill(budget)
    redis_server.kill()
    try:
        assert await fill(budget) == 0
    finally:
        redis_server.start()


async def test_a_redis_that_came_back_empty_gives_no_second_minute(processes, bus):
    budget = processes.start(memory=NoMemory())
    await fill(budget)
    bus.flushall()
    assert await fill(budget) == 0


async def test_a_database_that_is_away_stops_nothing(processes, caplog):
    budget = processes.start(memory=NoMemory(fails=True))
    assert isinstance(await budget.take(1, now_ms=NOW, limit=LIMIT), Leave)
    await budget.hold(BAN)
    assert isinstance(await budget.take(1, now_ms=NOW, limit=LIMIT), Wait)
    await budget.aclose()
    assert "the database" in caplog.text


async def test_a_clock_that_is_wrong_does_not_lock_the_others_out(processes):
    wrong, right = (processes.start(memory=NoMemory()) for _ in range(2))
    await wrong.take(1, now_ms=NOW + 60 * MINUTE, limit=LIMIT)
    assert isinstance(await right.take(1, now_ms=NOW, limit=LIMIT), Leave)
