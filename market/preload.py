"""Loading history at once: bars, and on request books and trades.

Everything is paid from the one request budget; what fails is listed, asked again a
few times, and never stops the rest.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from market.backfill import Backfill, Pair
from market.binance.rest import BinanceRestClient, RestError, RestGarbled
from market.binance.rest_schemas import BadBody, parse_depth, parse_trades
from market.binance.weights import depth_weight
from market.domain.types import BookSnapshot, Candle, Trade

log = logging.getLogger(__name__)

CONCURRENCY = 20
# More work in hand than requests on the way: an answer is read while others travel.
LANES = 2 * CONCURRENCY
ROUNDS = 3
PAUSE_SECONDS = 2.0
SHOW_SECONDS = 0.1
BOOK_LEVELS = 20
TRADES = 500
TRADES_WEIGHT = 5

# What is loaded, how much of it is done, how much there is.
Show = Callable[[str, int, int], None]
Store = Callable[[Sequence[Candle]], Awaitable[int]]


@dataclass
class Loaded:
    """What was loaded: ``found`` counts bars, levels or trades."""

    planned: int = 0
    found: int = 0
    failed: dict[str, str] = field(default_factory=dict)


class Batches:
    """Stores what several callers bring at the same time in one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[Sequence[Candle], asyncio.Future[int]]] = []
        self._job: asyncio.Task[None] | None = None

    async def store(self, candles: Sequence[Candle]) -> int:
        """Return how many were stored, once they are; raises what storing raised."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((candles, future))
        if self._job is None or self._job.done():
            self._job = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await self._store([c for candles, _ in batch for c in candles])
            except Exception as error:  # told to every caller, who decides
                for _, future in batch:
                    future.set_exception(error)
            else:
                for candles, future in batch:
                    future.set_result(len(candles))


class Preload:
    """Loads from one venue over ``rest``; ``show`` hears of the progress."""

    def __init__(
        self,
        rest: BinanceRestClient,
        *,
        show: Show = lambda what, done, planned: None,
        lanes: int = LANES,
        pause: float = PAUSE_SECONDS,
    ) -> None:
        self._rest = rest
        self._show = show
        self._lanes = lanes
        self._pause = pause

    async def bars(
        self,
        pairs: Sequence[Pair],
        count: int,
        *,
        store: Store,
        stored: Mapping[Pair, Sequence[int]],
        first: Iterable[str] = (),
    ) -> Loaded:
        """Fetch and store the last ``count`` closed bars that are not in ``stored``.

        ``stored`` holds open times in ms. Raises what ``store`` raised.
        """
        backfill = Backfill(
            self._rest,
            Batches(store).store,
            history_bars=count,
            concurrency=self._lanes,
        )
        now_ms = self._rest.server_now_ms
        for pair in pairs:
            backfill.learn(pair, stored.get(pair, ()), now_ms())
        watch = asyncio.create_task(self._watch(backfill))
        try:
            for number in range(ROUNDS):
                if number:
                    await asyncio.sleep(self._pause)
                await backfill.fill(now_ms, first, "preload")
                if not backfill.failed:
                    break
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        done = len(pairs) - len(backfill.failed)
        self._show("series", done, len(pairs))
        failed = {" ".join(pair): text for pair, text in backfill.failed.items()}
        return Loaded(len(pairs), backfill.filled, failed)

    async def _watch(self, backfill: Backfill) -> None:
        while True:
            self._show("series", backfill.done, backfill.planned)
            await asyncio.sleep(SHOW_SECONDS)

    async def books(self, symbols: Sequence[str]) -> Loaded:
        """Fetch the order book of each symbol; ``found`` counts its levels."""

        async def fetch(symbol: str) -> int:
            book = await self.book(symbol)
            return len(book.bids) + len(book.asks)

        return await self._each("books", symbols, fetch)

    async def trades(self, symbols: Sequence[str]) -> Loaded:
        """Fetch the newest trades of each symbol."""

        async def fetch(symbol: str) -> int:
            return len(await self.trades_of(symbol))

        return await self._each("trades", symbols, fetch)

    async def book(self, symbol: str) -> BookSnapshot:
        """Return 20 levels of each side; raises ``RestError``."""
        raw = await self._rest.get_raw(
            "/fapi/v1/depth",
            weight=depth_weight(BOOK_LEVELS),
            symbol=symbol,
            limit=BOOK_LEVELS,
        )
        book = parse_depth(raw, symbol=symbol)
        if isinstance(book, BadBody):
            raise RestGarbled(f"book of {symbol}: {book.reason}", 200)
        return book

    async def trades_of(self, symbol: str) -> tuple[Trade, ...]:
        """Return the newest trades, oldest first; raises ``RestError``."""
        raw = await self._rest.get_raw(
            "/fapi/v1/trades", weight=TRADES_WEIGHT, symbol=symbol, limit=TRADES
        )
        trades = parse_trades(raw, symbol=symbol)
        if isinstance(trades, BadBody):
            raise RestGarbled(f"trades of {symbol}: {trades.reason}", 200)
        return trades

    async def _each(
        self,
        what: str,
        symbols: Sequence[str],
        fetch: Callable[[str], Awaitable[int]],
    ) -> Loaded:
        slots = asyncio.Semaphore(self._lanes)
        loaded = Loaded(len(symbols))
        done: set[str] = set()

        async def one(symbol: str) -> None:
            async with slots:
                try:
                    count = await fetch(symbol)
                except RestError as error:
                    loaded.failed[symbol] = str(error)
                    return
            loaded.found += count
            done.add(symbol)
            loaded.failed.pop(symbol, None)
            self._show(what, len(done), len(symbols))

        for number in range(ROUNDS):
            if number:
                await asyncio.sleep(self._pause)
            await asyncio.gather(*[one(s) for s in symbols if s not in done])
            if not loaded.failed:
                break
        return loaded
