"""REST answers about the past and the book: klines, depth, trades."""

from typing import Any

from market.simulator.book import snapshot_id
from market.simulator.candles import kline_rows
from market.simulator.depths import top_levels
from market.simulator.errors import ApiError, bad_symbol
from market.simulator.exchange import Exchange
from market.simulator.intervals import HOUR, MINUTE, NAMES
from market.simulator.lookups import find_symbol
from market.simulator.prices import EPOCH_MS
from market.simulator.queries import Query
from market.simulator.symbols import Symbol
from market.simulator.trades import first_trade_id

DEPTH_WEIGHTS = {5: 2, 10: 2, 20: 2, 50: 2, 100: 5, 500: 10, 1000: 20}


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
    if limit not in DEPTH_WEIGHTS:
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
