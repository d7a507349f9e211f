import pytest

from core import redis as core_redis
from core.leases import Leases, Member
from market.shares import (
    LEASE_SECONDS,
    SHARES,
    Shares,
    feed_name,
    feed_of,
    job,
    prefix,
    share_of,
)
from tests.clock import FakeClock

EVERY = frozenset(range(SHARES))
HALF = SHARES // 2


@pytest.fixture
async def redis(bus):
    client = core_redis.client()
    yield client
    await client.aclose()


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def feed(redis, clock):
    def feed(name, run="1"):
        member = Member(name, "host", 7, run)
        leases = Leases(
            redis, job("simulator"), member, count=SHARES, seconds=LEASE_SECONDS
        )
        return Shares(leases, clock)

    return feed


def die(bus, name):
    """As if its last sign of life were older than the lease."""
    members = core_redis.key("leases", job("simulator"), "members")
    for member in bus.zrange(members, 0, -1):
        if member.startswith(f"{name}|".encode()):
            bus.zadd(members, {member: 1})


def test_symbols_are_spread_over_all_shares_and_stay_in_theirs():
    symbols = [f"{letter}{number}USDT" for letter in "ABCDEFG" for number in range(20)]
    halves = [sum(share_of(s) % 2 == half for s in symbols) for half in (0, 1)]
    assert max(halves) < 0.6 * len(symbols)
    assert {share_of(s) for s in symbols} <= EVERY
    assert (share_of("BTCUSDT"), share_of("ETHUSDT")) == (22, 29)


def test_the_first_feeds_connections_have_no_prefix():
    assert prefix("feed") == ""
    assert prefix("feed-2") == "feed-2"
    assert feed_of("market-1") == "feed"
    assert feed_of("feed-2.market-1") == "feed-2"


@pytest.mark.parametrize("bad", ["", "Feed", "a.b", "a|b", "2nd", "x" * 17])
def test_a_name_that_would_break_keys_and_ids_is_refused(bad):
    with pytest.raises(ValueError, match="up to 16"):
        feed_name(bad)
    assert feed_name("feed-2") == "feed-2"


async def test_one_alone_follows_everything_and_leads(feed):
    shares = feed("feed")
    assert await shares.beat()
    assert shares.followed == EVERY
    assert shares.leads
    assert shares.alone
    assert not await shares.beat()


async def test_one_that_joins_takes_half_and_the_other_goes_on_for_a_lease(feed, clock):
    first, second = feed("feed"), feed("feed-2")
    await first.beat()
    assert not await second.beat()
    assert not await first.beat()  # it has released the half that it goes on with
    assert first.followed == EVERY
    assert await second.beat()
    assert len(second.followed) == HALF
    assert not second.leads
    clock.move(LEASE_SECONDS - 0.1)
    await first.beat()
    assert first.followed == EVERY
    clock.move(0.2)
    assert await first.beat()
    assert len(first.followed) == HALF
    assert not first.followed & second.followed
    assert first.followed | second.followed == EVERY
    assert first.leads


async def test_the_shares_of_a_dead_feed_are_taken_over_and_it_is_named(feed, bus):
    first, second = feed("feed"), feed("feed-2")
    await first.beat()
    await second.beat()
    await first.beat()
    await second.beat()
    assert second.heirloom() == []
    die(bus, "feed")
    assert await second.beat()
    assert second.followed == EVERY
    assert second.leads
    assert [left.where for left in second.heirloom()] == ["feed (process 7 on host)"]
    assert second.heirloom() == []


async def test_one_whose_shares_were_taken_over_drops_them_at_once(feed, bus, clock):
    first, second = feed("feed"), feed("feed-2")
    await first.beat()
    die(bus, "feed")
    await second.beat()
    assert await first.beat()
    assert first.followed == frozenset()


async def test_without_redis_what_is_held_stays(feed, redis_server, clock):
    shares = feed("feed")
    await shares.beat()
    redis_server.kill()
    try:
        for _ in range(3):
            clock.move(LEASE_SECONDS)
            assert not await shares.beat()
        assert shares.followed == EVERY
    finally:
        redis_server.start()
    assert not await shares.beat()
    assert shares.followed == EVERY


async def test_one_that_never_reached_redis_follows_everything_after_a_lease(
    feed, redis_server, clock
):
    redis_server.kill()
    shares = feed("feed")
    try:
        assert not await shares.beat()
        clock.move(LEASE_SECONDS)
        assert await shares.beat()
        assert shares.followed == EVERY
    finally:
        redis_server.start()


async def test_after_an_empty_redis_each_takes_its_own_again_before_anybody_claims(
    feed, bus, redis_server, clock
):
    first, second = feed("feed"), feed("feed-2")
    for shares in (first, second, first, second):
        await shares.beat()
    clock.move(LEASE_SECONDS + 1)
    await first.beat()
    mine, other = first.followed, second.followed
    redis_server.kill()
    try:
        await first.beat()
        await second.beat()
    finally:
        redis_server.start()
    bus.flushall()
    for _ in range(3):
        await second.beat()
    assert second.followed == other
    await first.beat()
    assert first.followed == mine


async def test_a_second_feed_of_one_name_stands_by_and_takes_over(feed, bus):
    first, spare = feed("feed", "1"), feed("feed", "2")
    await first.beat()
    assert not await spare.beat()
    assert spare.followed == frozenset()
    die(bus, "feed")
    assert await spare.beat()
    assert spare.followed == EVERY


async def test_leaving_gives_everything_to_the_others_at_once(feed):
    first, second = feed("feed"), feed("feed-2")
    await first.beat()
    await second.beat()
    await first.leave()
    assert first.followed == frozenset()
    await second.beat()
    assert second.followed == EVERY
    assert second.heirloom() == []


async def test_a_spare_that_has_reached_redis_never_follows_everything(
    feed, redis_server, clock
):
    first, spare = feed("feed", "1"), feed("feed", "2")
    await first.beat()
    await spare.beat()
    clock.move(60)
    redis_server.kill()
    try:
        assert not await spare.beat()
        assert spare.followed == frozenset()
    finally:
        redis_server.start()
