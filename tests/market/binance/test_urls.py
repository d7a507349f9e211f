import pytest

from market.binance.streams import Route
from market.binance.urls import endpoints


@pytest.mark.parametrize(
    ("venue", "route", "url"),
    [
        ("binance", Route.PUBLIC, "wss://fstream.binance.com/public/stream"),
        ("binance", Route.MARKET, "wss://fstream.binance.com/market/stream"),
        ("binance", Route.PRIVATE, "wss://fstream.binance.com/private/stream"),
        ("testnet", Route.MARKET, "wss://fstream.binancefuture.com/market/stream"),
    ],
)
def test_each_venue_serves_each_route_under_its_own_path(venue, route, url):
    assert endpoints(venue).stream_url(route) == url


def test_rest_addresses_are_those_of_the_venue():
    assert endpoints("binance").rest == "https://fapi.binance.com"
    assert endpoints("testnet").rest == "https://testnet.binancefuture.com"


def test_the_simulators_addresses_follow_from_where_it_runs():
    where = endpoints("simulator", "https://127.0.0.1:8443/")
    assert where.rest == "https://127.0.0.1:8443"
    assert where.stream_url(Route.PUBLIC) == "wss://127.0.0.1:8443/public/stream"


def test_a_simulator_that_does_not_run_is_named():
    with pytest.raises(ValueError, match="simulator's address"):
        endpoints("simulator")


def test_the_real_exchange_is_never_taken_for_an_unknown_venue():
    with pytest.raises(ValueError, match="unknown venue 'binnance'"):
        endpoints("binnance")


def test_a_simulators_address_does_not_redirect_a_real_venue():
    assert endpoints("binance", "https://127.0.0.1:1").rest == (
        "https://fapi.binance.com"
    )
