"""Order books kept from diffs, and the line in which they wait for their snapshots."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from core.cancellation import checkpoint
from core.clock import Clock
from market.binance.events import Tell
from market.binance.rest import BinanceRestClient, RestError
from market.binance.rest_schemas import BadBody, parse_depth
from market.binance.streams import Route
from market.binance.weights import depth_weight
from market.domain.items import BOOK_LEVELS
from market.domain.kept_book import KeptBook, Loss
from market.domain.state import MarketState
from market.domain.types import BookDelta, BookTop, Quote

log = logging.getLogger(__name__)

# Levels of each side; prices seldom leave them between two snapshots.
SNAPSHOT_LEVELS = 1000
# At once; more would only wait for the weight budget side by side.
SNAPSHOTS_AT_ONCE = 4
# Quotes and diffs older than this prove nothing about each other.
FRESH_MS = 2_000
# Symbols that an event names; the others are a number.
NAMED = 5


class Books:
    """The books of the symbols that ``wanted`` returns, in the order of importance.

    A book is shown by ``state`` while it is live and marked as soon as it is not. The
    one that was wanted first gets its snapshot first, of those wanted together the
    most important; every request is paid from the budget of ``rest``.
    """

    def __init__(
        self,
        rest: BinanceRestClient,
        state: MarketState,
        *,
        clock: Clock,
        wanted: Callable[[], Collection[str]],
        tell: Tell,
        depth: int = SNAPSHOT_LEVELS,
    ) -> None:
        self._rest = rest
        self._state = state
        self._clock = clock
        self._wanted = wanted
        self._tell = tell
        self._depth = depth
        self._books: dict[str, KeptBook] = {}
        self._shown: dict[str, int] = {}
        self._lost: set[str] = set()
        self._untold: dict[Loss, list[str]] = {}
        self._called = asyncio.Event()
        self.losses: Counter[Loss] = Counter()
        self.snapshots = 0
        self.failed = 0
        self.rebuilt = 0

    def take(self, delta: BookDelta, received_ms: int) -> None:
        """Take the next diff of a stream; what is not wanted is left alone."""
        book = self._books.get(delta.symbol)
        if book is not None:
            self._note(book, book.take(delta, received_ms, self._clock.monotonic()))

    def step(self) -> None:
        """Follow what is wanted, doubt and show; to be called after every drain."""
        now = self._clock.monotonic()
        self._follow(self._wanted(), now)
        due = False
        for book in self._books.values():
            self._note(book, book.compare(self._fresh_quote(book), now))
            self._show(book, now)
            due = due or book.due(now)
        if due:
            self._called.set()
        self._tell_losses()

    async def run(self) -> None:
        """Fetch the snapshots that are due until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(SNAPSHOTS_AT_ONCE):
                group.create_task(self._fetch_forever())

    def book(self, symbol: str) -> KeptBook | None:
        """Return the book of a symbol, None when it is not wanted."""
        return self._books.get(symbol)

    def report(self) -> dict[str, Any]:
        """Return how many books are live or wait, and what happened so far."""
        live = sum(book.live for book in self._books.values())
        return {
            "wanted": len(self._books),
            "live": live,
            "waiting": len(self._books) - live,
            "asking": sum(book.asking for book in self._books.values()),
            "snapshots": self.snapshots,
            "snapshots_failed": self.failed,
            "gaps": self.losses[Loss.GAP],
            "crossed": self.losses[Loss.CROSSED],
            "disagreed": self.losses[Loss.DISAGREES],
            "exhausted": self.losses[Loss.EXHAUSTED],
            "rebuilds": self.rebuilt,
        }

    # -- one step ---------------------------------------------------------------

    def _follow(self, wanted: Collection[str], now: float) -> None:
        for symbol in self._books.keys() - set(wanted):
            del self._books[symbol]
            self._shown.pop(symbol, None)
            self._lost.discard(symbol)
            self._state.doubt_book(symbol)
        for symbol in wanted:
            if symbol not in self._books:
                self._books[symbol] = KeptBook(symbol, depth=self._depth, now=now)

    def _fresh_quote(self, book: KeptBook) -> Quote | None:
        """The symbol's best prices, if they and the book's diffs are of just now."""
        record = self._state.records.get(book.symbol)
        if record is None or record.quote is None:
            return None
        oldest = min(record.accepted.get(Quote, 0), book.heard_ms)
        return record.quote if self._clock.now_ms() - oldest <= FRESH_MS else None

    def _show(self, book: KeptBook, now: float) -> None:
        if book.live and self._shown.get(book.symbol) == book.last_id:
            return
        top = book.top(BOOK_LEVELS, now)
        if isinstance(top, BookTop):
            self.rebuilt += book.symbol in self._lost
            self._lost.discard(book.symbol)
            self._shown[book.symbol] = top.last_id
            self._state.apply(top, book.heard_ms)
            return
        self._note(book, top)
        if self._shown.pop(book.symbol, None) is not None:
            self._state.doubt_book(book.symbol)

    # -- losses -----------------------------------------------------------------

    def _note(self, book: KeptBook, loss: Loss | None) -> None:
        if loss is not None:
            self.losses[loss] += 1
            self._lost.add(book.symbol)
            self._untold.setdefault(loss, []).append(book.symbol)

    def _tell_losses(self) -> None:
        """One event per cause: a lost connection breaks every chain at once."""
        untold, self._untold = self._untold, {}
        for loss, symbols in untold.items():
            names = ", ".join(symbols[:NAMED])
            more = len(symbols) - NAMED
            others = f" and {more} more" if more > 0 else ""
            reason = f"{names}{others}: {loss}"
            log.warning("order books are built anew: %s", reason)
            self._tell("books", "book_rebuilt", reason, Route.PUBLIC)

    # -- snapshots --------------------------------------------------------------

    async def _fetch_forever(self) -> None:
        while True:
            await self._called.wait()
            book = self._first_due()
            if book is None:
                self._called.clear()
                continue
            await self._fetch(book)
            checkpoint()

    def _first_due(self) -> KeptBook | None:
        now = self._clock.monotonic()
        due = (book for book in self._books.values() if book.due(now))
        return min(due, key=lambda book: book.since, default=None)

    async def _fetch(self, book: KeptBook) -> None:
        book.asked()
        try:
            raw = await self._rest.get_raw(
                "/fapi/v1/depth",
                weight=depth_weight(self._depth),
                symbol=book.symbol,
                limit=self._depth,
            )
            snapshot = parse_depth(raw, symbol=book.symbol)
            if isinstance(snapshot, BadBody):
                raise RestError(f"not understood: {snapshot.reason}")
        except RestError as error:
            self.failed += 1
            book.failed(self._clock.monotonic())
            log.warning("no snapshot of %s's book: %s", book.symbol, error)
            return
        self.snapshots += 1
        book.load(snapshot, self._clock.monotonic())
