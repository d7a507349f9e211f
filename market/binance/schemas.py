"""Messages of Binance market streams, one struct each, as they are on the wire.

Field names are the wire's. Every key that some year or product leaves out has a
default, and unknown keys are accepted, so 2021 and 2026 messages, USD-M and spot,
decode with the same struct. Fields stand in the order of the wire, which is what the
decoder is fastest with. Each message turns itself into domain values at once:
``events(stream, received_ms)`` takes the stream name ("" when unknown) and the
local receive time, which stands in where the wire carries no time at all, and
raises ValueError for values that cannot be true.

Source: Binance USD-M futures and spot stream documentation, captured frames.
"""

from msgspec import Struct

from market.binance.info_schemas import (
    AssetIndex,
    CommoditySession,
    CompositeIndex,
    ContractChange,
    EquitySession,
    Shutdown,
)
from market.binance.streams import StreamKind, stream_kind, stream_symbol
from market.binance.wire import (
    COIN_MARGINED,
    Amount,
    Count,
    Id,
    Millis,
    Price,
    Rate,
    Rows,
    Signed,
    Symbol,
    Text,
    Wire,
    rate,
)
from market.domain.types import (
    BookDelta,
    BookSnapshot,
    BookTop,
    Candle,
    Liquidation,
    Mark,
    MarketEvent,
    Quote,
    Skipped,
    Ticker,
    Trade,
)

MarketEvents = tuple[MarketEvent, ...]


def _coin_margined(kind: str, symbol: str) -> MarketEvents:
    return (Skipped(kind, "coin_margined", symbol),)


class BookTicker(Wire, frozen=True, gc=False, tag="bookTicker"):
    """``<s>@bookTicker`` and ``!bookTicker``; spot sends no e, T, E."""

    u: Id
    s: Symbol
    b: Price
    B: Amount
    a: Price
    A: Amount
    T: Millis = 0
    E: Millis = 0
    st: int = 1

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        if self.st == COIN_MARGINED and stream.startswith("!"):
            return _coin_margined("bookTicker", self.s)
        return (
            Quote(
                self.s, self.b, self.B, self.a, self.A, self.u,
                self.T, self.E or received_ms,
            ),
        )  # fmt: skip


class Bar(Struct, frozen=True, gc=False):
    """The ``k`` object of kline messages."""

    t: Millis
    T: Millis
    i: Text
    o: Price
    c: Price
    h: Price
    l: Price  # noqa: E741 - the wire's name
    v: Amount
    n: Count
    x: bool
    q: Amount
    V: Amount = 0.0
    Q: Amount = 0.0

    def candle(self, symbol: str, event_time: int) -> Candle:
        """Return the bar as a Candle; raises ValueError when it contradicts itself."""
        low, high = self.l, self.h
        if not (low <= self.o <= high and low <= self.c <= high):
            raise ValueError(f"open or close outside of low {low} and high {high}")
        if self.t >= self.T:
            raise ValueError("the bar ends before it begins")
        return Candle(
            symbol, self.i, self.t, self.T, self.o, high, low, self.c, self.v, self.q,
            self.n, self.V, self.Q, self.x, event_time,
        )  # fmt: skip


class Kline(Wire, frozen=True, gc=False, tag="kline"):
    """``<s>@kline_<i>``."""

    E: Millis
    s: Symbol
    k: Bar

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        return (self.k.candle(self.s, self.E),)


class ContinuousKline(Wire, frozen=True, gc=False, tag="continuous_kline"):
    """``<pair>_<contractType>@continuousKline_<i>``.

    The candle's symbol is ``<PAIR>_<CONTRACTTYPE>``, so that it never mixes with
    the candles of the contract itself.
    """

    E: Millis
    ps: Symbol
    ct: Symbol
    k: Bar

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        return (self.k.candle(f"{self.ps}_{self.ct}", self.E),)


class AggTrade(Wire, frozen=True, gc=False, tag="aggTrade"):
    """``<s>@aggTrade``. Its E is 150 ms after T by design of the stream."""

    E: Millis
    a: Id
    s: Symbol
    p: Price
    q: Amount
    f: Id
    l: Id  # noqa: E741 - the wire's name
    T: Millis
    m: bool

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        return (
            Trade(
                self.s, self.a, self.f, self.l, self.p, self.q, self.m,
                self.T, self.E, True,  # noqa: FBT003 - positional for speed
            ),
        )  # fmt: skip


class SingleTrade(Wire, frozen=True, gc=False, kw_only=True, tag="trade"):
    """``<s>@trade``. X=NA entries have price and quantity 0 and are no trades."""

    E: Millis
    T: Millis
    s: Symbol
    t: Id
    p: Amount
    q: Amount
    X: Text = "MARKET"
    m: bool

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        if self.X == "NA":
            return (Skipped("trade", "not_a_trade", self.s),)
        if self.p == 0.0:
            raise ValueError("a trade at price 0")
        return (
            Trade(
                self.s, self.t, self.t, self.t, self.p, self.q, self.m,
                self.T, self.E, False,  # noqa: FBT003 - positional for speed
            ),
        )  # fmt: skip


class DepthUpdate(Wire, frozen=True, gc=False, kw_only=True, tag="depthUpdate"):
    """``<s>@depth…``: a diff, or the best levels when the stream name says so."""

    E: Millis
    T: Millis = 0
    s: Symbol
    U: Id
    u: Id
    pu: Id | None = None
    b: Rows
    a: Rows

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        kind = stream_kind(stream) if stream else StreamKind.DEPTH_DIFF
        if kind is StreamKind.DEPTH_PARTIAL:
            return (BookTop(self.s, self.u, self.b, self.a, self.T, self.E),)
        if kind is StreamKind.DEPTH_RPI:
            # Same message type, but sizes with hidden orders: never our book.
            return (Skipped("rpiDepth", "ignored", self.s),)
        if self.u < self.U:
            raise ValueError(f"first id {self.U} is greater than last id {self.u}")
        return (
            BookDelta(self.s, self.U, self.u, self.pu, self.b, self.a, self.T, self.E),
        )


class MarkPriceUpdate(Wire, frozen=True, gc=False, tag="markPriceUpdate"):
    """``<s>@markPrice[@1s]`` and the entries of ``!markPrice@arr[@1s]``."""

    E: Millis
    s: Symbol
    p: Price
    i: Amount = 0.0
    r: Rate = 0.0
    T: Millis = 0
    st: int = 1

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        if self.st == COIN_MARGINED and stream.startswith("!"):
            return _coin_margined("markPrice", self.s)
        return (Mark(self.s, self.p, self.i, rate(self.r), self.T, self.E),)


class MiniTicker(Wire, frozen=True, gc=False, tag="24hrMiniTicker"):
    """``<s>@miniTicker`` and the entries of ``!miniTicker@arr``."""

    E: Millis
    s: Symbol
    c: Price
    o: Price
    h: Price
    l: Price  # noqa: E741 - the wire's name
    v: Amount
    q: Amount
    st: int = 1

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        if self.st == COIN_MARGINED and stream.startswith("!"):
            return _coin_margined("miniTicker", self.s)
        if self.l > self.h:
            raise ValueError(f"low {self.l} is above high {self.h}")
        change_percent = (self.c / self.o - 1.0) * 100.0
        return (
            Ticker(
                self.s, self.c, self.o, self.h, self.l, self.v, self.q,
                change_percent, self.E,
            ),
        )  # fmt: skip


class DayTicker(Wire, frozen=True, gc=False, tag="24hrTicker"):
    """``<s>@ticker`` and the entries of ``!ticker@arr``; spot adds x, b, B, a, A."""

    E: Millis
    s: Symbol
    P: Signed
    c: Price
    o: Price
    h: Price
    l: Price  # noqa: E741 - the wire's name
    v: Amount
    q: Amount
    st: int = 1

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        if self.st == COIN_MARGINED and stream.startswith("!"):
            return _coin_margined("ticker", self.s)
        if self.l > self.h:
            raise ValueError(f"low {self.l} is above high {self.h}")
        return (
            Ticker(
                self.s, self.c, self.o, self.h, self.l, self.v, self.q, self.P, self.E
            ),
        )


class ForcedOrder(Struct, frozen=True, gc=False):
    """The ``o`` object of a liquidation; ps and st stand inside of it."""

    s: Symbol
    S: Text
    q: Amount
    p: Amount
    T: Millis
    ap: Amount = 0.0
    z: Amount = 0.0
    X: Text = ""
    st: int = 1


class ForceOrder(Wire, frozen=True, gc=False, tag="forceOrder"):
    """``<s>@forceOrder`` and ``!forceOrder@arr``."""

    E: Millis
    o: ForcedOrder
    st: int = 1

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        o = self.o
        if COIN_MARGINED in (o.st, self.st) and stream.startswith("!"):
            return _coin_margined("forceOrder", o.s)
        return (Liquidation(o.s, o.S, o.p, o.ap, o.q, o.z, o.X, o.T, self.E),)


class DepthBody(Struct, frozen=True, gc=False):
    """A REST book, or a spot partial depth message, which has the same keys."""

    lastUpdateId: Id
    bids: Rows
    asks: Rows
    E: Millis = 0
    T: Millis = 0

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        symbol = (stream_symbol(stream) if stream else None) or ""
        if symbol and stream_kind(stream) is StreamKind.DEPTH_PARTIAL:
            at = self.E or received_ms
            return (
                BookTop(symbol, self.lastUpdateId, self.bids, self.asks, self.T, at),
            )
        return (BookSnapshot(symbol, self.lastUpdateId, self.bids, self.asks, self.T),)


class SpotBookTicker(Struct, frozen=True, gc=False):
    """Spot ``bookTicker``, which carries neither its type nor a time."""

    u: Id
    s: Symbol
    b: Price
    B: Amount
    a: Price
    A: Amount

    def events(self, stream: str, received_ms: int) -> MarketEvents:
        return (Quote(self.s, self.b, self.B, self.a, self.A, self.u, 0, received_ms),)


MarketMessage = (
    BookTicker
    | Kline
    | ContinuousKline
    | AggTrade
    | SingleTrade
    | DepthUpdate
    | MarkPriceUpdate
    | MiniTicker
    | DayTicker
    | ForceOrder
    | ContractChange
    | CompositeIndex
    | AssetIndex
    | EquitySession
    | CommoditySession
    | Shutdown
)
