"""``backtest_signals``: the scanner over stored history, after fees."""

import time
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.errors import InvalidInput
from market import outcomes, signal_selectors
from market.backtest import WINDOW, Run, Scored, always_long, scored_bars, trades
from market.domain.candles import INTERVAL_MS
from market.models import Series
from market.scanner.history import History
from market.scanner.outcomes import HORIZONS, Fees, net_return
from market.scanner.weights import FACTOR_NAMES
from market.technical import technical_engine

LATE_SHARE = 0.3


class Command(BaseCommand):
    help = "Run the scanner over stored history and calibrate scores by it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--symbols", default="", metavar="A,B")
        parser.add_argument("--interval", default="1h")
        parser.add_argument("--from", dest="since", default="", metavar="DATE")
        parser.add_argument("--to", dest="until", default="", metavar="DATE")
        parser.add_argument("--min-score", type=float, default=40.0)
        parser.add_argument("--fee-bps", type=float, help="per side")
        parser.add_argument("--venue", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        """Score every bar, store calibration and factor records, print the results."""
        interval = options["interval"]
        if interval not in INTERVAL_MS:
            raise CommandError(
                f"--interval {interval}: one of {', '.join(INTERVAL_MS)}"
            )
        venue = options["venue"] or settings.QUANTAI.site.exchange
        if not 0 <= options["min_score"] <= 100:
            raise CommandError(f"--min-score {options['min_score']}: from 0 to 100")
        fees = _fees(options["fee_bps"])
        began = time.monotonic()
        found: dict[str, list[Scored]] = {}
        try:
            for symbol, history in self._histories(venue, interval, options):
                found[symbol] = self._score(venue, symbol, history, interval)
        except KeyboardInterrupt:
            raise CommandError("stopped; nothing was stored") from None
        if not any(found.values()):
            raise CommandError(f"no series has {WINDOW} bars of {interval} in a row")
        self._store(venue, interval, found, options["min_score"], fees)
        self._print(found, options["min_score"], fees)
        bars = sum(map(len, found.values()))
        self.stdout.write(f"{bars:,} bars scored in {time.monotonic() - began:.1f} s")

    def _histories(
        self, venue: str, interval: str, options: dict[str, Any]
    ) -> list[tuple[str, History]]:
        stored = Series.objects.filter(venue=venue, interval=interval)
        wanted = [
            name.strip().upper()
            for name in options["symbols"].split(",")
            if name.strip()
        ]
        names = list(stored.values_list("symbol", flat=True).order_by("symbol"))
        if not names:
            raise CommandError(f"{venue} has no {interval} bars of any symbol")
        for name in wanted:
            if name not in names:
                raise CommandError(f"--symbols {name}: {venue} has no {interval} of it")
        since, until = _moment(options["since"], 0), _moment(options["until"], None)
        found = signal_selectors.histories(
            venue=venue, interval=interval, symbols=wanted or names, since=since
        )
        return [
            (name, bars if until is None else bars.until(until - 1))
            for name, bars in found.items()
        ]

    def _score(
        self, venue: str, symbol: str, history: History, interval: str
    ) -> list[Scored]:
        def progress(bars: int) -> None:
            if self.stdout.isatty():
                self.stdout.write(f"\r{symbol} {bars:,}/{len(history):,} ", ending="")

        found = list(
            scored_bars(
                history,
                interval,
                engine=technical_engine(),
                weights=signal_selectors.weights(venue=venue),
                progress=progress,
            )
        )
        if self.stdout.isatty():
            self.stdout.write("\r", ending="")
        return found

    def _store(
        self,
        venue: str,
        interval: str,
        found: dict[str, list[Scored]],
        least: float,
        fees: Fees,
    ) -> None:
        every = [bar for bars in found.values() for bar in bars]
        for horizon in HORIZONS:
            told = [
                bar
                for bar in every
                if horizon in bar.returns and bar.direction != "flat"
            ]
            factors: dict[str, tuple[list[float], list[float]]] = {}
            for bar in told:
                for name, value in bar.factors.items():
                    values, gross = factors.setdefault(name, ([], []))
                    values.append(value)
                    gross.append(bar.returns[horizon])
            outcomes.calibration_store(
                venue=venue,
                source="backtest",
                interval=interval,
                horizon=horizon,
                scores=[bar.score for bar in told],
                returns=[_net(bar, horizon, fees) for bar in told],
                factors=factors,
            )

    def _print(self, found: dict[str, list[Scored]], least: float, fees: Fees) -> None:
        known = {
            name for bars in found.values() for bar in bars for name in bar.factors
        }
        unknown = [name for name in FACTOR_NAMES if name not in known]
        if unknown:
            self.stdout.write(f"unknown in history: {', '.join(unknown)}")
        self.stdout.write(
            f"cost of a round trip {fees.round_trip:.2%}; a signal is a score from "
            f"{least:g} on; one position at a time, held for the horizon"
        )
        for symbol, bars in found.items():
            if not bars:
                self.stdout.write(f"{symbol}: too few bars in a row")
                continue
            cut = bars[int(len(bars) * (1 - LATE_SHARE))].index
            late = [bar for bar in bars if bar.index >= cut]
            for name, part in (("all", bars), ("last 30 %", late)):
                self._table(f"{symbol}, {name}: {_span(part)}", part, least, fees)

    def _table(self, title: str, bars: list[Scored], least: float, fees: Fees) -> None:
        signals = sum(bar.score >= least and bar.direction != "flat" for bar in bars)
        self.stdout.write(f"\n{title}; {len(bars):,} bars, {signals:,} signals")
        self.stdout.write(
            f"{'':<14}{'trades':>8}{'won':>8}{'mean net':>10}{'total':>10}"
            f"{'fees':>9}{'drawdown':>10}"
        )
        for horizon in HORIZONS:
            run = trades(bars, horizon=horizon, min_score=least, fees=fees)
            self._line(f"{horizon} bars", run)
        self._line("always long", always_long(bars, fees))
        self._line("flat", Run())

    def _line(self, name: str, run: Run) -> None:
        count = len(run.returns)
        won = sum(r > 0 for r in run.returns) / count if count else 0.0
        mean = sum(run.returns) / count if count else 0.0
        self.stdout.write(
            f"{name:<14}{count:>8,}{won:>8.1%}{mean:>10.3%}{run.total:>10.1%}"
            f"{run.fees:>9.1%}{run.drawdown:>10.1%}"
        )


def _fees(fee_bps: float | None) -> Fees:
    usual = outcomes.fees()
    if fee_bps is None:
        return usual
    try:
        return Fees(fee_bps, usual.slippage_bps)
    except InvalidInput as error:
        raise CommandError(f"--fee-bps {error.value}: {error.rule}") from None


def _net(bar: Scored, horizon: int, fees: Fees) -> float:
    leave = bar.price * (1.0 + bar.returns[horizon])
    return net_return(bar.direction, bar.price, leave, fees)


def _span(bars: list[Scored]) -> str:
    ends = [datetime.fromtimestamp(b.time / 1000, UTC) for b in (bars[0], bars[-1])]
    return " to ".join(f"{end:%Y-%m-%d}" for end in ends)


def _moment(text: str, default: Any) -> Any:
    if not text:
        return default
    try:
        day = datetime.fromisoformat(text)
    except ValueError:
        raise CommandError(f"{text}: must be a date, YYYY-MM-DD") from None
    return int(day.replace(tzinfo=day.tzinfo or UTC).timestamp() * 1000)
