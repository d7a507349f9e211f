"""Prices that positions are valued by: from the live state, with their own times."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from accounts.domain.pnl import ORDER, Price, Source, Tolerance
from core.errors import BusUnavailable
from market import live

Prices = Mapping[Source, Price]
NOTHING: Prices = {}


@dataclass(frozen=True)
class Market:
    """All prices at one moment.

    ``now_ms`` is the exchange's time, which ages are counted by. ``problem``: why there
    are no prices at all, empty otherwise.
    """

    now_ms: int
    prices: Mapping[str, Prices] = field(default_factory=dict)
    problem: str = ""

    def of(self, symbol: str) -> Prices:
        """Return the prices of a symbol by source; empty when none is known."""
        return self.prices.get(symbol, NOTHING)


def market(venue: str) -> Market:
    """Return the prices of every symbol that is followed; never raises."""
    now_ms = live.exchange_now(venue)
    try:
        quotes = live.quotes(venue)
    except BusUnavailable as error:
        return Market(now_ms, problem=str(error))
    found = {symbol: prices_of(quote) for symbol, quote in quotes.items()}
    return Market(now_ms, found, "" if found else "the feed has not told any price yet")


def prices_of(quote: Mapping[str, Any]) -> Prices:
    """Return the prices of a quote item: mark, last trade, middle of bid and ask.

    Floats are taken as the digits that they are written with.
    """
    at = quote.get("t") or 0
    mark_late, last_late, mid_late = quote.get("s") or (None, None, None)
    bid, ask = _exact(quote.get("b")), _exact(quote.get("a"))
    mid = (bid + ask) / 2 if bid and ask else None
    readings: tuple[tuple[Source, Decimal | None, int | None], ...] = (
        ("mark", _exact(quote.get("m")), mark_late),
        ("last", _exact(quote.get("p")), last_late),
        ("mid", mid, mid_late),
    )
    return {
        source: Price(value, at - late)
        for source, value, late in readings
        if value is not None and late is not None and at
    }


def source_health(
    market: Market, symbols: Iterable[str], tolerance: Tolerance
) -> dict[str, dict[str, Any]]:
    """Return per source how many of the symbols it prices, how many freshly, and the
    age of its oldest and newest price in seconds.
    """
    wanted = sorted(set(symbols))
    health: dict[str, dict[str, Any]] = {}
    for source in ORDER:
        ages = [
            (market.now_ms - price.at) / 1000
            for symbol in wanted
            if (price := market.of(symbol).get(source)) is not None
        ]
        fresh = sum(age <= tolerance.age_seconds for age in ages)
        health[source] = {
            "symbols": len(wanted),
            "priced": len(ages),
            "fresh": fresh,
            "newest_age_seconds": min(ages, default=None),
            "oldest_age_seconds": max(ages, default=None),
            "healthy": fresh == len(wanted),
        }
    return health


def _exact(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))
