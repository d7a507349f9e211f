"""Bodies of Binance REST market data, and the values they become.

Each ``parse_…`` takes the body's bytes and returns domain values or a ``BadBody``;
none raises. Lists of many symbols drop the entries that have no market yet (a price
of 0), because the exchange lists contracts before they trade. Wire field names.

Source: binance-connector-python 18.1 models, captured bodies.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.json import Decoder

from market.binance.exchange_info import ExchangeInfoBody
from market.binance.info_schemas import OpenInterestBody
from market.binance.schemas import DepthBody
from market.binance.wire import (
    Amount,
    Count,
    Id,
    Millis,
    Price,
    Rate,
    Signed,
    Symbol,
    rate,
)
from market.domain.types import (
    BookSnapshot,
    Candle,
    ExchangeInfo,
    Funding,
    LastPrice,
    Mark,
    OpenInterest,
    Quote,
    Ticker,
    Trade,
)

Value = TypeVar("Value")


class BadBody(Struct, frozen=True):
    """A body that is not what the endpoint promises; ``sample`` is its beginning."""

    reason: str
    sample: str


class KlineRow(Struct, frozen=True, gc=False, array_like=True):
    """A row of ``klines``."""

    open_time: Millis
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    close_time: Millis
    quote_volume: Amount
    trades: Count
    taker_base: Amount
    taker_quote: Amount


class AggTradeRow(Struct, frozen=True, gc=False):
    """An entry of ``aggTrades``."""

    a: Id
    p: Price
    q: Amount
    f: Id
    l: Id  # noqa: E741 - the wire's name
    T: Millis
    m: bool


class TradeRow(Struct, frozen=True, gc=False):
    """An entry of ``trades``."""

    id: Id
    price: Price
    qty: Amount
    time: Millis
    isBuyerMaker: bool


class PremiumRow(Struct, frozen=True, gc=False):
    """An entry of ``premiumIndex``."""

    symbol: Symbol
    markPrice: Amount
    indexPrice: Amount = 0.0
    lastFundingRate: Rate = 0.0
    nextFundingTime: Millis = 0
    time: Millis = 0


class DayTickerRow(Struct, frozen=True, gc=False):
    """An entry of ``ticker/24hr``."""

    symbol: Symbol
    priceChangePercent: Signed
    lastPrice: Amount
    openPrice: Amount
    highPrice: Amount
    lowPrice: Amount
    volume: Amount
    quoteVolume: Amount
    closeTime: Millis = 0


class BookTickerRow(Struct, frozen=True, gc=False):
    """An entry of ``ticker/bookTicker``."""

    symbol: Symbol
    bidPrice: Amount
    bidQty: Amount
    askPrice: Amount
    askQty: Amount
    time: Millis = 0
    lastUpdateId: Id = 0


class PriceRow(Struct, frozen=True, gc=False):
    """An entry of ``ticker/price``."""

    symbol: Symbol
    price: Amount
    time: Millis = 0


class FundingRow(Struct, frozen=True, gc=False):
    """An entry of ``fundingRate``; markPrice is "" in old rows."""

    symbol: Symbol
    fundingRate: Signed
    fundingTime: Millis
    markPrice: Rate = 0.0


class TimeBody(Struct, frozen=True):
    """``time``."""

    serverTime: Millis


_klines = Decoder(tuple[KlineRow, ...], strict=False).decode
_agg_trades = Decoder(tuple[AggTradeRow, ...], strict=False).decode
_trades = Decoder(tuple[TradeRow, ...], strict=False).decode
_premium = Decoder(PremiumRow | tuple[PremiumRow, ...], strict=False).decode
_day_tickers = Decoder(DayTickerRow | tuple[DayTickerRow, ...], strict=False).decode
_book_tickers = Decoder(BookTickerRow | tuple[BookTickerRow, ...], strict=False).decode
_prices = Decoder(PriceRow | tuple[PriceRow, ...], strict=False).decode
_fundings = Decoder(tuple[FundingRow, ...], strict=False).decode
_depth = Decoder(DepthBody, strict=False).decode
_open_interest = Decoder(OpenInterestBody, strict=False).decode
_exchange_info = Decoder(ExchangeInfoBody, strict=False).decode
_time = Decoder(TimeBody, strict=False).decode


def _parsed(
    raw: bytes, decoder: Callable[[bytes], Any], convert: Callable[[Any], Value]
) -> Value | BadBody:
    try:
        return convert(decoder(raw))
    except (ValueError, ArithmeticError, RecursionError) as error:
        return BadBody(str(error)[:200], bytes(raw[:200]).decode("utf-8", "replace"))


def _rows(body: Any) -> tuple[Any, ...]:
    return body if isinstance(body, tuple) else (body,)


def parse_klines(
    raw: bytes, *, symbol: str, interval: str, now_ms: int
) -> tuple[Candle, ...] | BadBody:
    """Candles, oldest first; ``closed`` when the bar ended before ``now_ms``.

    ``event_time`` is the last millisecond of a closed bar and ``now_ms`` otherwise,
    so that a bar from a stream, which is sent later, wins over the same bar here.
    """

    def candle(row: KlineRow) -> Candle:
        if not (row.low <= row.open <= row.high and row.low <= row.close <= row.high):
            raise ValueError(f"bar {row.open_time} contradicts itself")
        closed = row.close_time < now_ms
        return Candle(
            symbol, interval, row.open_time, row.close_time, row.open, row.high,
            row.low, row.close, row.volume, row.quote_volume, row.trades,
            row.taker_base, row.taker_quote, closed,
            row.close_time if closed else now_ms,
        )  # fmt: skip

    return _parsed(raw, _klines, lambda rows: tuple(map(candle, rows)))


def parse_depth(raw: bytes, *, symbol: str) -> BookSnapshot | BadBody:
    """The book of a symbol, best levels first."""
    return _parsed(
        raw,
        _depth,
        lambda body: BookSnapshot(
            symbol, body.lastUpdateId, body.bids, body.asks, body.T
        ),
    )


def parse_agg_trades(raw: bytes, *, symbol: str) -> tuple[Trade, ...] | BadBody:
    """Aggregated trades, oldest first; ``event_time`` is the trade's time."""

    def trade(row: AggTradeRow) -> Trade:
        return Trade(
            symbol, row.a, row.f, row.l, row.p, row.q, row.m, row.T, row.T,
            aggregated=True,
        )  # fmt: skip

    return _parsed(raw, _agg_trades, lambda rows: tuple(map(trade, rows)))


def parse_trades(raw: bytes, *, symbol: str) -> tuple[Trade, ...] | BadBody:
    """Single trades, oldest first; ``event_time`` is the trade's time."""

    def trade(row: TradeRow) -> Trade:
        return Trade(
            symbol, row.id, row.id, row.id, row.price, row.qty, row.isBuyerMaker,
            row.time, row.time, aggregated=False,
        )  # fmt: skip

    return _parsed(raw, _trades, lambda rows: tuple(map(trade, rows)))


def parse_premium_index(raw: bytes) -> tuple[Mark, ...] | BadBody:
    """Mark prices of one symbol or of all."""
    return _parsed(
        raw,
        _premium,
        lambda body: tuple(
            Mark(
                row.symbol, row.markPrice, row.indexPrice, rate(row.lastFundingRate),
                row.nextFundingTime, row.time,
            )
            for row in _rows(body)
            if row.markPrice > 0.0
        ),
    )  # fmt: skip


def parse_day_tickers(raw: bytes) -> tuple[Ticker, ...] | BadBody:
    """Rolling 24 hours of one symbol or of all."""
    return _parsed(
        raw,
        _day_tickers,
        lambda body: tuple(
            Ticker(
                row.symbol, row.lastPrice, row.openPrice, row.highPrice, row.lowPrice,
                row.volume, row.quoteVolume, row.priceChangePercent, row.closeTime,
            )
            for row in _rows(body)
            if row.lastPrice > 0.0 and row.lowPrice <= row.highPrice
        ),
    )  # fmt: skip


def parse_book_tickers(raw: bytes) -> tuple[Quote, ...] | BadBody:
    """Best bid and ask of one symbol or of all."""
    return _parsed(
        raw,
        _book_tickers,
        lambda body: tuple(
            Quote(
                row.symbol, row.bidPrice, row.bidQty, row.askPrice, row.askQty,
                row.lastUpdateId, row.time, row.time,
            )
            for row in _rows(body)
            if row.bidPrice > 0.0 and row.askPrice > 0.0
        ),
    )  # fmt: skip


def parse_prices(raw: bytes) -> tuple[LastPrice, ...] | BadBody:
    """Last prices of one symbol or of all."""
    return _parsed(
        raw,
        _prices,
        lambda body: tuple(
            LastPrice(row.symbol, row.price, row.time)
            for row in _rows(body)
            if row.price > 0.0
        ),
    )


def parse_funding_rates(raw: bytes) -> tuple[Funding, ...] | BadBody:
    """Past funding payments, oldest first; ``mark`` is 0 where it was not kept."""
    return _parsed(
        raw,
        _fundings,
        lambda rows: tuple(
            Funding(row.symbol, row.fundingRate, row.fundingTime, rate(row.markPrice))
            for row in rows
        ),
    )


def parse_open_interest(raw: bytes) -> OpenInterest | BadBody:
    """Open interest of a symbol."""
    return _parsed(
        raw,
        _open_interest,
        lambda body: OpenInterest(body.symbol, body.openInterest, body.time),
    )


def parse_exchange_info(raw: bytes) -> ExchangeInfo | BadBody:
    """All instruments with their rules, and the exchange's rate limits."""
    return _parsed(raw, _exchange_info, lambda body: body.exchange_info())


def parse_time(raw: bytes) -> int | BadBody:
    """The exchange's clock, milliseconds since the epoch."""
    return _parsed(raw, _time, lambda body: int(body.serverTime))
