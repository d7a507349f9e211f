"""The body of ``exchangeInfo``: instruments with their filters, and rate limits.

Field names are the wire's. Amounts are exact Decimals. Filters carry different keys
by type, and some recorders write null for absent ones, so each filter is read as one
struct of optional keys. ``pricePrecision`` is not the tick and is not read.

Source: binance-connector-python 18.1 models, captured bodies of 2021, 2024 and 2026.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import TypeVar

from msgspec import Raw, Struct
from msgspec.json import Decoder

from market.binance.wire import Millis, Symbol, Text, finite
from market.domain.types import ExchangeInfo, Instrument, MarketEvent, RateLimit

_INTERVAL_SECONDS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}
_ZERO = Decimal(0)
_SHOWN = 60

Value = TypeVar("Value")


class Filter(Struct, frozen=True):
    """One filter; keys of other filter types are None."""

    filterType: Text
    minPrice: Decimal | None = None
    maxPrice: Decimal | None = None
    tickSize: Decimal | None = None
    minQty: Decimal | None = None
    maxQty: Decimal | None = None
    stepSize: Decimal | None = None
    notional: Decimal | None = None
    minNotional: Decimal | None = None


_NO_FILTER = Filter("")


class SymbolRow(Struct, frozen=True):
    """An entry of ``symbols``; spot has no pair, contract or delivery."""

    symbol: Symbol
    status: Text
    baseAsset: Text
    quoteAsset: Text
    filters: tuple[Filter, ...]
    pair: Text | None = None
    contractType: Text | None = None
    marginAsset: Text | None = None
    onboardDate: Millis | None = None
    deliveryDate: Millis | None = None

    def instrument(self) -> Instrument:
        """Return the instrument; raises ValueError for rules that are not finite."""
        by_type = {rule.filterType: rule for rule in self.filters}
        price = by_type.get("PRICE_FILTER", _NO_FILTER)
        lot = by_type.get("LOT_SIZE", _NO_FILTER)
        market = by_type.get("MARKET_LOT_SIZE", _NO_FILTER)
        notional = by_type.get("MIN_NOTIONAL", by_type.get("NOTIONAL", _NO_FILTER))
        rules = {
            "tick_size": price.tickSize,
            "min_price": price.minPrice,
            "max_price": price.maxPrice,
            "step_size": lot.stepSize,
            "min_quantity": lot.minQty,
            "max_quantity": lot.maxQty,
            "market_step_size": market.stepSize,
            "max_market_quantity": market.maxQty,
            "min_notional": notional.notional or notional.minNotional,
        }
        finite(*rules.values())
        return Instrument(
            symbol=self.symbol,
            pair=self.pair or self.symbol,
            contract_type=self.contractType or "SPOT",
            status=self.status,
            base=self.baseAsset,
            quote=self.quoteAsset,
            margin_asset=self.marginAsset or self.quoteAsset,
            onboard_time=self.onboardDate or 0,
            delivery_time=self.deliveryDate or 0,
            **{name: value or _ZERO for name, value in rules.items()},
        )


class RateLimitRow(Struct, frozen=True):
    """An entry of ``rateLimits``."""

    rateLimitType: Text
    interval: Text
    intervalNum: int
    limit: int

    def rate_limit(self) -> RateLimit:
        """Return the limit; raises ValueError for an interval never heard of."""
        if self.interval not in _INTERVAL_SECONDS:
            raise ValueError(f"rate limit interval {self.interval!r} is not known")
        seconds = _INTERVAL_SECONDS[self.interval] * self.intervalNum
        return RateLimit(self.rateLimitType, seconds, self.limit)


class ExchangeInfoBody(Struct, frozen=True):
    """``exchangeInfo``; entries are read one by one, so that a contract of a new
    kind does not hide all the others."""

    symbols: tuple[Raw, ...]
    rateLimits: tuple[Raw, ...] = ()
    serverTime: Millis = 0

    def exchange_info(self) -> ExchangeInfo:
        """Return what could be understood; the rest is named in ``rejected``."""
        rejected: list[str] = []
        limits = _understood(self.rateLimits, _rate_limit, rejected)
        instruments = _understood(self.symbols, _instrument, rejected)
        return ExchangeInfo(self.serverTime, limits, instruments, tuple(rejected))

    def events(self, stream: str, received_ms: int) -> tuple[MarketEvent, ...]:
        return (self.exchange_info(),)


_symbol_row = Decoder(SymbolRow, strict=False).decode
_rate_limit_row = Decoder(RateLimitRow, strict=False).decode


def _instrument(raw: Raw) -> Instrument:
    return _symbol_row(raw).instrument()


def _rate_limit(raw: Raw) -> RateLimit:
    return _rate_limit_row(raw).rate_limit()


def _understood(
    entries: tuple[Raw, ...], convert: Callable[[Raw], Value], rejected: list[str]
) -> tuple[Value, ...]:
    values: list[Value] = []
    for raw in entries:
        try:
            values.append(convert(raw))
        except (ValueError, ArithmeticError) as error:
            beginning = bytes(raw)[:_SHOWN].decode("utf-8", "replace")
            rejected.append(f"{error}: {beginning}")
    return tuple(values)
