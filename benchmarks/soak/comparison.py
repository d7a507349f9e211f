"""The whole database and the tapes that were seen, compared with the exchange."""

from typing import Any

from benchmarks.soak import verify
from benchmarks.soak.exchange import Exchange
from benchmarks.soak.scale import INTERVALS
from benchmarks.soak.verify import Verdict
from benchmarks.soak.watch import VENUE, SeenTrades
from market import selectors
from market.domain.candles import INTERVAL_MS, bar_open


class Comparison:
    """What must be there since ``begun_ms`` of the exchange's time."""

    def __init__(self, exchange: Exchange, symbols: list[str], begun_ms: int) -> None:
        self._exchange = exchange
        self._symbols = symbols
        self._begun_ms = begun_ms

    def all_there(self, end_ms: int) -> bool:
        """Whether no bar is missing and no gap open; a cheap question."""
        if selectors.gap_totals(venue=VENUE)["open"]:
            return False
        for interval in INTERVALS:
            wanted = self._wanted(interval, end_ms)
            known = selectors.open_times_since(
                venue=VENUE, interval=interval, since=wanted.start
            )
            for symbol in self._symbols:
                if not set(wanted) <= set(known.get(symbol, ())):
                    return False
        return True

    def compare(self, end_ms: int, seen: SeenTrades) -> Verdict:
        """Compare every value of everything."""
        verdict = Verdict(duplicates=verify.bars_twice(VENUE))
        for interval in INTERVALS:
            for symbol in self._symbols:
                self._compare_bars(verdict, symbol, interval, end_ms)
        rows = verify.gap_rows(VENUE)
        verify.check_gaps(verdict, rows)
        self._compare_trades(verdict, seen, rows)
        return verdict

    def _wanted(self, interval: str, end_ms: int) -> range:
        """The bars that opened after the start and closed before the end."""
        step = INTERVAL_MS[interval]
        first = bar_open(self._begun_ms + step - 1, interval)
        return range(first, bar_open(end_ms, interval), step)

    def _compare_bars(
        self, verdict: Verdict, symbol: str, interval: str, end_ms: int
    ) -> None:
        wanted = self._wanted(interval, end_ms)
        stored = verify.bars_stored(VENUE, symbol, interval)
        first = min([*stored, wanted.start])
        last = max([*stored, wanted.stop])
        truth = self._exchange.bars(symbol, interval, first, last)
        verify.check_bars(verdict, f"{symbol} {interval}", stored, truth, wanted)

    def _compare_trades(
        self, verdict: Verdict, seen: SeenTrades, rows: list[dict[str, Any]]
    ) -> None:
        verdict.trades_wrong += seen.duplicates + seen.changed
        for (symbol, _), run in seen.runs.items():
            if not run:
                continue
            accounted = [
                (row["first"], row["last"])
                for row in rows
                if row["kind"] == "aggTrade" and row["symbol"] == symbol
            ]
            prints = self._exchange.trades(symbol, min(run), max(run))
            truth = {number: (p, q, maker) for number, p, q, maker in prints}
            verify.check_trades(verdict, symbol, run, truth, accounted)
