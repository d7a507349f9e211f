"""Keys and their order, as in frames captured from the exchange."""

import pytest

from market.simulator.streams import Route
from tests.market.simulator.stage import START_MS, Stage, frames

KLINE = [
    "t",
    "T",
    "s",
    "i",
    "f",
    "L",
    "o",
    "c",
    "h",
    "l",
    "v",
    "n",
    "x",
    "q",
    "V",
    "Q",
    "B",
]
KEYS = {
    ("btcusdt@aggTrade", 2026): "e E a s p q nq f l T m st",
    ("btcusdt@aggTrade", 2021): "e E a s p q f l T m",
    ("btcusdt@trade", 2026): "e E T s t p q X m st",
    ("btcusdt@bookTicker", 2026): "e u s ps b B a A T E st",
    ("btcusdt@bookTicker", 2021): "e u s b B a A T E",
    ("btcusdt@kline_1m", 2026): "e E s k st",
    ("btcusdt@kline_1m", 2021): "e E s k",
    ("btcusdt_perpetual@continuousKline_1m", 2026): "e E ps ct k st",
    ("btcusdt@depth@100ms", 2026): "e E T s U u pu b a ps st",
    ("btcusdt@depth5@100ms", 2021): "e E T s U u pu b a",
    ("btcusdt@markPrice@1s", 2026): "e E s p ap P i r T st",
    ("btcusdt@markPrice@1s", 2021): "e E s p P i r T",
    ("btcusdt@miniTicker", 2021): "e E s c o h l v q",
    ("btcusdt@ticker", 2026): "e E s p P w c Q o h l v q O C F L n st",
}
PUBLIC = ("@trade", "@bookTicker", "@depth")


@pytest.mark.parametrize(("name", "generation"), KEYS)
def test_keys_are_those_of_the_wire(name, generation):
    stage = Stage(generation=generation, symbols=2)
    public = any(part in name for part in PUBLIC)
    reader = stage.connect(name, route=Route.PUBLIC if public else Route.MARKET)
    stage.run(6)
    frame = frames(reader)[0]
    assert list(frame) == KEYS[name, generation].split()
    if name == "btcusdt@kline_1m":
        assert list(frame["k"]) == KLINE


def test_the_order_of_a_liquidation_is_nested():
    stage = Stage(symbols=2)
    reader = stage.connect("!forceOrder@arr", route=Route.MARKET)
    stage.run(60)
    orders = frames(reader)
    assert 1 <= len(orders) <= 20
    assert list(orders[0]) == ["e", "E", "o"]
    assert list(orders[0]["o"]) == [
        "s",
        "S",
        "o",
        "f",
        "q",
        "p",
        "ap",
        "X",
        "l",
        "z",
        "T",
        "ps",
        "st",
    ]


def test_prices_have_the_symbols_precision():
    stage = Stage(symbols=5, start_ms=START_MS)
    reader = stage.connect("1000pepeusdt@bookTicker", route=Route.PUBLIC)
    stage.run(1)
    frame = frames(reader)[0]
    symbol = stage.exchange.by_name["1000PEPEUSDT"]
    assert len(frame["b"].split(".")[1]) == symbol.price_decimals
    assert "." not in frame["B"]


def test_the_older_universe_has_no_coin_margined_symbols():
    stage = Stage(generation=2021)
    reader = stage.connect("!markPrice@arr@1s", route=Route.MARKET)
    stage.run(1)
    assert len(frames(reader)[0]) == 5


def test_every_symbols_best_prices_come_every_five_seconds():
    stage = Stage()
    reader = stage.connect("!bookTicker", route=Route.PUBLIC)
    stage.run(11)
    assert {frame["s"] for frame in frames(reader)} >= {"BTCUSDT", "BTCUSD_PERP"}
    assert len(frames(reader)) == 2 * 8


def test_frames_per_second_are_about_two_thousand_at_the_default_plan():
    stage = Stage(symbols=140)
    symbols = [symbol.lower for symbol in stage.exchange.symbols]
    stage.connect(
        *(f"{name}@kline_{i}" for name in symbols for i in ("15m", "1h")),
        "!markPrice@arr@1s",
        "!miniTicker@arr",
        route=Route.MARKET,
    )
    stage.connect(*(f"{name}@bookTicker" for name in symbols), route=Route.PUBLIC)
    stage.run(10)
    assert 1_700 < stage.hub.frames_sent / 10 < 2_300
