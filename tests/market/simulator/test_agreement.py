"""Streams, REST and trades say the same, at any time and after a restart."""

import itertools
import json
from datetime import UTC, datetime

import pytest

from market.simulator.intervals import DAY, FIXED, MINUTE, NAMES, bar_open
from market.simulator.queries import Query
from market.simulator.rest import ENDPOINTS
from market.simulator.streams import Route
from tests.market.simulator.stage import START_MS, Stage, frames

INTERVALS = ("1m", "3m", "15m")


async def ask(stage, path, **params):
    query = Query({name: str(value) for name, value in params.items()})
    answer = await ENDPOINTS[path].answer(stage.exchange, query)
    return json.loads(json.dumps(answer))


def row_of(kline):
    return [
        kline["t"],
        *(kline[name] for name in "ohlcv"),
        kline["T"],
        kline["q"],
        kline["n"],
        kline["V"],
        kline["Q"],
        kline["B"],
    ]


@pytest.fixture(params=[1.0, 60.0])
def stage(request):
    return Stage(start_ms=START_MS - 20_000, speed=request.param)


async def test_a_closing_kline_is_the_bar_of_the_history(stage):
    names = [f"{s.lower}@kline_{i}" for s in stage.exchange.symbols for i in INTERVALS]
    reader = stage.connect(*names, route=Route.MARKET)
    stage.run(24)
    closed = [event["k"] for event in frames(reader) if event["k"]["x"]]
    assert {(k["s"], k["i"]) for k in closed} >= {
        (symbol.name, interval)
        for symbol in stage.exchange.symbols
        for interval in INTERVALS
    }
    for kline in closed:
        rows = await ask(
            stage,
            "/fapi/v1/klines",
            symbol=kline["s"],
            interval=kline["i"],
            startTime=kline["t"],
            limit=1,
        )
        assert row_of(kline) == rows[0]
    keys = [(k["s"], k["i"], k["t"]) for k in closed]
    assert len(keys) == len(set(keys))


async def test_all_intervals_close_together_where_month_and_week_begin():
    monday = int(datetime(2027, 2, 1, tzinfo=UTC).timestamp() * 1000)
    stage = Stage(start_ms=monday - 3_000, symbols=2)
    names = [f"ethusdt@kline_{interval}" for interval in NAMES]
    reader = stage.connect(*names, route=Route.MARKET)
    stage.run(7)
    closed = {e["k"]["i"]: e["k"] for e in frames(reader) if e["k"]["x"]}
    assert set(closed) == set(NAMES)
    for interval, kline in closed.items():
        assert kline["T"] == monday - 1
        rows = await ask(
            stage,
            "/fapi/v1/klines",
            symbol="ETHUSDT",
            interval=interval,
            endTime=monday - 1,
            limit=1,
        )
        assert row_of(kline) == rows[0]


async def test_every_bar_closes_once_and_before_the_next_begins(stage):
    reader = stage.connect("btcusdt@kline_1m", "solusdt@kline_1m", route=Route.MARKET)
    stage.run(24)
    for name in ("btcusdt@kline_1m", "solusdt@kline_1m"):
        events = [event["k"] for event in frames(reader, name)]
        opened = [k["t"] for k in events]
        assert opened == sorted(opened)
        bars = sorted(set(opened))
        assert bars == list(range(bars[0], bars[-1] + 1, MINUTE))
        for bar in bars[:-1]:
            flags = [k["x"] for k in events if k["t"] == bar]
            assert flags[-1] is True
            assert flags.count(True) == 1


@pytest.mark.parametrize("others", [(), ("ethusdt@kline_1m", "ethusdt@aggTrade")])
def test_what_happened_while_nobody_listened_is_not_sent_later(others):
    stage = Stage(start_ms=START_MS - 20_000, speed=60.0)
    names = ("btcusdt@kline_1m", "btcusdt@aggTrade")
    if others:
        stage.connect(*others, route=Route.MARKET)
    before = stage.connect(*names, route=Route.MARKET)
    stage.run(5)
    stage.hub.close(before)
    stage.run(5)
    away_until = stage.exchange.moment.time_ms
    after = stage.connect(*names, route=Route.MARKET)
    stage.run(5)
    lag = 150 * stage.settings.speed
    assert min(k["k"]["T"] for k in frames(after, names[0])) >= away_until - 1
    assert min(t["T"] for t in frames(after, names[1])) >= away_until - lag
    assert any(kline["k"]["x"] for kline in frames(after, names[0]))


async def test_the_close_comes_between_a_fifth_and_two_seconds_late():
    stage = Stage(start_ms=START_MS - 5_000, symbols=60)
    names = [f"{symbol.lower}@kline_15m" for symbol in stage.exchange.symbols]
    reader = stage.connect(*names, route=Route.MARKET)
    stage.run(10)
    late = [e["E"] - e["k"]["T"] - 1 for e in frames(reader) if e["k"]["x"]]
    assert len(late) == 60
    assert min(late) >= 200
    assert max(late) <= 2_100


async def test_the_live_kline_is_the_newest_row(stage):
    reader = stage.connect("ethusdt@kline_15m", route=Route.MARKET)
    for _ in range(60):
        stage.run(0.05)
        rows = await ask(
            stage, "/fapi/v1/klines", symbol="ETHUSDT", interval="15m", limit=1
        )
        event = frames(reader)[-1] if frames(reader) else None
        moment = stage.exchange.moment
        if event and event["E"] == moment.time_ms and not event["k"]["x"]:
            assert row_of(event["k"]) == rows[0]
            assert event["k"]["L"] == int(moment.last_ids[1])


async def test_aggregate_trades_add_up_to_the_kline(stage):
    end = stage.exchange.moment.minute * MINUTE
    for name in ("BTCUSDT", "SOLUSDT"):
        rows = await ask(
            stage,
            "/fapi/v1/klines",
            symbol=name,
            interval="1m",
            endTime=end - 1,
            limit=1,
        )
        bar = rows[0]
        trades = await ask(
            stage,
            "/fapi/v1/aggTrades",
            symbol=name,
            startTime=bar[0],
            endTime=bar[6],
            limit=1000,
        )
        prices = [float(trade["p"]) for trade in trades]
        assert len(trades) == bar[8]
        assert [trades[0]["p"], trades[-1]["p"]] == [bar[1], bar[4]]
        assert (max(prices), min(prices)) == (float(bar[2]), float(bar[3]))
        assert sum(float(t["q"]) for t in trades) == pytest.approx(float(bar[5]))
        taken = sum(float(t["q"]) for t in trades if not t["m"])
        assert taken == pytest.approx(float(bar[9]))


async def test_streamed_trades_are_the_trades_of_the_history(stage):
    reader = stage.connect("btcusdt@aggTrade", route=Route.MARKET)
    other = stage.connect("btcusdt@trade", route=Route.PUBLIC)
    stage.run(30)
    streamed = frames(reader)
    ids = [trade["a"] for trade in streamed]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    stored = await ask(
        stage, "/fapi/v1/aggTrades", symbol="BTCUSDT", fromId=ids[0], limit=len(ids)
    )
    shared = ("a", "p", "q", "nq", "f", "l", "T", "m")
    assert [{key: trade[key] for key in shared} for trade in streamed] == stored
    lag = 150 * stage.settings.speed
    assert {trade["E"] - trade["T"] for trade in streamed} == {lag}
    real = [trade for trade in frames(other) if trade["X"] == "MARKET"]
    numbers = [trade["t"] for trade in real]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    by_id = {trade["a"]: (trade["p"], trade["q"]) for trade in stored}
    for trade in real:
        if trade["t"] in by_id:
            assert (trade["p"], trade["q"]) == by_id[trade["t"]]


def test_now_and_then_a_trade_frame_has_no_price():
    stage = Stage()
    reader = stage.connect("btcusdt@trade", "ethusdt@trade", route=Route.PUBLIC)
    stage.run(60)
    nothing = [trade for trade in frames(reader) if trade["X"] == "NA"]
    assert nothing
    assert {(trade["p"], trade["q"]) for trade in nothing} == {("0", "0")}


async def test_the_day_ticker_covers_the_same_trades(stage):
    reader = stage.connect("!ticker@arr", "!miniTicker@arr", route=Route.MARKET)
    stage.run(25)
    rows = await ask(stage, "/fapi/v1/ticker/24hr")
    moment = stage.exchange.moment
    minute = moment.minute
    for row in rows:
        symbol = stage.exchange.by_name[row["symbol"]]
        bars = stage.exchange.bars.minutes(
            symbol, (minute - 1439) * MINUTE, minute * MINUTE
        )
        partial = moment.page.running[
            symbol.rank, max(moment.counts[symbol.rank] - 1, 0)
        ]
        volume = int(bars[:, 4].sum())
        if moment.counts[symbol.rank]:
            volume += int(partial[4])
        assert row["volume"] == symbol.quantity_text(volume)
        assert row["count"] == row["lastId"] - row["firstId"] + 1
        assert row["openPrice"] == symbol.price_text(int(bars[0, 0]))
    arrays = frames(reader, "!ticker@arr")
    minis = frames(reader, "!miniTicker@arr")
    assert {entry["st"] for entry in arrays[-1]} == {1, 2}
    newest = {entry["s"]: entry for entry in arrays[-1]}
    for entry in minis[-1]:
        assert [entry[key] for key in "cohlvq"] == [
            newest[entry["s"]][key] for key in "cohlvq"
        ]


def test_arrays_hold_only_symbols_that_traded():
    stage = Stage(symbols=140)
    reader = stage.connect("!miniTicker@arr", route=Route.MARKET)
    stage.run(10)
    sizes = [len(array) for array in frames(reader)]
    assert len(sizes) in (9, 10)
    assert max(sizes) < 140


def test_the_mark_price_stays_near_the_last_price():
    stage = Stage()
    reader = stage.connect("!markPrice@arr@1s", route=Route.MARKET)
    stage.run(20)
    for array in frames(reader):
        assert len(array) == 5 + 3
    last = {entry["s"]: float(entry["p"]) for entry in frames(reader)[-1]}
    for symbol in stage.exchange.symbols:
        price = int(stage.exchange.moment.last_prices[symbol.rank])
        assert last[symbol.name] == pytest.approx(
            price / 10**symbol.price_decimals, rel=0.01
        )


async def test_a_restarted_exchange_goes_on_where_it_was(tmp_path):
    first = Stage(state_dir=tmp_path, start_ms=START_MS)
    first.exchange.demand("CRASH")
    plan = ("btcusdt@kline_1m", "btcusdt@aggTrade")
    before = first.connect(*plan, route=Route.MARKET)
    first.run(150)
    second = Stage(state_dir=tmp_path, start_ms=START_MS + 90_000)
    after = second.connect(*plan, route=Route.MARKET)
    second.run(60)

    def by_key(reader):
        return {
            (e["k"]["t"], e["k"]["x"], e["k"]["n"]) if "k" in e else e["a"]: e
            for e in frames(reader)
        }

    old, new = by_key(before), by_key(after)
    shared = old.keys() & new.keys()
    assert len(shared) > 100
    for key in shared:
        assert old[key] == new[key]
    for interval in ("1m", "1h"):
        one, other = [
            await ask(stage, "/fapi/v1/klines", symbol="BTCUSDT", interval=interval)
            for stage in (first, second)
        ]
        assert one == other


async def test_a_demanded_crash_does_not_change_what_was_shown():
    stage = Stage()
    stage.run(5)
    params = {"symbol": "BTCUSDT", "interval": "1m", "limit": 100}
    before = await ask(stage, "/fapi/v1/klines", **params)
    shock = stage.exchange.demand("CRASH")
    assert shock.start_ms > stage.exchange.moment.time_ms
    after = await ask(stage, "/fapi/v1/klines", **params)
    assert before == after
    last = int(stage.exchange.moment.last_prices[0])
    stage.run(14 * 60)
    assert int(stage.exchange.moment.last_prices[0]) / last < 0.85


@pytest.mark.parametrize("interval", ["1m", "15m", "1h", "4h", "1d", "1w", "1M"])
async def test_history_has_no_hole_and_ends_now(stage, interval):
    rows = await ask(
        stage, "/fapi/v1/klines", symbol="XRPUSDT", interval=interval, limit=30
    )
    assert len(rows) == 30
    assert all(a[6] + 1 == b[0] for a, b in itertools.pairwise(rows))
    assert rows[-1][0] == bar_open(interval, stage.exchange.moment.time_ms)
    if interval in FIXED and FIXED[interval] <= DAY:
        per_minute = stage.exchange.by_name["XRPUSDT"].trades_per_minute
        assert rows[0][8] == FIXED[interval] // MINUTE * per_minute
