"""Names of Binance streams: what they carry, where they live, how they are built.

A stream name is ``<symbol>@<what>[@<speed>]`` or ``!<what>[@arr][@<speed>]``.
Symbols are lower case in names: the exchange acknowledges an upper-case symbol and
never sends data for it. Since April 2026 the USD-M exchange serves each class of
streams under its own path; a stream asked on the wrong path is acknowledged and
stays silent, hence ``route``.

Source: Binance change log of 2026-03-06, binance-connector-python 18.1.
"""

import re
from enum import StrEnum
from functools import lru_cache

INTERVALS = (
    "1m", "3m", "5m", "15m", "30m",
    "1h", "2h", "4h", "6h", "8h", "12h",
    "1d", "3d", "1w", "1M",
)  # fmt: skip
"""Kline intervals of USD-M futures; case matters: 1m is a minute, 1M a month."""

PARTIAL_DEPTH_LEVELS = (5, 10, 20)
DEPTH_SPEEDS = ("", "0ms", "100ms", "250ms", "500ms", "1000ms")
CONTRACT_TYPES = ("perpetual", "current_quarter", "next_quarter", "tradifi_perpetual")


class Route(StrEnum):
    """The class of path a stream lives under."""

    PUBLIC = "public"
    MARKET = "market"
    PRIVATE = "private"


class StreamKind(StrEnum):
    """What a stream carries."""

    AGG_TRADE = "aggTrade"
    ASSET_INDEX = "assetIndex"
    ASSET_INDEX_ALL = "!assetIndex@arr"
    BOOK_TICKER = "bookTicker"
    BOOK_TICKER_ALL = "!bookTicker"
    COMPOSITE_INDEX = "compositeIndex"
    CONTINUOUS_KLINE = "continuousKline"
    CONTRACT_INFO = "!contractInfo"
    DEPTH_DIFF = "depth"
    DEPTH_PARTIAL = "partialDepth"
    DEPTH_RPI = "rpiDepth"
    FORCE_ORDER = "forceOrder"
    FORCE_ORDER_ALL = "!forceOrder@arr"
    KLINE = "kline"
    MARK_PRICE = "markPrice"
    MARK_PRICE_ALL = "!markPrice@arr"
    MINI_TICKER = "miniTicker"
    MINI_TICKER_ALL = "!miniTicker@arr"
    SERVER_SHUTDOWN = "!serverShutdown"
    TICKER = "ticker"
    TICKER_ALL = "!ticker@arr"
    TRADE = "trade"
    TRADING_SESSION = "tradingSession"
    USER_DATA = "userData"
    UNKNOWN = "unknown"


_PUBLIC_KINDS = frozenset(
    {
        StreamKind.BOOK_TICKER,
        StreamKind.BOOK_TICKER_ALL,
        StreamKind.DEPTH_DIFF,
        StreamKind.DEPTH_PARTIAL,
        StreamKind.DEPTH_RPI,
        StreamKind.TRADE,
    }
)
_ROUTELESS_KINDS = frozenset({StreamKind.SERVER_SHUTDOWN, StreamKind.UNKNOWN})

_BY_SUFFIX = {
    kind.value.lower(): kind
    for kind in (
        StreamKind.AGG_TRADE,
        StreamKind.ASSET_INDEX,
        StreamKind.BOOK_TICKER,
        StreamKind.COMPOSITE_INDEX,
        StreamKind.DEPTH_DIFF,
        StreamKind.DEPTH_RPI,
        StreamKind.FORCE_ORDER,
        StreamKind.MARK_PRICE,
        StreamKind.MINI_TICKER,
        StreamKind.TICKER,
        StreamKind.TRADE,
        StreamKind.USER_DATA,
    )
} | {f"depth{levels}": StreamKind.DEPTH_PARTIAL for levels in PARTIAL_DEPTH_LEVELS}
_WHOLE_MARKET = {
    kind.value.lower(): kind
    for kind in (
        StreamKind.ASSET_INDEX_ALL,
        StreamKind.BOOK_TICKER_ALL,
        StreamKind.CONTRACT_INFO,
        StreamKind.FORCE_ORDER_ALL,
        StreamKind.MARK_PRICE_ALL,
        StreamKind.MINI_TICKER_ALL,
        StreamKind.SERVER_SHUTDOWN,
        StreamKind.TICKER_ALL,
        StreamKind.TRADING_SESSION,
    )
}
_SPEED = re.compile(r"@(?:[0-9]+ms|1s)$", re.IGNORECASE)
# Contracts such as 币安人生USDT exist, hence letters of any script; a dash and an
# underscore appear in COIN-M and delivery symbols.
_SYMBOL = re.compile(r"[\w.-]{1,64}")
_LISTEN_KEY = re.compile(r"[A-Za-z0-9]{60,80}")


@lru_cache(maxsize=8192)
def stream_kind(name: str) -> StreamKind:
    """Return what the stream carries, UNKNOWN for a name never heard of.

    Upper-case symbols and kinds are recognised, because recordings and other
    clients have them. A listen key is a stream of user data.
    """
    bare = _SPEED.sub("", name)
    lowered = bare.lower()
    if lowered in _WHOLE_MARKET:
        return _WHOLE_MARKET[lowered]
    symbol, at, what = bare.partition("@")
    if not at:
        return StreamKind.USER_DATA if _LISTEN_KEY.fullmatch(name) else _UNKNOWN
    if not _SYMBOL.fullmatch(symbol):
        return _UNKNOWN
    stem, underscore, interval = what.partition("_")
    if underscore:
        return _kline_kind(stem.lower(), interval)
    return _BY_SUFFIX.get(what.lower(), _UNKNOWN)


_UNKNOWN = StreamKind.UNKNOWN


def _kline_kind(stem: str, interval: str) -> StreamKind:
    if interval not in INTERVALS and interval != "1s":
        return _UNKNOWN
    if stem == "kline":
        return StreamKind.KLINE
    if stem == "continuouskline":
        return StreamKind.CONTINUOUS_KLINE
    return _UNKNOWN


def route(kind: StreamKind) -> Route:
    """Return the class of path that serves this kind of USD-M stream.

    Raises ValueError for UNKNOWN and SERVER_SHUTDOWN, which cannot be subscribed.
    """
    if kind in _ROUTELESS_KINDS:
        raise ValueError(f"streams of kind {kind.value!r} cannot be subscribed")
    if kind in _PUBLIC_KINDS:
        return Route.PUBLIC
    return Route.PRIVATE if kind is StreamKind.USER_DATA else Route.MARKET


@lru_cache(maxsize=8192)
def stream_symbol(name: str) -> str | None:
    """Return the symbol in upper case, or None for streams of the whole market.

    A continuous kline gives its pair: ``btcusdt_perpetual@…`` is BTCUSDT.
    """
    symbol, at, _ = name.partition("@")
    if not at or not symbol or symbol.startswith("!"):
        return None
    if stream_kind(name) is StreamKind.CONTINUOUS_KLINE:
        symbol = symbol.partition("_")[0]
    return symbol.upper()


@lru_cache(maxsize=8192)
def stream_interval(name: str) -> str | None:
    """Return the kline interval in the name, or None when it is no kline stream."""
    if stream_kind(name) not in (StreamKind.KLINE, StreamKind.CONTINUOUS_KLINE):
        return None
    return name.rpartition("_")[2]


def kline_stream(symbol: str, interval: str) -> str:
    """Klines of a symbol, e.g. ``btcusdt@kline_15m``."""
    return f"{_lower(symbol)}@kline_{_interval(interval)}"


def continuous_kline_stream(pair: str, contract_type: str, interval: str) -> str:
    """Klines of a pair's contract, e.g. ``btcusdt_perpetual@continuousKline_1m``."""
    contract = contract_type.lower()
    if contract not in CONTRACT_TYPES:
        raise ValueError(
            f"contract type {contract_type!r} is not one of {', '.join(CONTRACT_TYPES)}"
        )
    return f"{_lower(pair)}_{contract}@continuousKline_{_interval(interval)}"


def book_ticker_stream(symbol: str) -> str:
    """Best bid and ask of a symbol, every change."""
    return f"{_lower(symbol)}@bookTicker"


def agg_trade_stream(symbol: str) -> str:
    """Aggregated trades of a symbol, every 100 ms."""
    return f"{_lower(symbol)}@aggTrade"


def trade_stream(symbol: str) -> str:
    """Single trades of a symbol (not in the futures documentation)."""
    return f"{_lower(symbol)}@trade"


def depth_stream(symbol: str, *, speed: str = "100ms") -> str:
    """Changes of the whole book; ``speed`` "" is the default of 250 ms."""
    return f"{_lower(symbol)}@depth{_speed(speed)}"


def partial_depth_stream(symbol: str, *, levels: int = 20, speed: str = "100ms") -> str:
    """The best 5, 10 or 20 levels of the book."""
    if levels not in PARTIAL_DEPTH_LEVELS:
        raise ValueError(f"depth levels must be 5, 10 or 20, not {levels!r}")
    return f"{_lower(symbol)}@depth{levels}{_speed(speed)}"


def mark_price_stream(symbol: str, *, every_second: bool = True) -> str:
    """Mark price of a symbol, each second or each 3 seconds."""
    return f"{_lower(symbol)}@markPrice{'@1s' if every_second else ''}"


def mark_price_all_stream(*, every_second: bool = True) -> str:
    """Mark prices of all symbols, each second or each 3 seconds."""
    return f"!markPrice@arr{'@1s' if every_second else ''}"


def mini_ticker_stream(symbol: str) -> str:
    """Rolling 24 hours of a symbol, short form."""
    return f"{_lower(symbol)}@miniTicker"


def ticker_stream(symbol: str) -> str:
    """Rolling 24 hours of a symbol, long form."""
    return f"{_lower(symbol)}@ticker"


def force_order_stream(symbol: str) -> str:
    """Liquidations of a symbol."""
    return f"{_lower(symbol)}@forceOrder"


MINI_TICKER_ALL_STREAM = StreamKind.MINI_TICKER_ALL.value
TICKER_ALL_STREAM = StreamKind.TICKER_ALL.value
BOOK_TICKER_ALL_STREAM = StreamKind.BOOK_TICKER_ALL.value
FORCE_ORDER_ALL_STREAM = StreamKind.FORCE_ORDER_ALL.value
USER_DATA_SUFFIX = f"@{StreamKind.USER_DATA.value}"
CONTRACT_INFO_STREAM = StreamKind.CONTRACT_INFO.value


def _lower(symbol: str) -> str:
    if not _SYMBOL.fullmatch(symbol):
        raise ValueError(f"symbol {symbol!r} cannot be part of a stream name")
    return symbol.lower()


def _interval(interval: str) -> str:
    if interval not in INTERVALS:
        raise ValueError(
            f"kline interval {interval!r} is not one of {', '.join(INTERVALS)}"
        )
    return interval


def _speed(speed: str) -> str:
    if speed not in DEPTH_SPEEDS:
        known = ", ".join(repr(value) for value in DEPTH_SPEEDS)
        raise ValueError(f"depth speed {speed!r} is not one of {known}")
    return f"@{speed}" if speed else ""
