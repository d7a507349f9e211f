"""The market side of the exchange put together: prices, trades, bars, books, marks."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from market.simulator.bars import BarHistory
from market.simulator.book import DEPTH, Book, BookMaker
from market.simulator.clock import SimClock
from market.simulator.config import SimulatorSettings
from market.simulator.derivatives import Derivatives, Marks
from market.simulator.hashing import Ints
from market.simulator.intervals import DAY, MINUTE
from market.simulator.live import LiveMarket, Moment
from market.simulator.prices import PricePaths
from market.simulator.regimes import Regime, Shock, ShockList, demanded_shock
from market.simulator.symbols import Symbol, list_symbols
from market.simulator.trades import TradeTape

SLOT_MS = 50


class Exchange:
    """State of the market at the last slot, and its history.

    A slot is 50 ms of real time. ``state_dir`` keeps what must survive a restart.
    """

    def __init__(
        self, settings: SimulatorSettings, clock: SimClock, state_dir: Path | None
    ) -> None:
        seed = settings.seed
        self.settings = settings
        self.clock = clock
        self.slot_ms = max(1, int(SLOT_MS * settings.speed))
        self.symbols = list_symbols(
            seed=seed, speed=settings.speed, count=settings.symbols
        )
        self.by_name = {symbol.name: symbol for symbol in self.symbols}
        # Of contracts that do not trade (any more), by symbol.
        self.statuses: dict[str, str] = {}
        self.shocks = ShockList(state_dir / "shocks.json" if state_dir else None)
        self.paths = PricePaths(seed, self.symbols, self.shocks)
        self.tape = TradeTape(seed, self.symbols, self.paths)
        self.bars = BarHistory(self.tape)
        self.live = LiveMarket(self.symbols, self.tape, self.bars)
        self.books = BookMaker(seed, self.symbols)
        self.derivatives = Derivatives(seed, self.symbols, self.paths)
        self.previous_slot = 0
        self.slot = 0
        self.step(clock.market_ms() // self.slot_ms)

    def step(self, slot: int) -> Moment:
        """Move the market to a slot."""
        self.previous_slot = self.slot or slot - 1
        self.slot = slot
        self.moment = self.live.step(slot * self.slot_ms)
        bid_sizes, ask_sizes = self.books.tops(slot, self.moment.bids, self.moment.asks)
        self.tops = np.column_stack(
            (self.moment.bids, bid_sizes, self.moment.asks, ask_sizes)
        )
        return self.moment

    def due(self, every: int, phase: int = 0) -> bool:
        """Whether a multiple of ``every`` slots was reached by the last step."""
        now, before = self.slot + phase, self.previous_slot + phase
        return now // every != before // every

    def due_by_rank(self, every: int) -> npt.NDArray[np.bool_]:
        """The same with each symbol's rank as phase, which spreads the frames."""
        ranks = np.arange(len(self.symbols))
        now, before = self.slot + ranks, self.previous_slot + ranks
        due: npt.NDArray[np.bool_] = now // every != before // every
        return due

    def book(self, symbol: Symbol, depth: int = DEPTH) -> Book:
        """The book of the present slot."""
        rank, moment = symbol.rank, self.moment
        bid, ask = int(moment.bids[rank]), int(moment.asks[rank])
        return self.books.book(symbol, self.slot, bid, ask, depth)

    def book_at(self, symbol: Symbol, slot: int) -> Book:
        """The book of any slot."""
        bid = self.bid_at(symbol, slot)
        ask = bid + symbol.spread_ticks * symbol.tick_units
        return self.books.book(symbol, slot, bid, ask)

    def bid_at(self, symbol: Symbol, slot: int) -> int:
        """Best bid at any slot, in units."""
        time_ms = slot * self.slot_ms
        minute = time_ms // MINUTE
        trades = self.tape.minute(symbol, minute)
        count = int(np.searchsorted(trades.times, time_ms, side="right"))
        if count == 0:
            return int(self.tape.minute(symbol, minute - 1).bids[-1])
        return int(trades.bids[count - 1])

    def marks(self) -> Marks:
        return self.derivatives.at(self.moment.time_ms)

    def day_bars(self) -> Ints:
        return self.live.day_bars(self.moment)

    def demand(self, kind: str) -> Shock:
        """A CRASH or RALLY from the next minute on."""
        shock = demanded_shock(kind, now_ms=self.moment.time_ms)
        self.shocks.add(shock)
        minute = shock.start_ms // MINUTE
        self.paths.forget_from(shock.start_ms // DAY)
        self.live.forget_from(minute)
        return shock

    def regime(self) -> Regime:
        now = self.moment.time_ms
        return self.shocks.active_kind(now) or self.paths.regime(now // DAY)
