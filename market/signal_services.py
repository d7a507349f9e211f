"""Writes of scans and signals."""

import logging
import time
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import transaction

from core import control, push, wire
from core import redis as core_redis
from core.errors import BusUnavailable, InvalidInput
from core.leases import living
from market import selectors, signal_selectors
from market.domain.candles import INTERVAL_MS
from market.models import Scan, Signal

log = logging.getLogger(__name__)

DAY_MS = 86_400_000
LEASE_SECONDS = 5.0
SIGNALS, SCAN = "signals", "scan"
NOBODY = "no scanner is running; start one (./quantai up, or manage run_scanner)"


def worker_name(venue: str) -> str:
    """Return the name under which the scanner of a venue is woken."""
    return f"scanner-{venue}"


def job(venue: str) -> str:
    """Return the name of the lease that one scanner holds."""
    return f"scanner:{venue}"


def scan_request(
    *,
    venue: str,
    trigger: str,
    actor: str,
    interval: str = "",
    symbols: Sequence[str] = (),
    limit: int | None = None,
    min_score: float | None = None,
) -> Scan:
    """Ask for a scan; raises ``InvalidInput``.

    Without a living scanner, or without Redis to learn of one, the row ends as failed
    at once and says so.
    """
    intervals = settings.QUANTAI.market.intervals
    interval = interval or intervals[0]
    if interval not in intervals or interval not in INTERVAL_MS:
        raise InvalidInput("interval", interval, f"one of {', '.join(intervals)}")
    followed = [row.symbol for row in selectors.instruments(venue=venue)]
    wanted = list(dict.fromkeys(symbol.upper() for symbol in symbols))
    for symbol in wanted:
        if symbol not in followed:
            raise InvalidInput("symbols", symbol, "must be a symbol that is followed")
    if limit is not None:
        wanted = (wanted or followed)[:limit]
    reason = _why_nobody(venue)
    row = Scan.objects.create(
        venue=venue,
        interval=interval,
        trigger=trigger,
        requested_by=actor,
        requested_at=time.time_ns() // 1_000_000,
        symbols=wanted,
        total_symbols=len(wanted or followed),
        min_score=0.0 if min_score is None else min_score,
        state="failed" if reason else "waiting",
        note=reason,
    )
    if not reason:
        _wake(venue)
    return row


def _why_nobody(venue: str) -> str:
    try:
        return "" if scanner_alive(venue) else NOBODY
    except BusUnavailable as error:
        return str(error)


def scanner_alive(venue: str) -> bool:
    """Return True while a scanner shows life; raises ``BusUnavailable``."""
    try:
        with core_redis.sync_client() as redis:
            return bool(living(redis, job(venue), LEASE_SECONDS))
    except core_redis.UNAVAILABLE as error:
        raise BusUnavailable(f"no scanner can be asked: {error}") from error


def _wake(venue: str) -> None:
    try:
        control.wake_sync(worker_name(venue), "scan")
    except core_redis.UNAVAILABLE as error:
        log.warning("the scanner finds the request by itself: %s", error)


def scan_cancel(*, scan_id: int, venue: str) -> bool:
    """Ask to stop a scan; returns False when it has ended already."""
    rows = Scan.objects.filter(
        id=scan_id, venue=venue, state__in=("waiting", "running")
    )
    return rows.update(cancel_asked=True) == 1


def scan_begin(*, scan: Scan, now_ms: int) -> bool:
    """Claim a waiting scan; returns False when somebody else has it or it is cancelled."""
    waiting = Scan.objects.filter(id=scan.id, state="waiting")
    if waiting.filter(cancel_asked=True).update(state="cancelled"):
        return False
    if not waiting.update(state="running", started_at=now_ms):
        return False
    scan.refresh_from_db()
    scan_tell(scan)
    return True


def scan_progress(*, scan: Scan, done: int) -> bool:
    """Note how far a scan is; returns False when it is to be stopped."""
    scan.done = done
    Scan.objects.filter(id=scan.id).update(done=done)
    scan_tell(scan)
    return not Scan.objects.filter(id=scan.id, cancel_asked=True).exists()


def scan_end(*, scan: Scan, state: str, **values: Any) -> None:
    """Store how a scan ended and tell it."""
    for name, value in {"state": state, **values}.items():
        setattr(scan, name, value)
    scan.save(update_fields=["state", "done", *values])
    scan_tell(scan)


def scans_abandoned(*, venue: str) -> int:
    """End what a scanner that is gone has left running; returns how many."""
    left = Scan.objects.filter(venue=venue, state="running")
    return left.update(state="failed", note="the scanner ended while it ran")


def scans_prune(*, venue: str, before_ms: int) -> int:
    """Delete scans with their signals older than ``before_ms``; returns how many rows."""
    count, _ = Scan.objects.filter(venue=venue, requested_at__lt=before_ms).delete()
    return count


def signals_store(rows: Sequence[Signal]) -> None:
    """Store signals and tell of them, best first."""
    with transaction.atomic():
        stored = Signal.objects.bulk_create(rows)
        items = []
        for row in stored:
            told = {n: getattr(row, n) for n in signal_selectors.SIGNAL_FIELDS}
            told["scan"] = told.pop("scan_id")
            items.append((str(row.id), wire.encode({**told, "outcomes": {}})))
        if items:
            push.queue_on_commit(SIGNALS, items)


def scan_tell(scan: Scan) -> None:
    """Push how far a scan is; pages find it over HTTP when Redis is away."""
    item = {"k": SCAN, "n": time.time_ns() // 1_000_000}
    told = wire.encode({**item, **signal_selectors.scan_progress(scan)})
    push.newest_now(SCAN, [(SCAN, told)])
