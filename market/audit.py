"""The periodic audit: stored bars against the exchange's own, series by series.

Streams can be wrong without being silent. A few series at a time are read from REST,
compared value by value and repaired where they differ; in half an hour every series
has had its turn at a weight of a few units a minute.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence

from market.backfill import Pair, Store
from market.binance.rest import BinanceRestClient, RestError
from market.binance.rest_schemas import BadBody, parse_klines
from market.domain.types import Candle

log = logging.getLogger(__name__)

# 99 bars cost the exchange's smallest weight.
BARS = 99
SERIES_AT_ONCE = 5

Read = Callable[[Pair, int], Awaitable[dict[int, tuple[float, ...]]]]


def values(candle: Candle) -> tuple[float, ...]:
    """Return what is compared: open, high, low, close, volume and trades."""
    return (
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
        float(candle.trades),
    )


class Audit:
    """Goes round all series; ``read`` returns stored values by open time."""

    def __init__(self, rest: BinanceRestClient, read: Read, store: Store) -> None:
        self._rest = rest
        self._read = read
        self._store = store
        self._turn: list[Pair] = []
        self.series = 0
        self.bars = 0
        self.repaired = 0

    async def step(self, pairs: Sequence[Pair], now_ms: int) -> int:
        """Audit the next few of ``pairs`` and return how many bars were repaired.

        Raises ``RestError``; the series then keeps its turn.
        """
        known = set(pairs)
        self._turn = [pair for pair in self._turn if pair in known] or list(pairs)
        repaired = 0
        for pair in self._turn[:SERIES_AT_ONCE]:
            repaired += await self._one(pair, now_ms)
            self._turn.remove(pair)
        return repaired

    async def _one(self, pair: Pair, now_ms: int) -> int:
        symbol, interval = pair
        raw = await self._rest.klines(symbol, interval, limit=BARS)
        bars = parse_klines(raw, symbol=symbol, interval=interval, now_ms=now_ms)
        if isinstance(bars, BadBody):
            raise RestError(f"klines of {symbol} {interval}: {bars.reason}")
        closed = [bar for bar in bars if bar.closed]
        if not closed:
            return 0
        stored = await self._read(pair, closed[0].open_time)
        # A bar that is not stored is a gap, which the ledger takes care of.
        wrong = [
            bar
            for bar in closed
            if bar.open_time in stored and stored[bar.open_time] != values(bar)
        ]
        self.series += 1
        self.bars += len(closed)
        if wrong:
            log.error(
                "audit: %d stored bars of %s %s differ from the exchange, repaired",
                len(wrong),
                symbol,
                interval,
            )
            await self._store(wrong)
            self.repaired += len(wrong)
        return len(wrong)
