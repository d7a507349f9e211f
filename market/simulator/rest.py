"""The REST endpoints: path, answer and weight. An answer is a JSON value of a query."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from market.simulator import history, tickers
from market.simulator.contracts import exchange_info
from market.simulator.exchange import Exchange
from market.simulator.queries import Query

Answer = Callable[[Exchange, Query], Awaitable[Any]]
Weight = Callable[[Query], int]


@dataclass(frozen=True)
class Endpoint:
    """``funding`` ones count in a bucket that they share."""

    answer: Answer
    weight: Weight
    funding: bool = False


async def ping(_: Exchange, __: Query) -> dict[str, Any]:
    return {}


async def server_time(exchange: Exchange, _: Query) -> dict[str, Any]:
    return {"serverTime": exchange.clock.shown_ms()}


async def info(exchange: Exchange, _: Query) -> dict[str, Any]:
    return exchange_info(
        exchange.symbols,
        exchange.clock.shown_ms(),
        exchange.settings.weight_limit,
        exchange.statuses,
    )


def _fixed(weight: int) -> Weight:
    return lambda _: weight


def _one_or_all(one: int, every: int) -> Weight:
    return lambda query: one if query.symbol() else every


def _kline_weight(query: Query) -> int:
    limit = query.number("limit") or 500
    if limit < 100:
        return 1
    if limit < 500:
        return 2
    return 5 if limit <= 1000 else 10


def _depth_weight(query: Query) -> int:
    return history.DEPTH_WEIGHTS.get(query.number("limit") or 500, 1)


ENDPOINTS: dict[str, Endpoint] = {
    "/fapi/v1/ping": Endpoint(ping, _fixed(1)),
    "/fapi/v1/time": Endpoint(server_time, _fixed(1)),
    "/fapi/v1/exchangeInfo": Endpoint(info, _fixed(1)),
    "/fapi/v1/klines": Endpoint(history.klines, _kline_weight),
    "/fapi/v1/continuousKlines": Endpoint(history.continuous_klines, _kline_weight),
    "/fapi/v1/depth": Endpoint(history.depth, _depth_weight),
    "/fapi/v1/aggTrades": Endpoint(history.aggregate_trades, _fixed(20)),
    "/fapi/v1/trades": Endpoint(history.trades, _fixed(5)),
    "/fapi/v1/premiumIndex": Endpoint(tickers.premium_index, _one_or_all(1, 10)),
    "/fapi/v1/ticker/24hr": Endpoint(tickers.ticker_day, _one_or_all(1, 40)),
    "/fapi/v1/ticker/price": Endpoint(tickers.ticker_price, _one_or_all(1, 2)),
    "/fapi/v2/ticker/price": Endpoint(tickers.ticker_price, _one_or_all(1, 2)),
    "/fapi/v1/ticker/bookTicker": Endpoint(tickers.ticker_book, _one_or_all(2, 5)),
    "/fapi/v1/openInterest": Endpoint(tickers.open_interest, _fixed(1)),
    "/fapi/v1/fundingRate": Endpoint(tickers.funding_rate, _fixed(0), funding=True),
    "/fapi/v1/fundingInfo": Endpoint(tickers.funding_info, _fixed(0), funding=True),
    "/api/v3/ping": Endpoint(ping, _fixed(1)),
    "/api/v3/time": Endpoint(server_time, _fixed(1)),
}
