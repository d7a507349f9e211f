"""What a paper account sees of the market: the feed's snapshot in Redis.

The book is the one of a symbol that somebody looks at, so looking is declared; without it
the best prices of the book ticker stand for it. Nothing is told when the feed is gone or
a symbol's newest datum is old.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Protocol

from redis.asyncio import Redis as AsyncRedis

from accounts.domain.paper import PaperBook
from accounts.domain.paper_terms import Glance, Tick
from accounts.domain.rules import ZERO, SymbolRules
from core import redis as core_redis
from core import snapshot, wire
from core.clock import Clock
from core.errors import BusUnavailable
from market import services
from market.publisher import FEED, QUOTES, symbol_topic

log = logging.getLogger(__name__)

FEED_MS = 5_000
BOOK_MS = 10_000
QUOTE_MS = 60_000
LOOK_SECONDS = 60.0
# An exchange's clock that is set back further than this was really set.
STEP_BACK_MS = 10_000
DECLARE_MS = 20_000

Rules = Callable[[str], Awaitable[SymbolRules | None]]
Levels = tuple[tuple[Decimal, Decimal], ...]


class PaperMarket(Protocol):
    """What a paper gateway asks of the market."""

    def now_ms(self) -> int:
        """The exchange's time, as far as it is known."""

    async def rules(self, symbol: str) -> SymbolRules | None:
        """Return a symbol's rules; None: nobody trades it."""

    async def watch(self, symbols: Iterable[str]) -> None:
        """Somebody needs the books and trades of these for the next minute."""

    async def glances(self, symbols: Iterable[str]) -> dict[str, Glance]:
        """Return what is known now; a symbol without prices is left out.

        Raises ``BusUnavailable``.
        """


class SnapshotMarket:
    """See ``PaperMarket``; one for all paper accounts of a venue."""

    def __init__(
        self, redis: "AsyncRedis", venue: str, *, rules: Rules, clock: Clock
    ) -> None:
        self._redis = redis
        self._venue = venue
        self._clock = clock
        self._rules = rules
        self._ahead_ms = 0
        self._latest = 0
        self._declared: dict[str, int] = {}

    def now_ms(self) -> int:
        """See ``PaperMarket``; does not go back when the feed is heard a little later."""
        now = self._clock.now_ms() + self._ahead_ms
        if not 0 < self._latest - now < STEP_BACK_MS:
            self._latest = now
        return self._latest

    async def rules(self, symbol: str) -> SymbolRules | None:
        """See ``PaperMarket``."""
        return await self._rules(symbol)

    async def watch(self, symbols: Iterable[str]) -> None:
        """See ``PaperMarket``; without Redis nobody would hear it."""
        now = self._clock.now_ms()
        for symbol in symbols:
            if now - self._declared.get(symbol, 0) < DECLARE_MS:
                continue
            try:
                await services.interest_declare(
                    self._redis,
                    venue=self._venue,
                    symbol=symbol,
                    seconds=LOOK_SECONDS,
                    now_ms=now,
                )
            except core_redis.UNAVAILABLE as error:
                log.warning("the book of %s is not asked for: %s", symbol, error)
                return
            self._declared[symbol] = now

    async def glances(self, symbols: Iterable[str]) -> dict[str, Glance]:
        """See ``PaperMarket``."""
        names = list(symbols)
        pipeline = self._redis.pipeline(transaction=False)
        snapshot.stage_read_one(pipeline, self._venue, FEED, "feed")
        for symbol in names:
            snapshot.stage_read_one(pipeline, self._venue, QUOTES, symbol)
            for item in ("book", "trades"):
                snapshot.stage_read_one(
                    pipeline, self._venue, symbol_topic(symbol), item
                )
        try:
            feed, *rest = await pipeline.execute()
        except core_redis.UNAVAILABLE as error:
            raise BusUnavailable(f"prices cannot be read: {error}") from error
        time = self._exchange_time(feed)
        if time is None:
            return {}
        found = {}
        for at, symbol in enumerate(names):
            glance = _glance(rest[3 * at : 3 * at + 3], time)
            if glance is not None:
                found[symbol] = glance
        return found

    def _exchange_time(self, raw: bytes | None) -> int | None:
        """Return the exchange's newest time; None when the feed tells nothing."""
        report = wire.decode(raw) if raw is not None else {}
        now = self._clock.now_ms()
        told, arrived = report.get("exchange_time"), report.get("data_at")
        if not told or not arrived or now - report.get("at", 0) > FEED_MS:
            return None
        self._ahead_ms = told - arrived
        return int(told)


def _glance(raws: Sequence[bytes | None], time: int) -> Glance | None:
    quote, book, trades = (None if raw is None else wire.decode(raw) for raw in raws)
    if quote is None or not quote["t"] or time - quote["t"] > QUOTE_MS:
        return None
    return Glance(
        book=_book(book, quote, time),
        last=_decimal(quote["p"]),
        mark=_decimal(quote["m"]),
        funding_rate=_decimal(quote["f"]),
        trades=_ticks(trades),
    )


def _book(book: dict[str, Any] | None, quote: dict[str, Any], time: int) -> PaperBook:
    """Return the live book, else the best prices alone."""
    if book is not None and book["live"] and time - book["t"] <= BOOK_MS:
        return PaperBook(_levels(book["bids"]), _levels(book["asks"]), book["t"])
    bid, ask = (quote["b"], quote["B"]), (quote["a"], quote["A"])
    return PaperBook(_levels([bid]), _levels([ask]), quote["t"])


def _levels(rows: Iterable[Sequence[float | None]]) -> Levels:
    return tuple(
        (price, quantity)
        for price, quantity in ((_decimal(p), _decimal(q)) for p, q in rows)
        if price is not None and quantity is not None and quantity > ZERO
    )


def _ticks(trades: dict[str, Any] | None) -> tuple[Tick, ...]:
    rows = [] if trades is None else trades["items"]
    return tuple(
        Tick(number, at, Decimal(str(price)), Decimal(str(quantity)))
        for number, at, price, quantity, _ in rows
    )


def _decimal(number: float | None) -> Decimal | None:
    """Return the digits that the number shows: prices were text before."""
    return None if number is None else Decimal(str(number))
