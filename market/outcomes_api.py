"""REST of how signals turned out."""

from typing import Annotated, Any, Literal

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router
from ninja.errors import HttpError

from core.errors import InvalidInput
from market import repaint
from market.domain.candles import INTERVAL_MS
from market.models import Calibration, FactorRecord, Signal
from market.scanner.calibration import wilson
from market.scanner.outcomes import HORIZONS
from market.signal_selectors import LEAST_OUTCOMES

router = Router()
Source = Literal["live", "backtest"]


def _place(interval: str, horizon: int, source: str) -> dict[str, Any]:
    if horizon not in HORIZONS:
        raise InvalidInput(
            "horizon", horizon, f"one of {', '.join(map(str, HORIZONS))}"
        )
    if interval and interval not in INTERVAL_MS:
        raise InvalidInput("interval", interval, f"one of {', '.join(INTERVAL_MS)}")
    intervals = settings.QUANTAI.market.intervals
    return {
        "venue": settings.QUANTAI.site.exchange,
        "interval": interval or intervals[0],
        "horizon": horizon,
        "source": source,
    }


@router.get("/calibration")
def calibration(
    request: HttpRequest,
    interval: str = "",
    horizon: Annotated[int, Query()] = 4,
    source: Source = "live",
) -> dict[str, Any]:
    """Scores in bins of 10: outcomes, wins, their interval, mean return after fees."""
    place = _place(interval, horizon, source)
    bins = []
    for row in Calibration.objects.filter(**place).order_by("score_from"):
        low, high = wilson(row.wins, row.outcomes)
        known = row.outcomes >= LEAST_OUTCOMES
        bins.append(
            {
                "score_from": row.score_from,
                "score_to": row.score_to,
                "outcomes": row.outcomes,
                "wins": row.wins,
                "mean_return": row.mean_return,
                "win_rate": row.wins / row.outcomes,
                "interval_low": low,
                "interval_high": high,
                "win_probability": row.wins / row.outcomes if known else None,
                "says": "" if known else f"fewer than {LEAST_OUTCOMES} outcomes",
            }
        )
    return {**place, "bins": bins}


@router.get("/factor-records")
def factor_records(
    request: HttpRequest,
    interval: str = "",
    horizon: Annotated[int, Query()] = 4,
    source: Source = "live",
) -> dict[str, Any]:
    """How well each factor alone told the return."""
    place = _place(interval, horizon, source)
    rows = FactorRecord.objects.filter(**place).order_by("factor")
    fields = ("factor", "outcomes", "correlation", "hit_rate")
    return {**place, "factors": list(rows.values(*fields))}


@router.get("/signals/{signal_id}/check")
def check(request: HttpRequest, signal_id: int) -> dict[str, Any]:
    """Compute the score again from the stored bars."""
    venue = settings.QUANTAI.site.exchange
    row = Signal.objects.filter(id=signal_id, venue=venue).first()
    if row is None:
        raise HttpError(404, f"There is no signal {signal_id}.")
    return repaint.check(row)
