"""Scans of one venue: which are due, the judging of each symbol, what is stored."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from core.clock import now_ms
from market import live, selectors, signal_selectors, signal_services
from market.bar_memory import BarMemory
from market.config import MarketSettings, ScanSettings
from market.domain.candles import INTERVAL_MS, bar_open
from market.indicators import EliteTechnicalEngine
from market.models import Scan, Signal
from market.scanner.calibration import bin_of
from market.scanner.evidence import evidence
from market.scanner.scan import Judgement, QuoteValues, Unfit, check, judge
from market.scanner.weights import Weights

log = logging.getLogger(__name__)

# A scan at a close waits at most so long for the last of the bars, exchange time.
CLOSE_WAIT_MS = 5_000
# What closed before the start may never be whole: it is asked for so often, exchange time.
CATCH_UP_MS = 2_000
TELL_EVERY = 20
PRUNE_SECONDS = 3_600.0
DAY_MS = 86_400_000

Settle = Callable[[str], object]


@dataclass
class _Work:
    """One scan under way: what it looks at and what came of it."""

    row: Scan
    symbols: list[str]
    expected_open: int
    judged: list[Judgement] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def done(self) -> int:
        return len(self.judged) + len(self.failed)


class Scanner:
    """Does the scans of one venue; ``look`` a few times a second, from one thread.

    ``settle`` is called with the venue after each scan at a close. ``catch_up``: what
    closed before this scanner began is scanned too, where no other did.
    """

    def __init__(
        self,
        venue: str,
        *,
        market: MarketSettings,
        scan: ScanSettings,
        engine: EliteTechnicalEngine,
        exchange_now: Callable[[str], int] = live.exchange_now,
        settle: Settle = lambda venue: None,
        catch_up: bool = False,
    ) -> None:
        self._venue = venue
        self._market = market
        self._settings = scan
        self._engine = engine
        self._exchange_now = exchange_now
        self._settle = settle
        self._memory = BarMemory(venue, scan.bars)
        self._pruned_at = -PRUNE_SECONDS
        now = exchange_now(venue)
        self._scanned = {each: bar_open(now, each) for each in market.intervals}
        self._unseen = set(market.intervals) if catch_up else set()
        self._catch_up_at = 0

    def look(self) -> None:
        """Do what is due: what people asked for, then bars that closed."""
        for row in signal_selectors.scans_waiting(venue=self._venue):
            self._do(row)
        now = self._exchange_now(self._venue)
        for interval in self._market.intervals:
            boundary = bar_open(now, interval)
            if boundary > self._scanned[interval] and self._is_due(
                interval, boundary, now
            ):
                self._scanned[interval] = boundary
                self._unseen.discard(interval)
                self._do(self._new("close", interval, boundary))
                self._settle(self._venue)
        if self._unseen and now >= self._catch_up_at:
            self._catch_up_at = now + CATCH_UP_MS
            self._catch_up(now)
        self._prune()

    def _catch_up(self, now: int) -> None:
        """Scan what closed before this scanner began, once all of it is stored."""
        for interval in sorted(self._unseen):
            boundary = bar_open(now, interval)
            if signal_selectors.close_scanned(
                venue=self._venue, interval=interval, boundary=boundary
            ):
                self._unseen.discard(interval)
            elif self._is_whole(interval, boundary):
                self._unseen.discard(interval)
                self._do(self._new("start", interval, boundary))

    def _followed(self) -> list[str]:
        return [row.symbol for row in selectors.instruments(venue=self._venue)]

    def _is_due(self, interval: str, boundary: int, now: int) -> bool:
        """Whether every bar is stored, or has been waited for long enough."""
        return now >= boundary + CLOSE_WAIT_MS or self._is_whole(interval, boundary)

    def _is_whole(self, interval: str, boundary: int) -> bool:
        """Whether every bar that closed then is stored."""
        closed = boundary - INTERVAL_MS[interval]
        stored = signal_selectors.closes_stored(
            venue=self._venue, interval=interval, open_time=closed
        )
        return stored >= len(self._followed()) > 0

    def _new(self, trigger: str, interval: str, boundary: int) -> Scan:
        return Scan.objects.create(
            venue=self._venue,
            interval=interval,
            trigger=trigger,
            requested_at=now_ms(),
            boundary=boundary,
            total_symbols=len(self._followed()),
            min_score=self._settings.store_score,
        )

    def _do(self, row: Scan) -> None:
        if not signal_services.scan_begin(scan=row, now_ms=now_ms()):
            return
        began = time.perf_counter()
        step = INTERVAL_MS[row.interval]
        now = self._exchange_now(self._venue)
        boundary = row.boundary or bar_open(now, row.interval)
        work = _Work(row, row.symbols or self._followed(), boundary - step)
        self._memory.read(row.interval, work.symbols, boundary)
        if row.boundary is None:
            self._look_at_what_is_there(work, now, step)
        finished = self._judge_all(work, step)
        elapsed = time.perf_counter() - began
        if finished:
            self._finish(work, elapsed)
        else:
            signal_services.scan_end(
                scan=row, state="cancelled", elapsed_seconds=elapsed, done=work.done
            )

    def _look_at_what_is_there(self, work: _Work, now: int, step: int) -> None:
        """Around a close, bars may be stored later, or earlier, than our clock says."""
        newest = self._memory.newest(work.symbols, work.row.interval)
        late = now - (work.expected_open + step) >= CLOSE_WAIT_MS
        if newest > work.expected_open or not late:
            work.expected_open = newest

    def _judge_all(self, work: _Work, step: int) -> bool:
        """Judge every symbol; returns False when the scan was cancelled."""
        weights = signal_selectors.weights(venue=self._venue)
        quotes = live.quotes(self._venue)
        followed = set(self._followed())
        self._memory.compute(
            self._engine, work.symbols, work.row.interval, work.expected_open
        )
        for number, symbol in enumerate(work.symbols, 1):
            try:
                if symbol not in followed:
                    raise Unfit(
                        "it is not followed any more (delisted, or traded less)"
                    )
                item = quotes.get(symbol, {})
                work.judged.append(
                    self._judge(work, symbol, step, QuoteValues.of_item(item), weights)
                )
            except Unfit as error:
                work.failed[symbol] = str(error)
            if number % TELL_EVERY == 0 and not signal_services.scan_progress(
                scan=work.row, done=number
            ):
                return False
        return True

    def _judge(
        self,
        work: _Work,
        symbol: str,
        step: int,
        quote: QuoteValues,
        weights: Weights,
    ) -> Judgement:
        interval = work.row.interval
        last = work.expected_open
        check(
            self._memory.of(symbol, interval, last),
            expected_open=last,
            step=step,
            least=self._engine.config.minimum_bars,
        )
        bars, found = self._memory.indicators(self._engine, symbol, interval, last)
        return judge(symbol, bars, found, quote, weights)

    def _finish(self, work: _Work, elapsed: float) -> None:
        row = work.row
        chances = signal_selectors.win_probabilities(
            venue=self._venue, interval=row.interval
        )
        signals = [
            self._signal(row, each, chances)
            for each in sorted(work.judged, key=lambda each: -each.score.score)
            if each.score.direction != "flat" and each.score.score >= row.min_score
        ]
        prime = sum(signal.prime for signal in signals)
        signal_services.signals_store(signals)
        signal_services.scan_end(
            scan=row,
            state="done",
            done=work.done,
            total_symbols=len(work.symbols),
            scanned=len(work.judged),
            failed=work.failed,
            elapsed_seconds=round(elapsed, 3),
            signals_found=len(signals),
            prime_found=prime,
        )
        log.info("✅ 批量扫描完成")
        log.info(
            "📊 扫描结果 总扫描: %d 个币种 耗时: %.1f秒 发现信号: %d 个 Prime信号: %d 个",
            len(work.symbols),
            elapsed,
            len(signals),
            prime,
        )

    def _signal(
        self, row: Scan, found: Judgement, chances: Mapping[int, float]
    ) -> Signal:
        score = found.score
        return Signal(
            scan=row,
            venue=self._venue,
            symbol=found.symbol,
            interval=row.interval,
            bar_open=found.bar_open,
            at=self._exchange_now(self._venue),
            price=found.price,
            score=score.score,
            direction=score.direction,
            confidence=score.confidence,
            win_probability=chances.get(bin_of(score.score)),
            prime=score.is_prime,
            factors=found.factors,
            inputs=found.inputs | evidence(found.bars),
        )

    def _prune(self) -> None:
        now = time.monotonic()
        if now - self._pruned_at < PRUNE_SECONDS:
            return
        self._pruned_at = now
        before = now_ms() - self._settings.keep_days * DAY_MS
        signal_services.scans_prune(venue=self._venue, before_ms=before)
