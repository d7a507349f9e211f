"""The settings of a soak: all of them the product's, within its bounds."""

import pytest

from benchmarks.soak.scale import INTERVALS, settings, streams
from market.binance.config import WsSettings
from market.binance.plan import default_streams
from market.config import MarketSettings
from quantai_site import config


def section(found, prefix):
    return {
        name.removeprefix(prefix).lower(): value
        for name, value in found.items()
        if name.startswith(prefix)
    }


@pytest.mark.parametrize("speed", [1, 60, 600])
def test_every_setting_is_one_of_the_product_and_in_its_bounds(speed):
    found = settings(speed, 20, 1)
    assert set(found) <= set(config.variables())
    ws = WsSettings(**section(found, "WS_"))
    assert ws.reconnect_max_delay == 5
    market = section(found, "MARKET_")
    market["intervals"] = tuple(market["intervals"].split(","))
    assert MarketSettings(**market).intervals == INTERVALS


def test_at_speed_1_the_clocks_are_the_products_own():
    found = settings(1, 20, 1)
    ws = WsSettings(**section(found, "WS_"))
    assert ws.reconnect_healthy_after == WsSettings().reconnect_healthy_after
    grace = float(found["MARKET_BACKFILL_GRACE_SECONDS"])
    assert grace == MarketSettings().backfill_grace_seconds


def test_the_number_of_streams_is_the_feeds():
    symbols = [f"S{number}USDT" for number in range(20)]
    assert streams(20, 0) == len(default_streams(symbols, INTERVALS))
    assert streams(20, 3) == streams(20, 0) + 6
