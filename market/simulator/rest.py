"""The REST answers: one function per endpoint, from a query to a JSON value."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from market.simulator.book import snapshot_id, update_id
from market.simulator.candles import kline_rows
from market.simulator.contracts import exchange_info
from market.simulator.depths import top_levels
from market.simulator.derivatives import FUNDING_PERIOD, INTEREST_RATE
from market.simulator.errors import ApiError, bad_symbol, missing
from market.simulator.exchange import Exchange
from market.simulator.intervals import HOUR, MINUTE, NAMES
from market.simulator.listing import OTHER
from market.simulator.prices import EPOCH_MS
from market.simulator.queries import Query
from market.simulator.summaries import day_window
from market.simulator.symbols import Symbol
from market.simulator.trades import (
    HIGH,
    LOW,
    OPEN,
    VALUE,
    VOLUME,
    first_trade_id,
)

Answer = Callable[[Exchange, Query], Awaitable[Any]]
Weight = Callable[[Query], int]

_DEPTH_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}
_UNLISTED = {name for name, *_ in OTHER}


@dataclass(frozen=True)
class Endpoint:
    answer: Answer
    weight: Weight
    funding: bool = False


def find_symbol(exchange: Exchange, name: str | None) -> Symbol | None:
    """The live symbol; None for one that is listed but does not trade."""
    if name is None:
        raise missing("symbol")
    symbol = exchange.by_name.get(name)
    if symbol is None and name not in _UNLISTED:
        raise bad_symbol()
    return symbol


def asked_symbols(exchange: Exchange, query: Query) -> tuple[bool, list[Symbol]]:
    """(one was named, the symbols)."""
    name = query.symbol()
    if name is None:
        return False, list(exchange.symbols)
    symbol = find_symbol(exchange, name)
    if symbol is None:
        raise bad_symbol()
    return True, [symbol]


async def ping(_: Exchange, __: Query) -> dict[str, Any]:
    return {}


async def server_time(exchange: Exchange, _: Query) -> dict[str, Any]:
    return {"serverTime": exchange.clock.shown_ms()}


async def info(exchange: Exchange, _: Query) -> dict[str, Any]:
    return exchange_info(
        exchange.symbols, exchange.clock.shown_ms(), exchange.settings.weight_limit
    )


async def klines(exchange: Exchange, query: Query) -> list[list[object]]:
    symbol = find_symbol(exchange, query.symbol())
    return await _klines_of(exchange, symbol, query)


async def continuous_klines(exchange: Exchange, query: Query) -> list[list[object]]:
    if query.text("contractType") != "PERPETUAL":
        return []
    symbol = find_symbol(exchange, query.text("pair"))
    return await _klines_of(exchange, symbol, query)


async def _klines_of(
    exchange: Exchange, symbol: Symbol | None, query: Query
) -> list[list[object]]:
    interval = query.text("interval")
    if interval not in NAMES:
        raise ApiError(-1120, "Invalid interval.")
    limit = query.limit(default=500, most=1500)
    window = query.window()
    if symbol is None:
        return []
    return await kline_rows(exchange, symbol, interval, window, limit)


async def depth(exchange: Exchange, query: Query) -> dict[str, Any]:
    symbol = find_symbol(exchange, query.symbol())
    limit = query.number("limit") or 500
    if limit not in _DEPTH_WEIGHTS:
        raise ApiError(-4021, f"{limit} is not valid depth limit.")
    if symbol is None:
        raise bad_symbol()
    book = exchange.book(symbol, limit)
    time = exchange.moment.time_ms
    return {
        "lastUpdateId": snapshot_id(book.slot, symbol),
        "E": time,
        "T": time,
        "bids": _levels(symbol, top_levels(book.bids, limit)),
        "asks": _levels(symbol, top_levels(book.asks, limit)),
    }


def _levels(symbol: Symbol, pairs: list[tuple[int, int]]) -> list[list[str]]:
    return [
        [symbol.price_text(price), symbol.quantity_text(size)] for price, size in pairs
    ]


async def aggregate_trades(exchange: Exchange, query: Query) -> list[dict[str, Any]]:
    symbol = find_symbol(exchange, query.symbol())
    limit = query.limit(default=500, most=1000)
    start, end = query.window()
    from_id = query.number("fromId")
    if from_id is not None and (start is not None or end is not None):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    if start is not None and end is not None and end - start > HOUR:
        raise ApiError(-1127, "More than 1 hours between startTime and endTime.")
    if symbol is None:
        return []
    if start is not None or end is not None:
        first, last = _ids_between(exchange, symbol, start, end, limit)
    else:
        first, last = _ids_from(exchange, symbol, from_id, limit)
    modern = exchange.settings.generation >= 2026
    return [
        {
            "a": number,
            "p": symbol.price_text(price),
            "q": symbol.quantity_text(quantity),
            **({"nq": symbol.quantity_text(quantity)} if modern else {}),
            "f": number,
            "l": number,
            "T": time,
            "m": maker,
        }
        for number, price, quantity, time, maker in exchange.tape.trades(
            symbol, first, last
        )
    ]


async def trades(exchange: Exchange, query: Query) -> list[dict[str, Any]]:
    symbol = find_symbol(exchange, query.symbol())
    limit = query.limit(default=500, most=1000)
    if symbol is None:
        return []
    first, last = _ids_from(exchange, symbol, None, limit)
    modern = exchange.settings.generation >= 2026
    return [
        {
            "id": number,
            "price": symbol.price_text(price),
            "qty": symbol.quantity_text(quantity),
            "quoteQty": symbol.value_text(price * quantity),
            "time": time,
            "isBuyerMaker": maker,
            **({"isRPITrade": False} if modern else {}),
        }
        for number, price, quantity, time, maker in exchange.tape.trades(
            symbol, first, last
        )
    ]


def _ids_from(
    exchange: Exchange, symbol: Symbol, from_id: int | None, limit: int
) -> tuple[int, int]:
    newest = int(exchange.moment.last_ids[symbol.rank])
    if from_id is None:
        return max(1, newest - limit + 1), newest
    first = max(1, from_id)
    return first, min(newest, first + limit - 1)


def _ids_between(
    exchange: Exchange, symbol: Symbol, start: int | None, end: int | None, limit: int
) -> tuple[int, int]:
    """Trades in [start, end]; with only an end the last hour before it."""
    now = exchange.moment.time_ms
    until = now if end is None else min(end, now)
    first = _first_id_at(exchange, symbol, until - HOUR if start is None else start)
    last = min(
        _first_id_at(exchange, symbol, until + 1) - 1,
        int(exchange.moment.last_ids[symbol.rank]),
    )
    return first, min(last, first + limit - 1)


def _first_id_at(exchange: Exchange, symbol: Symbol, time_ms: int) -> int:
    """Id of the first trade at or after the instant."""
    minute = max(time_ms, EPOCH_MS) // MINUTE
    times = exchange.tape.minute(symbol, minute).times
    return first_trade_id(symbol, minute) + int((times < time_ms).sum())


async def premium_index(exchange: Exchange, query: Query) -> Any:
    one, symbols = asked_symbols(exchange, query)
    marks = exchange.marks()
    rows = [
        {
            "symbol": symbol.name,
            "markPrice": f"{marks.mark[symbol.rank]:.8f}",
            "indexPrice": f"{marks.index[symbol.rank]:.8f}",
            "estimatedSettlePrice": f"{marks.index[symbol.rank]:.8f}",
            "lastFundingRate": f"{marks.rates[symbol.rank]:.8f}",
            "interestRate": INTEREST_RATE,
            "nextFundingTime": marks.next_funding_ms,
            "time": exchange.moment.time_ms,
        }
        for symbol in symbols
    ]
    return rows[0] if one else rows


async def ticker_day(exchange: Exchange, query: Query) -> Any:
    one, symbols = asked_symbols(exchange, query)
    bars = exchange.day_bars()
    rows = [
        _day_row(exchange, symbol, bars[symbol.rank].tolist()) for symbol in symbols
    ]
    return rows[0] if one else rows


def _day_row(exchange: Exchange, symbol: Symbol, bar: list[int]) -> dict[str, Any]:
    last = int(exchange.moment.last_prices[symbol.rank])
    start, end, first, newest, count = day_window(exchange, symbol.rank)
    price = symbol.price_text
    return {
        "symbol": symbol.name,
        "priceChange": price(last - bar[OPEN]),
        "priceChangePercent": f"{(last - bar[OPEN]) / bar[OPEN] * 100:.3f}",
        "weightedAvgPrice": price(bar[VALUE] // bar[VOLUME]),
        "lastPrice": price(last),
        "lastQty": symbol.quantity_text(
            exchange.live.last_quantity(symbol.rank, exchange.moment)
        ),
        "openPrice": price(bar[OPEN]),
        "highPrice": price(bar[HIGH]),
        "lowPrice": price(bar[LOW]),
        "volume": symbol.quantity_text(bar[VOLUME]),
        "quoteVolume": symbol.value_text(bar[VALUE]),
        "openTime": start,
        "closeTime": end,
        "firstId": first,
        "lastId": newest,
        "count": count,
    }


async def ticker_price(exchange: Exchange, query: Query) -> Any:
    one, symbols = asked_symbols(exchange, query)
    rows = [
        {
            "symbol": symbol.name,
            "price": symbol.price_text(int(exchange.moment.last_prices[symbol.rank])),
            "time": exchange.moment.time_ms,
        }
        for symbol in symbols
    ]
    return rows[0] if one else rows


async def ticker_book(exchange: Exchange, query: Query) -> Any:
    one, symbols = asked_symbols(exchange, query)
    rows = []
    for symbol in symbols:
        bid, bid_size, ask, ask_size = exchange.tops[symbol.rank].tolist()
        row = {
            "symbol": symbol.name,
            "bidPrice": symbol.price_text(bid),
            "bidQty": symbol.quantity_text(bid_size),
            "askPrice": symbol.price_text(ask),
            "askQty": symbol.quantity_text(ask_size),
            "time": exchange.moment.time_ms,
        }
        if exchange.settings.generation >= 2026:
            row["lastUpdateId"] = update_id(exchange.slot, symbol)
        rows.append(row)
    return rows[0] if one else rows


async def open_interest(exchange: Exchange, query: Query) -> dict[str, Any]:
    symbol = find_symbol(exchange, query.symbol())
    if symbol is None:
        raise bad_symbol()
    steps = exchange.derivatives.open_interest(symbol, exchange.moment.time_ms)
    return {
        "symbol": symbol.name,
        "openInterest": symbol.quantity_text(steps),
        "time": exchange.moment.time_ms,
    }


async def funding_rate(exchange: Exchange, query: Query) -> list[dict[str, Any]]:
    one, symbols = asked_symbols(exchange, query)
    limit = query.limit(default=100, most=1000)
    start, end = query.window()
    paid = exchange.moment.time_ms // FUNDING_PERIOD
    last = paid if end is None else min(paid, end // FUNDING_PERIOD)
    per_symbol = limit if one else max(1, limit // len(symbols))
    first = last - per_symbol + 1
    if start is not None:
        first = -(-start // FUNDING_PERIOD)
        last = min(last, first + per_symbol - 1)
    rows = []
    for period in range(max(first, EPOCH_MS // FUNDING_PERIOD), last + 1):
        rates = exchange.derivatives.funding_rates(period)
        for symbol in symbols:
            mark = exchange.derivatives.mark_at_funding(symbol, period)
            rows.append(
                {
                    "symbol": symbol.name,
                    "fundingRate": f"{rates[symbol.rank]:.8f}",
                    "fundingTime": period * FUNDING_PERIOD,
                    "markPrice": f"{mark:.8f}",
                }
            )
    return rows[:limit]


async def funding_info(exchange: Exchange, _: Query) -> list[dict[str, Any]]:
    return [
        {
            "symbol": symbol.name,
            "adjustedFundingRateCap": "0.00300000",
            "adjustedFundingRateFloor": "-0.00300000",
            "fundingIntervalHours": 8,
            "disclaimer": False,
        }
        for symbol in exchange.symbols
    ]


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
    return _DEPTH_WEIGHTS.get(query.number("limit") or 500, 1)


ENDPOINTS: dict[str, Endpoint] = {
    "/fapi/v1/ping": Endpoint(ping, _fixed(1)),
    "/fapi/v1/time": Endpoint(server_time, _fixed(1)),
    "/fapi/v1/exchangeInfo": Endpoint(info, _fixed(1)),
    "/fapi/v1/klines": Endpoint(klines, _kline_weight),
    "/fapi/v1/continuousKlines": Endpoint(continuous_klines, _kline_weight),
    "/fapi/v1/depth": Endpoint(depth, _depth_weight),
    "/fapi/v1/aggTrades": Endpoint(aggregate_trades, _fixed(20)),
    "/fapi/v1/trades": Endpoint(trades, _fixed(5)),
    "/fapi/v1/premiumIndex": Endpoint(premium_index, _one_or_all(1, 10)),
    "/fapi/v1/ticker/24hr": Endpoint(ticker_day, _one_or_all(1, 40)),
    "/fapi/v1/ticker/price": Endpoint(ticker_price, _one_or_all(1, 2)),
    "/fapi/v2/ticker/price": Endpoint(ticker_price, _one_or_all(1, 2)),
    "/fapi/v1/ticker/bookTicker": Endpoint(ticker_book, _one_or_all(2, 5)),
    "/fapi/v1/openInterest": Endpoint(open_interest, _fixed(1)),
    "/fapi/v1/fundingRate": Endpoint(funding_rate, _fixed(0), funding=True),
    "/fapi/v1/fundingInfo": Endpoint(funding_info, _fixed(0), funding=True),
    "/api/v3/ping": Endpoint(ping, _fixed(1)),
    "/api/v3/time": Endpoint(server_time, _fixed(1)),
}
