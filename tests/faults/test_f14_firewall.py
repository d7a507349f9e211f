"""F14: a firewall answers 403 with HTML."""

import asyncio

import pytest

from market.binance import weights
from market.binance.rest import BinanceRestClient
from market.binance.rest_errors import RestError
from market.binance.urls import endpoints


async def test_the_handshake_is_not_tried_again_soon(follow):
    followed = await follow("btcusdt@bookTicker")
    number = followed.arm("handshake", answer="403")
    followed.arm("rst")
    await followed.hears("disconnected", 2)
    refused = followed.told("disconnected")[-1]
    assert refused.error_type == "PROTOCOL"
    assert "403" in refused.reason
    await asyncio.sleep(2)
    assert followed.hits(number) == 1


async def test_html_in_place_of_json_is_an_error_like_any_other(simulator, follow):
    followed = await follow("btcusdt@bookTicker")
    rest = BinanceRestClient(
        endpoints("simulator", simulator.base_url), ca_file=str(simulator.ca_path)
    )
    try:
        followed.arm("rest", answer="html", count=1)
        with pytest.raises(RestError):
            await rest.get("/fapi/v1/time", weight=1)
    finally:
        await rest.aclose()


async def test_nothing_is_missing_after_the_silence_a_firewall_costs(feed, monkeypatch):
    monkeypatch.setattr(weights, "FIREWALL_SECONDS", 1.5)
    number = feed.arm("handshake", answer="403", count=1)
    await feed.loses("rst")
    await feed.live()
    assert feed.simulator.faults.hits(number) == 1
    await feed.has_everything()
