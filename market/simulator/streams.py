"""Stream names: what they ask for and which route carries them."""

import re
from dataclasses import dataclass
from enum import StrEnum

from market.simulator import intervals


class Route(StrEnum):
    PUBLIC = "public"
    MARKET = "market"
    PRIVATE = "private"


class Kind(StrEnum):
    AGG_TRADE = "aggTrade"
    TRADE = "trade"
    KLINE = "kline"
    CONTINUOUS_KLINE = "continuousKline"
    MARK_PRICE = "markPrice"
    MARK_PRICE_ALL = "!markPrice@arr"
    MINI_TICKER = "miniTicker"
    MINI_TICKER_ALL = "!miniTicker@arr"
    TICKER = "ticker"
    TICKER_ALL = "!ticker@arr"
    BOOK_TICKER = "bookTicker"
    BOOK_TICKER_ALL = "!bookTicker"
    DEPTH_TOP = "depthTop"
    DEPTH_DIFF = "depth"
    FORCE_ORDER = "forceOrder"
    FORCE_ORDER_ALL = "!forceOrder@arr"
    CONTRACT_INFO = "!contractInfo"


_PUBLIC = {
    Kind.TRADE,
    Kind.BOOK_TICKER,
    Kind.BOOK_TICKER_ALL,
    Kind.DEPTH_TOP,
    Kind.DEPTH_DIFF,
}


@dataclass(frozen=True)
class StreamName:
    """A parsed name. ``every`` is the cadence in slots of 50 ms (real time)."""

    text: str
    kind: Kind
    every: int
    symbol: str = ""
    interval: str = ""
    levels: int = 0

    @property
    def route(self) -> Route:
        return Route.PUBLIC if self.kind in _PUBLIC else Route.MARKET


_ONE_SYMBOL = re.compile(
    r"([a-z0-9_]+)@(aggTrade|trade|miniTicker|ticker|bookTicker|forceOrder)"
)
_MARK = re.compile(r"([a-z0-9_]+)@markPrice(@1s)?")
_KLINE = re.compile(r"([a-z0-9_]+)@kline_(\w+)")
_CONTINUOUS = re.compile(r"([a-z0-9]+)_perpetual@continuousKline_(\w+)")
_DEPTH = re.compile(r"([a-z0-9_]+)@depth(5|10|20)?(?:@(0|100|250|500)ms)?")
_EVERY = {
    "aggTrade": 2,
    "trade": 1,
    "miniTicker": 40,
    "ticker": 40,
    "bookTicker": 1,
    "forceOrder": 20,
}
_DEPTH_EVERY = {"0": 1, "100": 2, "250": 5, "500": 10, None: 5}
_ALL = {
    "!markPrice@arr": (Kind.MARK_PRICE_ALL, 60),
    "!markPrice@arr@1s": (Kind.MARK_PRICE_ALL, 20),
    "!miniTicker@arr": (Kind.MINI_TICKER_ALL, 20),
    "!ticker@arr": (Kind.TICKER_ALL, 20),
    "!bookTicker": (Kind.BOOK_TICKER_ALL, 100),
    "!forceOrder@arr": (Kind.FORCE_ORDER_ALL, 20),
    "!contractInfo": (Kind.CONTRACT_INFO, 20),
}


def parse_stream(text: str) -> StreamName | None:
    """The stream of that name; None when there is none (upper case included)."""
    if text in _ALL:
        kind, every = _ALL[text]
        return StreamName(text, kind, every)
    if match := _ONE_SYMBOL.fullmatch(text):
        symbol, name = match.groups()
        return StreamName(text, Kind(name), _EVERY[name], symbol.upper())
    if match := _MARK.fullmatch(text):
        every = 20 if match[2] else 60
        return StreamName(text, Kind.MARK_PRICE, every, match[1].upper())
    if match := _DEPTH.fullmatch(text):
        symbol, levels, speed = match.groups()
        kind = Kind.DEPTH_TOP if levels else Kind.DEPTH_DIFF
        every = _DEPTH_EVERY[speed]
        return StreamName(text, kind, every, symbol.upper(), levels=int(levels or 0))
    return _parse_kline(text)


def _parse_kline(text: str) -> StreamName | None:
    for pattern, kind in (
        (_KLINE, Kind.KLINE),
        (_CONTINUOUS, Kind.CONTINUOUS_KLINE),
    ):
        match = pattern.fullmatch(text)
        if match and match[2] in intervals.NAMES:
            return StreamName(text, kind, 5, match[1].upper(), match[2])
    return None
