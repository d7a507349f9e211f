import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.binance.plan import COMBINED, capacity, default_streams, shard
from market.binance.streams import (
    Route,
    StreamKind,
    agg_trade_stream,
    book_ticker_stream,
    kline_stream,
    partial_depth_stream,
    route,
    stream_kind,
)

SYMBOLS = [f"S{number}USDT" for number in range(140)]
NAMES = st.lists(
    st.builds(
        lambda make, symbol: make(symbol),
        st.sampled_from(
            [
                book_ticker_stream,
                agg_trade_stream,
                partial_depth_stream,
                lambda s: kline_stream(s, "15m"),
                lambda s: kline_stream(s, "1h"),
            ]
        ),
        st.sampled_from(SYMBOLS),
    ),
    max_size=300,
)


@given(NAMES, st.integers(1, 300))
def test_every_stream_is_on_one_connection_of_its_route_within_the_limit(names, limit):
    shards = shard(names, limit)
    placed = [name for _, members in shards for name in members]
    assert sorted(placed) == sorted(set(names))
    for where, members in shards:
        assert members
        assert {route(stream_kind(name)) for name in members} == {where}
        for name in members:
            assert len(members) <= capacity(name, limit)


@given(st.integers(1, 300), st.integers(1, 300))
def test_connections_of_a_kind_carry_even_shares(count, limit):
    names = [kline_stream(f"S{number}USDT", "1m") for number in range(count)]
    sizes = [len(members) for _, members in shard(names, limit)]
    assert len(sizes) == -(-count // limit)
    assert max(sizes) - min(sizes) < max(sizes)
    assert max(sizes) == -(-count // len(sizes))


def test_the_default_plan_has_klines_quotes_marks_and_day_tickers():
    names = default_streams(SYMBOLS, ["15m", "1h"])
    kinds = [stream_kind(name) for name in names]
    assert kinds.count(StreamKind.KLINE) == 280
    assert kinds.count(StreamKind.BOOK_TICKER) == 140
    assert names.count("!markPrice@arr@1s") == 1
    assert names.count("!miniTicker@arr") == 1
    assert len(names) == len(set(names)) == 422
    assert all(name == name.lower() for name in names if not name.startswith("!")
               and "bookTicker" not in name)  # fmt: skip


def test_by_default_a_handful_of_connections_carry_everything():
    shards = shard(default_streams(SYMBOLS, ["15m", "1h"]), 200)
    assert [(where, len(members)) for where, members in shards] == [
        (Route.MARKET, 141),
        (Route.MARKET, 141),
        (Route.PUBLIC, 140),
    ]


def test_one_stream_per_connection_separates_the_klines_only():
    shards = shard(default_streams(SYMBOLS, ["15m", "1h"]), 1)
    alone = [members for _, members in shards if len(members) == 1]
    assert len(alone) == 280
    assert len(shards) == 282
    assert capacity("btcusdt@bookTicker", 1) == COMBINED


def test_a_name_that_cannot_be_subscribed_is_refused():
    with pytest.raises(ValueError, match="cannot be subscribed"):
        shard(["nonsense"], 10)
