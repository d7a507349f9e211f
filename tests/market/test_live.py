import pytest

from core.errors import BusUnavailable
from market import live, services
from tests.market import frames
from tests.market.test_services import store_instruments

VENUE = "simulator"
pytestmark = pytest.mark.django_db
TOTALS = {"at": 1_790_000_000_000, "connections": 2}


def test_before_the_feed_ever_ran_everything_is_empty_and_nothing_fails(bus):
    assert live.feed(VENUE) is None
    assert live.connections(VENUE) == {
        "venue": VENUE, "epoch": "", "age_seconds": None, "connections": [],
        "totals": {}, "reconnect_statistics": {}, "feed": None,
    }  # fmt: skip
    assert live.symbols(VENUE)["symbols"] == []
    assert live.klines(VENUE, "BTCUSDT", "15m", 5)["bars"] == []
    assert live.symbol_item(VENUE, "BTCUSDT", "book", seconds=30) is None


def test_connections_come_in_natural_order_with_totals_apart(publish):
    names = ["market-10", "market-2", "public-1", "market-1"]
    rows = [(name, {"id": name}) for name in names]
    rows += [("totals", TOTALS), ("reconnect_statistics", {"total_reconnects": 0})]
    publish(statuses=[("connections", rows), ("feed", [("feed", {"at": 5})])])
    found = live.connections(VENUE)
    assert [row["id"] for row in found["connections"]] == [
        "market-1",
        "market-2",
        "market-10",
        "public-1",
    ]
    assert found["totals"]["connections"] == 2
    assert found["reconnect_statistics"]["total_reconnects"] == 0
    assert found["feed"]["at"] == 5
    assert isinstance(found["age_seconds"], float)
    assert found["epoch"] == "run-1"


def test_symbols_join_the_contracts_with_their_newest_prices(publish):
    store_instruments("BTCUSDT", "ETHUSDT")
    publish(frames.book_ticker("BTCUSDT", 5))
    first, second = live.symbols(VENUE)["symbols"]
    assert (first["symbol"], first["rank"], first["b"]) == ("BTCUSDT", 1, 5.5)
    assert first["k"] == "BTCUSDT"
    assert second["symbol"] == "ETHUSDT"
    assert "b" not in second


def closed_flags(limit=10):
    bars = live.klines(VENUE, "BTCUSDT", "15m", limit)["bars"]
    return [((row[0] - frames.BASE_MS) // frames.QUARTER_MS, row[8]) for row in bars]


def test_the_unfinished_bar_follows_the_stored_ones(publish):
    services.CandleStore(VENUE).store([frames.candle("BTCUSDT", n) for n in (0, 1)])
    publish(frames.kline("BTCUSDT", 2, closed=False))
    assert closed_flags() == [(0, True), (1, True), (2, False)]
    assert closed_flags(limit=2) == [(1, True), (2, False)]


def test_a_bar_that_closed_but_is_not_stored_yet_is_shown_closed(publish):
    services.CandleStore(VENUE).store([frames.candle("BTCUSDT", 0)])
    publish(frames.kline("BTCUSDT", 1, closed=True))
    assert closed_flags() == [(0, True), (1, True)]


def test_a_stored_bar_is_never_replaced_by_an_unfinished_one(publish):
    services.CandleStore(VENUE).store([frames.candle("BTCUSDT", n) for n in (0, 1)])
    publish(frames.kline("BTCUSDT", 1, closed=False))
    assert closed_flags() == [(0, True), (1, True)]


def test_trades_of_a_watched_symbol_carry_their_epoch(publish):
    both = ("BTCUSDT", "ETHUSDT")
    quotes = [frames.book_ticker(symbol, 5) for symbol in both]
    publish(*quotes, *(frames.agg_trade(symbol, 3) for symbol in both))
    item = live.symbol_item(VENUE, "BTCUSDT", "trades", seconds=30)
    assert item["symbol"] == "BTCUSDT"
    assert item["epoch"] == "run-1"
    assert [trade[0] for trade in item["items"]] == [3]
    coming = live.symbol_item(VENUE, "ETHUSDT", "trades", seconds=30)
    assert coming == {"symbol": "ETHUSDT", "epoch": "run-1"}


def test_without_redis_the_caller_is_told_to_try_later(settings):
    site = settings.QUANTAI.site.model_copy(
        update={"redis_url": "unix:///nonexistent/redis.sock"}
    )
    settings.QUANTAI = settings.QUANTAI.model_copy(update={"site": site})
    for read in (live.feed, live.connections, live.symbols):
        with pytest.raises(BusUnavailable):
            read(VENUE)
