import asyncio

import pytest
from hypothesis import given, settings

from market.binance.weights import (
    FIREWALL_SECONDS,
    GUARD_MS,
    SHORTEST_BAN_SECONDS,
    Hold,
    Leave,
    OwnBudget,
    Wait,
    asked_silence,
    depth_weight,
    klines_weight,
)
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


def test_requests_cost_what_the_exchange_says():
    assert [klines_weight(n) for n in (99, 100, 499, 500, 1000, 1001)] == [
        1, 2, 2, 5, 5, 10,
    ]  # fmt: skip
    assert [depth_weight(n) for n in (5, 50, 100, 500, 1000)] == [2, 2, 5, 10, 20]


@settings(max_examples=300, deadline=None)
@given(REQUESTS, SKEWS, START)
def test_no_order_of_requests_exceeds_the_limit_in_any_minute(requests, skews, start):
    budget = OwnBudget(FakeClock())
    counted = asyncio.run(talk([budget] * 3, requests, [skews[0]] * 3, start))
    assert all(weight <= SPENDABLE for weight in counted.values())


async def test_the_minute_is_used_up_and_begins_again():
    budget = OwnBudget(FakeClock())
    now = BASE + GUARD_MS
    assert [
        isinstance(await budget.take(8, now_ms=now, limit=LIMIT), Leave)
        for _ in range(5)
    ] == [True] * 4 + [False]
    wait = await budget.take(8, now_ms=now, limit=LIMIT)
    assert isinstance(wait, Wait)
    assert wait.hold is None
    later = now + int(wait.seconds * 1000)
    assert later == BASE + MINUTE + GUARD_MS
    # Nothing was answered: all of it may still be counted in the new minute.
    assert isinstance(await budget.take(8, now_ms=later, limit=LIMIT), Wait)
    assert isinstance(await budget.take(8, now_ms=later + MINUTE, limit=LIMIT), Leave)


async def test_a_clock_that_is_ahead_begins_no_minute_before_the_exchange():
    budget = OwnBudget(FakeClock())
    leave = await budget.take(SPENDABLE, now_ms=BASE + GUARD_MS, limit=LIMIT)
    await budget.settle(leave, None, now_ms=BASE + GUARD_MS + 50)
    early = BASE + MINUTE + GUARD_MS - 1
    assert isinstance(await budget.take(1, now_ms=early, limit=LIMIT), Wait)
    assert isinstance(await budget.take(1, now_ms=early + 1, limit=LIMIT), Leave)


async def test_what_other_programs_use_is_taken_from_the_exchanges_own_count():
    budget = OwnBudget(FakeClock())
    now = BASE + GUARD_MS
    leave = await budget.take(1, now_ms=now, limit=LIMIT)
    await budget.settle(leave, 31, now_ms=now + 20)
    assert isinstance(await budget.take(2, now_ms=now + 30, limit=LIMIT), Wait)
    assert isinstance(await budget.take(1, now_ms=now + 30, limit=LIMIT), Leave)


async def test_a_count_of_the_minute_before_says_nothing_of_this_one():
    budget = OwnBudget(FakeClock())
    leave = await budget.take(1, now_ms=BASE - 10_000, limit=LIMIT)
    now = BASE + GUARD_MS
    other = await budget.take(1, now_ms=now, limit=LIMIT)
    await budget.settle(leave, 2000, now_ms=now)
    await budget.settle(other, 3, now_ms=now)
    assert isinstance(await budget.take(20, now_ms=now, limit=LIMIT), Leave)


async def test_the_reserve_is_for_cancels_only():
    budget = OwnBudget(FakeClock())
    now = BASE + GUARD_MS
    await budget.take(SPENDABLE, now_ms=now, limit=LIMIT)
    assert isinstance(await budget.take(1, now_ms=now, limit=LIMIT), Wait)
    assert isinstance(
        await budget.take(LIMIT - SPENDABLE, now_ms=now, limit=LIMIT, cancel=True),
        Leave,
    )
    assert isinstance(await budget.take(1, now_ms=now, limit=LIMIT, cancel=True), Wait)


async def test_a_clock_set_back_a_little_gives_no_second_budget():
    budget = OwnBudget(FakeClock())
    now = BASE + GUARD_MS
    await budget.take(SPENDABLE, now_ms=now, limit=LIMIT)
    assert isinstance(await budget.take(1, now_ms=now - 50, limit=LIMIT), Wait)
    assert isinstance(await budget.take(1, now_ms=now, limit=LIMIT), Wait)


async def test_during_a_hold_not_even_cancels_go_and_the_longest_counts():
    clock = FakeClock()
    budget = OwnBudget(clock)
    ban = Hold(10, banned=True, reason="HTTP 418")
    await budget.hold(ban)
    await budget.hold(Hold(2, banned=False, reason="HTTP 429"))
    clock.move(4)
    wait = await budget.take(1, now_ms=BASE, limit=LIMIT, cancel=True)
    assert wait == Wait(pytest.approx(6), ban)
    clock.move(6)
    assert isinstance(await budget.take(1, now_ms=BASE, limit=LIMIT), Leave)


BODY = (
    '{"code":-1003,"msg":"Way too much request weight used; IP banned until '
    '1659146400000. Please use WebSocket Streams for live updates to avoid bans."}'
)
NOW = 1659146400000 - 30_000


@pytest.mark.parametrize(
    ("status", "retry_after", "body", "seconds"),
    [
        (418, 10.0, "", 10),
        (418, None, BODY, 30),
        (418, 10.0, BODY, 30),
        (418, 45.0, BODY, 45),
        (418, None, "", SHORTEST_BAN_SECONDS),
        (429, 7.0, "{}", 7),
        (429, None, "{}", 60),
        (403, None, "<html>CloudFront</html>", FIREWALL_SECONDS),
    ],
)
def test_an_answer_says_how_long_to_be_silent(status, retry_after, body, seconds):
    hold = asked_silence(status, retry_after, body, exchange_now_ms=NOW)
    assert hold.seconds == seconds
    assert hold.banned is (status == 418)
    assert str(status) in hold.reason


@pytest.mark.parametrize(
    ("status", "body"), [(200, BODY), (400, "{}"), (403, '{"code":-2015}'), (503, "")]
)
def test_other_answers_ask_for_no_silence(status, body):
    assert asked_silence(status, 5.0, body, exchange_now_ms=NOW) is None


def test_a_ban_that_is_over_by_the_exchanges_clock_leaves_the_header():
    hold = asked_silence(418, 3.0, BODY, exchange_now_ms=NOW + 60_000)
    assert hold.seconds == 3
