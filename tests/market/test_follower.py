import pytest
from asgiref.sync import sync_to_async

from core import redis as core_redis
from core.clock import SystemClock
from market import selectors
from market.binance.config import WsSettings
from market.binance.rest import BinanceRestClient, RestError
from market.binance.urls import endpoints
from market.follower import RENEW_SECONDS, Follower
from market.shares import FIRST
from tests.waiting import until

VENUE = "simulator"
pytestmark = pytest.mark.usefixtures("database", "bus")


class MovedClock(SystemClock):
    """The machine's clock, which tests may move forward."""

    moved = 0.0

    def monotonic(self):
        return super().monotonic() + self.moved


class Part:
    """Shares of a feed that may own some symbols only."""

    name = FIRST

    def __init__(self):
        self.owns = lambda symbol: True


class Kit:
    """A follower with what it needs, and what it told."""

    def __init__(self, simulator, market, **changes):
        where = endpoints(VENUE, simulator.base_url)
        self.clock = MovedClock()
        self.redis = core_redis.client()
        self.rest = BinanceRestClient(where, ca_file=str(simulator.ca_path))
        self.streams, self.events = set(), []
        self.shares = Part()
        self.follower = Follower(
            venue=VENUE,
            shares=self.shares,
            where=where,
            ws=WsSettings(ca_file=str(simulator.ca_path), reconnect_jitter=0),
            market=market.model_copy(update=changes),
            rest=self.rest,
            redis=self.redis,
            clock=self.clock,
            deliver=lambda name, kind, raw, ms: self.streams.add(name.decode()),
            report=self.events.append,
        )

    async def learn(self):
        await self.follower.learn()
        self.follower.follow(self.follower.due())

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.follower.stop()
        await self.rest.aclose()
        await self.redis.aclose()


@pytest.fixture
async def kit(simulator, market):
    async with Kit(simulator, market) as made:
        yield made


@sync_to_async
def listed():
    return [(row.symbol, row.rank) for row in selectors.instruments(venue=VENUE)]


async def test_the_most_traded_contracts_are_learned_and_stored_by_rank(kit):
    await kit.learn()
    assert len(kit.follower.symbols) == 3
    assert await listed() == [(s, n) for n, s in enumerate(kit.follower.symbols, 1)]
    assert not kit.follower.outdated
    kit.clock.moved = RENEW_SECONDS
    assert kit.follower.outdated


async def test_without_the_exchange_what_was_followed_is_recalled(kit, simulator):
    await kit.learn()
    before = kit.follower.universe
    kit.follower.universe = []
    await kit.follower.recall()
    assert kit.follower.universe == before


async def test_an_exchange_that_answers_nonsense_is_a_rest_error(kit, monkeypatch):
    async def nonsense(path, *, weight, **params):
        return b'{"symbols": 7}'

    monkeypatch.setattr(kit.rest, "get_raw", nonsense)
    with pytest.raises(RestError, match="not understood"):
        await kit.learn()


async def test_every_default_stream_of_the_chosen_contracts_flows(kit):
    await kit.learn()
    await kit.follower.start()
    wanted = {"!markPrice@arr@1s", "!miniTicker@arr"}
    for symbol in kit.follower.symbols:
        name = symbol.lower()
        wanted |= {f"{name}@bookTicker", f"{name}@kline_15m", f"{name}@kline_1h"}
    await until(lambda: kit.streams == wanted, 20)
    totals = kit.follower.statistics()["totals"]
    assert totals["streams_expected"] == len(wanted)


@pytest.mark.parametrize(
    ("source", "depth"), [("depth20", "depth20@500ms"), ("diff", "depth@100ms")]
)
async def test_a_looked_at_symbol_gets_book_and_trades_until_nobody_looks(
    simulator, market, source, depth
):
    async with Kit(simulator, market, book_source=source) as kit:
        await looked_at(kit, simulator, depth)


async def looked_at(kit, simulator, depth):
    await kit.learn()
    await kit.follower.start()
    symbol = kit.follower.symbols[0]
    mine = {f"{symbol.lower()}@{depth}", f"{symbol.lower()}@aggTrade"}
    kit.follower.watch({symbol})
    await until(lambda: mine <= kit.streams, 20)

    def served():
        return {n for c in simulator.hub.connections.values() for n in c.names}

    assert mine <= served()
    kit.follower.watch(set())
    await until(lambda: not mine & served())


async def test_books_are_kept_from_diffs_only_while_the_sockets_are_open(
    simulator, market
):
    async with Kit(simulator, market, book_source="diff", symbols=2) as kit:
        await kit.learn()
        chosen = kit.follower.symbols
        other = next(s.name for s in simulator.exchange.symbols if s.name not in chosen)
        kit.follower.watch({other, *chosen})
        assert kit.follower.kept_books == []
        await kit.follower.start()
        assert kit.follower.kept_books == [*chosen, other]
        await kit.follower.stop()
        assert kit.follower.kept_books == []


async def test_books_that_come_whole_are_not_kept(kit):
    await kit.learn()
    await kit.follower.start()
    kit.follower.watch(set(kit.follower.symbols))
    assert kit.follower.kept_books == []


async def test_what_the_exchange_does_not_trade_cannot_be_watched(kit, simulator):
    """A page may subscribe any name; it must not break the feed."""
    await kit.learn()
    await kit.follower.start()
    before = kit.follower.statistics()["totals"]["streams_expected"]
    kit.follower.watch({"", "NO SUCH", "FOOUSDT", "../etc", "x" * 200})
    assert kit.follower.statistics()["totals"]["streams_expected"] == before


async def test_a_watched_symbol_outside_the_choice_is_kept_by_the_next_one(
    simulator, market
):
    async with Kit(simulator, market, symbols=1) as kit:
        await kit.learn()
        (first,) = kit.follower.symbols
        other = next(s.name for s in simulator.exchange.symbols if s.name != first)
        await kit.follower.start()
        kit.follower.watch({other})
        await kit.learn()
        assert kit.follower.symbols == [other]
        names = {
            n
            for row in kit.follower.statistics()["connections"]
            for n in row["streams"]
        }
        assert f"{other.lower()}@kline_15m" in names
        assert f"{other.lower()}@depth20@500ms" in names
        assert f"{first.lower()}@kline_15m" not in names


async def test_only_its_own_part_of_the_symbols_is_followed_and_watched(kit, simulator):
    await kit.learn()
    mine, other, third = kit.follower.universe
    kit.shares.owns = lambda symbol: symbol == mine
    kit.follower.follow(kit.follower.due())
    await kit.follower.start()
    kit.follower.watch({mine, other})

    def served():
        names = {n for c in simulator.hub.connections.values() for n in c.names}
        return {n.partition("@")[0].upper() for n in names if not n.startswith("!")}

    await until(lambda: served() == {mine}, 20)
    kit.shares.owns = lambda symbol: symbol != mine
    kit.follower.follow(kit.follower.due())
    await until(lambda: served() == {other, third})
    expected = 2 + 2 * 3 + 2  # whole market, klines and quotes, one that is watched
    assert kit.follower.statistics()["totals"]["streams_expected"] == expected


async def test_one_that_owns_nothing_opens_nothing(kit, simulator):
    await kit.learn()
    await kit.follower.start()
    await until(lambda: simulator.connections == 2)
    kit.shares.owns = lambda symbol: False
    kit.follower.follow(kit.follower.due())
    await until(lambda: simulator.connections == 0)
    assert kit.follower.statistics()["totals"]["streams_expected"] == 0


async def test_stopping_tells_what_the_connections_were(kit):
    await kit.learn()
    await kit.follower.start()
    await until(lambda: len(kit.streams) > 3, 20)
    rows = await kit.follower.stop()
    assert {row["route"] for row in rows} == {"public", "market"}
    assert kit.follower.client is None
    assert await kit.follower.stop() == []
    assert kit.follower.statistics()["connections"] == []


async def test_dials_are_counted_in_the_budget_all_processes_share(kit, bus):
    await kit.learn()
    await kit.follower.start()
    await until(lambda: len(kit.streams) > 3, 20)
    assert bus.zcard(core_redis.key("dials", VENUE)) == 2


async def test_an_authority_that_is_not_there_yet_is_an_os_error(
    kit, simulator, market, tmp_path
):
    await kit.learn()
    kit.follower._ws = WsSettings(ca_file=str(tmp_path / "missing.pem"))
    with pytest.raises(OSError, match=r"missing\.pem|No such file"):
        await kit.follower.start()
    assert kit.follower.client is None
