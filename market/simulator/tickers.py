"""REST answers about the present of one or all symbols: tickers, marks, funding."""

from typing import Any

from market.simulator.book import update_id
from market.simulator.derivatives import FUNDING_PERIOD, INTEREST_RATE
from market.simulator.errors import bad_symbol
from market.simulator.exchange import Exchange
from market.simulator.lookups import asked_symbols, find_symbol
from market.simulator.prices import EPOCH_MS
from market.simulator.queries import Query
from market.simulator.summaries import day_window
from market.simulator.symbols import Symbol
from market.simulator.trades import HIGH, LOW, OPEN, VALUE, VOLUME


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
