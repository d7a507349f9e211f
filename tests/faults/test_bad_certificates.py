"""A server that is not the exchange is refused, and the reason says what is wrong."""

import pytest

from market.binance.rest import BinanceRestClient
from market.binance.rest_errors import RestError
from market.binance.urls import endpoints

SHAPES = {
    "expired": "certificate has expired",
    "wrong_host": "ip address mismatch",
    "unknown_ca": "unable to get local issuer certificate",
    "tls11": "protocol version",
}


@pytest.mark.parametrize("transport", ["picows", "websockets"])
@pytest.mark.parametrize(("shape", "text"), SHAPES.items())
async def test_streams_are_not_taken_from_it_and_come_back_with_the_true_one(
    follow, shape, text, transport
):
    followed = await follow("btcusdt@bookTicker", transport=transport)
    number = followed.arm("certificate", shape=shape)
    followed.arm("rst")
    await followed.hears("disconnected", 2)
    refused = followed.told("disconnected")[-1]
    assert refused.error_type == "SSL"
    assert text in refused.reason.lower().replace("_", " ")
    assert refused.advice
    assert len(followed.told("connected")) == 1
    followed.simulator.faults.disarm(number)
    await followed.live()


@pytest.mark.parametrize(("shape", "text"), SHAPES.items())
async def test_answers_are_not_taken_from_it(follow, simulator, shape, text):
    followed = await follow("btcusdt@bookTicker")
    followed.arm("certificate", shape=shape)
    rest = BinanceRestClient(
        endpoints("simulator", simulator.base_url), ca_file=str(simulator.ca_path)
    )
    try:
        with pytest.raises(RestError) as caught:
            await rest.get("/fapi/v1/time", weight=1)
    finally:
        await rest.aclose()
    assert text in str(caught.value).lower().replace("_", " ")
