"""Fills in what became of signals, and how scores and factors turned out."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from market.domain.candles import INTERVAL_MS
from market.models import Calibration, Candle, FactorRecord, Signal, SignalOutcome
from market.scanner.calibration import bins_of, factor_result
from market.scanner.outcomes import HORIZONS, Fees, net_return

log = logging.getLogger(__name__)

AT_ONCE = 5_000
# What is longer ago counts no more for live calibration.
CALIBRATED = 50_000


def fees() -> Fees:
    """Return the fees that outcomes are counted after."""
    chosen = settings.QUANTAI.scan
    return Fees(chosen.fee_bps, chosen.slippage_bps)


def settle(venue: str) -> int:
    """Fill in outcomes that can be known by now and renew the live calibration.

    Safe to run twice, from any process; returns how many outcomes are new.
    """
    count = 0
    for interval in _intervals(venue):
        for horizon in HORIZONS:
            new = _fill(venue, interval, horizon)
            if new:
                refresh(venue=venue, interval=interval, horizon=horizon)
            count += new
    return count


def _intervals(venue: str) -> list[str]:
    rows = Signal.objects.filter(venue=venue).order_by()
    return list(rows.values_list("interval", flat=True).distinct())


def _fill(venue: str, interval: str, horizon: int) -> int:
    """Settle signals whose exit bar is stored."""
    step = INTERVAL_MS[interval]
    stored = Candle.objects.filter(series__venue=venue, series__interval=interval)
    newest = stored.aggregate(newest=Max("open_time"))["newest"]
    if newest is None:
        return 0
    due = (
        Signal.objects.filter(
            venue=venue, interval=interval, bar_open__lte=newest - horizon * step
        )
        .exclude(outcomes__horizon=horizon)
        .order_by("-id")[:AT_ONCE]
    )
    signals = list(due.only("id", "symbol", "bar_open", "price", "direction"))
    if not signals:
        return 0
    exits = {signal.bar_open + horizon * step for signal in signals}
    closes = {
        (symbol, at): close
        for symbol, at, close in stored.filter(open_time__in=exits).values_list(
            "series__symbol", "open_time", "close"
        )
    }
    made = _outcomes(signals, closes, horizon, step)
    SignalOutcome.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)


def _outcomes(
    signals: Iterable[Signal],
    closes: dict[tuple[str, int], float],
    horizon: int,
    step: int,
) -> list[SignalOutcome]:
    cost = fees()
    made = []
    for signal in signals:
        at = signal.bar_open + horizon * step
        close = closes.get((signal.symbol, at))
        if close is None:  # a gap: the ledger may still fill it
            continue
        won = net_return(signal.direction, signal.price, close, cost)
        made.append(
            SignalOutcome(
                signal=signal,
                horizon=horizon,
                exit_open=at,
                exit_price=close,
                net_return=won,
            )
        )
    return made


def refresh(*, venue: str, interval: str, horizon: int) -> None:
    """Count the live outcomes anew, of each symbol's bar that of its first signal.

    Scans between two closes see the same bar again: what becomes of it is known once.
    """
    rows = (
        SignalOutcome.objects.filter(
            signal__venue=venue, signal__interval=interval, horizon=horizon
        )
        .order_by("-signal_id")
        .values_list(
            "signal__score",
            "net_return",
            "signal__factors",
            "signal__price",
            "exit_price",
            "signal__symbol",
            "signal__bar_open",
        )[:CALIBRATED]
    )
    # The newest first, so that the first signal of a bar stays.
    found = list({row[5:]: row for row in rows}.values())
    factors: dict[str, tuple[list[float], list[float]]] = {}
    for _, _, parts, entry, leave, *_ in found:
        for part in parts:
            if part["value"] is not None:
                values, gross = factors.setdefault(part["name"], ([], []))
                values.append(part["value"])
                gross.append(leave / entry - 1.0)
    calibration_store(
        venue=venue,
        source="live",
        interval=interval,
        horizon=horizon,
        scores=[row[0] for row in found],
        returns=[row[1] for row in found],
        factors=factors,
    )


def calibration_store(
    *,
    venue: str,
    source: str,
    interval: str,
    horizon: int,
    scores: Sequence[float],
    returns: Sequence[float],
    factors: dict[str, tuple[list[float], list[float]]],
) -> None:
    """Replace what is known of one source, interval and horizon, all at once."""
    place: dict[str, Any] = {
        "venue": venue,
        "source": source,
        "interval": interval,
        "horizon": horizon,
    }
    with transaction.atomic():
        Calibration.objects.filter(**place).delete()
        FactorRecord.objects.filter(**place).delete()
        Calibration.objects.bulk_create(
            Calibration(**place, **found._asdict())
            for found in bins_of(scores, returns)
        )
        FactorRecord.objects.bulk_create(
            FactorRecord(**place, factor=name, **factor_result(*pairs)._asdict())
            for name, pairs in sorted(factors.items())
        )
