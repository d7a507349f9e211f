"""Reads of scans, signals and how they turned out."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.db.models import QuerySet, Sum

from market.models import Calibration, Candle, Scan, ScoreWeights, Signal
from market.scanner.calibration import bin_of
from market.scanner.history import COLUMNS, History
from market.scanner.weights import Weights

# Fewer outcomes tell nothing of a probability.
LEAST_OUTCOMES = 200
WIN_HORIZON = 4
SIGNAL_FIELDS = (
    "id",
    "scan_id",
    "symbol",
    "interval",
    "bar_open",
    "at",
    "price",
    "score",
    "direction",
    "confidence",
    "win_probability",
    "prime",
)


def weights(*, venue: str) -> Weights:
    """Return the weights of a venue, the defaults while nobody has set any."""
    row = ScoreWeights.objects.filter(venue=venue).first()
    return row.weights() if row is not None else Weights()


def histories(
    *, venue: str, interval: str, symbols: Iterable[str], since: int
) -> dict[str, History]:
    """Return the stored bars from ``since`` (ms) on by symbol."""
    rows = (
        Candle.objects.filter(
            series__venue=venue,
            series__interval=interval,
            series__symbol__in=list(symbols),
            open_time__gte=since,
        )
        .order_by("series__symbol", "open_time")
        .values_list("series__symbol", "open_time", *COLUMNS)
    )
    found: dict[str, list[Any]] = {}
    for symbol, *row in rows.iterator(chunk_size=5_000):
        found.setdefault(symbol, []).append(row)
    return {symbol: History.of(bars) for symbol, bars in found.items()}


def closes_stored(*, venue: str, interval: str, open_time: int) -> int:
    """Return how many series have the bar of this open time."""
    return Candle.objects.filter(
        series__venue=venue, series__interval=interval, open_time=open_time
    ).count()


def win_probabilities(*, venue: str, interval: str) -> dict[int, float]:
    """Return by bin of the score the share that won after 4 bars.

    Bins of which fewer than 200 outcomes are known, live and in backtests, are left
    out: nothing can be said of them.
    """
    rows = (
        Calibration.objects.filter(venue=venue, interval=interval, horizon=WIN_HORIZON)
        .values("score_from")
        .annotate(total=Sum("outcomes"), won=Sum("wins"))
    )
    return {
        bin_of(row["score_from"]): row["won"] / row["total"]
        for row in rows
        if row["total"] >= LEAST_OUTCOMES
    }


def scan(*, scan_id: int, venue: str) -> Scan | None:
    """Return a scan, or None."""
    return Scan.objects.filter(id=scan_id, venue=venue).first()


def close_scanned(*, venue: str, interval: str, boundary: int) -> bool:
    """Whether all bars that closed at ``boundary`` (ms) or later were scanned."""
    done = Scan.objects.filter(venue=venue, interval=interval, state="done")
    return done.filter(boundary__gte=boundary).exists()


def scans_waiting(*, venue: str) -> list[Scan]:
    """Return scans that nobody has begun, oldest first."""
    return list(Scan.objects.filter(venue=venue, state="waiting").order_by("id"))


def signals(
    *,
    venue: str,
    symbol: str = "",
    interval: str = "",
    direction: str = "",
    min_score: float = 0.0,
    prime: bool | None = None,
    since: int | None = None,
    until: int | None = None,
    after: int = 0,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield signals, newest first; ``after`` is the id of the last one seen."""
    rows = Signal.objects.filter(venue=venue, score__gte=min_score)
    exact = {"symbol": symbol, "interval": interval, "direction": direction}
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if prime is not None:
        rows = rows.filter(prime=prime)
    if since is not None:
        rows = rows.filter(at__gte=since)
    if until is not None:
        rows = rows.filter(at__lt=until)
    if after:
        rows = rows.filter(id__lt=after)
    yield from _told(rows[:limit])


def signals_of(*, scan_id: int) -> list[dict[str, Any]]:
    """Return the signals of a scan, the best first."""
    return list(_told(Signal.objects.filter(scan=scan_id).order_by("-score", "id")))


def signal(*, signal_id: int, venue: str) -> dict[str, Any] | None:
    """Return a signal with its factors and inputs, or None."""
    rows = Signal.objects.filter(id=signal_id, venue=venue)
    for row, told in zip(rows, _told(rows), strict=True):
        return {**told, "factors": row.factors, "inputs": row.inputs}
    return None


def _told(rows: QuerySet[Signal]) -> Iterator[dict[str, Any]]:
    for row in rows.prefetch_related("outcomes").iterator(chunk_size=1_000):
        told = {name: getattr(row, name) for name in SIGNAL_FIELDS}
        told["scan"] = told.pop("scan_id")
        told["outcomes"] = {
            str(outcome.horizon): outcome.net_return for outcome in row.outcomes.all()
        }
        yield told


def scan_answer(scan: Scan) -> dict[str, Any]:
    """Return what is told of a scan; with its signals once it is done."""
    found = signals_of(scan_id=scan.id) if scan.state == "done" else []
    return {
        **scan_progress(scan),
        "signals": found,
        "prime_signals": [row for row in found if row["prime"]],
    }


def scan_progress(scan: Scan) -> dict[str, Any]:
    """Return state and counts of a scan."""
    return {
        "scan": scan.id,
        "state": scan.state,
        "venue": scan.venue,
        "interval": scan.interval,
        "trigger": scan.trigger,
        "requested_at": scan.requested_at,
        "requested_by": scan.requested_by,
        "started_at": scan.started_at,
        "boundary": scan.boundary,
        "done": scan.done,
        "total_symbols": scan.total_symbols,
        "scanned": scan.scanned,
        "failed": scan.failed,
        "elapsed_seconds": scan.elapsed_seconds,
        "signals_found": scan.signals_found,
        "prime_found": scan.prime_found,
        "note": scan.note,
    }
