"""What the market says, as frozen values.

Prices and quantities of market data are floats; quantities are in base asset
units and quote volumes in quote asset units. Rules of an instrument (tick, step,
minima) are exact ``Decimal`` values. All times are integers, milliseconds since
the epoch, UTC; 0 means that the message carried no such time. ``time`` is the
moment the exchange's matching engine did it, ``event_time`` the moment the
exchange sent the message.
"""

from decimal import Decimal

from msgspec import Struct

Levels = tuple[tuple[float, float], ...]
"""Book levels as (price, quantity), best price first in snapshots and tops."""


class Candle(Struct, frozen=True, gc=False):
    """One bar of a kline series. ``closed`` is true once, when the bar is final.

    ``close_time`` is the last millisecond that belongs to the bar.
    ``trades`` is 0 and volumes are 0 when nobody traded in the bar.
    """

    symbol: str
    interval: str
    open_time: int
    close_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    quote_volume: float
    trades: int
    taker_base: float
    taker_quote: float
    closed: bool
    event_time: int


class Trade(Struct, frozen=True, gc=False):
    """One trade, or one aggregate of trades at one price (``aggregated``).

    ``id`` counts trades or aggregates of one symbol without holes;
    ``first_id`` and ``last_id`` are ids of single trades.
    """

    symbol: str
    id: int
    first_id: int
    last_id: int
    price: float
    quantity: float
    buyer_is_maker: bool
    time: int
    event_time: int
    aggregated: bool


class Quote(Struct, frozen=True, gc=False):
    """Best bid and ask. ``update_id`` grows and proves nothing about gaps."""

    symbol: str
    bid: float
    bid_quantity: float
    ask: float
    ask_quantity: float
    update_id: int
    time: int
    event_time: int


class BookDelta(Struct, frozen=True, gc=False):
    """Changed levels of a book; quantity 0 removes the level.

    ``previous_id`` is the ``last_id`` of the delta before it on futures, and
    None on spot, where ``first_id`` follows the last ``last_id`` by one.
    """

    symbol: str
    first_id: int
    last_id: int
    previous_id: int | None
    bids: Levels
    asks: Levels
    time: int
    event_time: int


class BookTop(Struct, frozen=True, gc=False):
    """The best 5, 10 or 20 levels of a book, complete in each message."""

    symbol: str
    last_id: int
    bids: Levels
    asks: Levels
    time: int
    event_time: int


class BookSnapshot(Struct, frozen=True, gc=False):
    """A book as REST gives it. ``symbol`` is "" when the body does not name it."""

    symbol: str
    last_id: int
    bids: Levels
    asks: Levels
    time: int


class Ticker(Struct, frozen=True, gc=False):
    """The rolling 24 hours of a symbol; ``change_percent`` 1.5 means +1.5 %."""

    symbol: str
    last: float
    open: float
    high: float
    low: float
    volume: float
    quote_volume: float
    change_percent: float
    event_time: int


class Mark(Struct, frozen=True, gc=False):
    """Mark and index price; ``funding_rate`` is a fraction per funding period."""

    symbol: str
    mark: float
    index: float
    funding_rate: float
    next_funding_time: int
    event_time: int


class Liquidation(Struct, frozen=True, gc=False):
    """A forced order; the exchange shows only the last one per symbol and second."""

    symbol: str
    side: str
    price: float
    average_price: float
    quantity: float
    filled_quantity: float
    status: str
    time: int
    event_time: int


class ContractInfo(Struct, frozen=True, gc=False):
    """A contract was listed, is settling, or got new leverage brackets."""

    symbol: str
    pair: str
    contract_type: str
    status: str
    onboard_time: int
    delivery_time: int
    event_time: int


class IndexPrice(Struct, frozen=True, gc=False):
    """A composite index or the asset index of multi-asset margin."""

    symbol: str
    price: float
    event_time: int


class TradingSession(Struct, frozen=True, gc=False):
    """The trading session of TradFi contracts, between two times."""

    market: str
    session: str
    start_time: int
    end_time: int
    event_time: int


class OpenInterest(Struct, frozen=True, gc=False):
    """Open contracts of a symbol, in base asset units."""

    symbol: str
    quantity: float
    time: int


class LastPrice(Struct, frozen=True, gc=False):
    """The last traded price of a symbol, as REST gives it."""

    symbol: str
    price: float
    time: int


class Funding(Struct, frozen=True, gc=False):
    """One past funding: a rate (fraction), when, and the mark price, 0 if unknown."""

    symbol: str
    rate: float
    time: int
    mark: float


class ServerShutdown(Struct, frozen=True, gc=False):
    """The server will close this connection soon: open the replacement now."""

    event_time: int


class Skipped(Struct, frozen=True, gc=False):
    """Messages that were understood and are no data; count them, use nothing.

    ``reason`` is "not_a_trade" (price and quantity 0), "coin_margined" (an entry of
    the other universe in an all-symbols stream), "invalid" (one unusable entry in
    an array whose other entries are good), "foreign" (of another symbol than the
    stream it came on) or "ignored" (no use for this message).
    """

    kind: str
    reason: str
    symbol: str
    count: int = 1


class Instrument(Struct, frozen=True):
    """A contract with the rules an order must keep.

    ``tick_size`` and ``step_size`` are the smallest steps of price and quantity;
    0 switches that rule off. Minima are in base units and quote units.
    ``onboard_time`` and ``delivery_time`` are 0 on spot.
    """

    symbol: str
    pair: str
    contract_type: str
    status: str
    base: str
    quote: str
    margin_asset: str
    tick_size: Decimal
    step_size: Decimal
    market_step_size: Decimal
    min_price: Decimal
    max_price: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    max_market_quantity: Decimal
    min_notional: Decimal
    onboard_time: int
    delivery_time: int


class RateLimit(Struct, frozen=True):
    """One limit of the exchange: at most ``limit`` per ``interval_seconds``."""

    kind: str
    interval_seconds: int
    limit: int


class ExchangeInfo(Struct, frozen=True):
    """All instruments and limits. ``server_time`` may be hours old: no clock.

    ``rejected`` says which entries could not be understood, and why.
    """

    server_time: int
    rate_limits: tuple[RateLimit, ...]
    instruments: tuple[Instrument, ...]
    rejected: tuple[str, ...] = ()


MarketEvent = (
    Candle
    | Trade
    | Quote
    | BookDelta
    | BookTop
    | BookSnapshot
    | Ticker
    | Mark
    | Liquidation
    | ContractInfo
    | IndexPrice
    | TradingSession
    | OpenInterest
    | ServerShutdown
    | Skipped
    | ExchangeInfo
)
