"""Patterns in the stored history of connections, and the alert when one is new."""

import logging
from typing import Any

from core import alerts
from core.clock import Clock
from core.models import Severity
from market import connection_history
from market.connection_history import DAY_MS
from market.patterns import (
    OCCASIONS,
    THRESHOLD,
    Pattern,
    PatternKind,
    find_patterns,
)

log = logging.getLogger(__name__)

SOURCE = "patterns"
ADVICE = {
    PatternKind.MINUTE_OF_HOUR: (
        "Look for what runs at that minute: cron jobs, backups, a router or VPN that "
        "renews its lease, a cloud provider's maintenance."
    ),
    PatternKind.HOUR_OF_DAY: (
        "Look for what happens daily at that time: a provider's forced reconnect, "
        "backups, maintenance of the exchange."
    ),
    PatternKind.CONNECTION_AGE: (
        "Something ends connections of that age: a firewall's or NAT's time limit, a "
        "load balancer, the exchange's own limit. Rotate before that age."
    ),
}


def report(*, venue: str, now_ms: int, days: int) -> dict[str, Any]:
    """Return the patterns of the last ``days`` with the evidence and the threshold."""
    found, lost, seconds = _search(venue=venue, now_ms=now_ms, days=days)
    return {
        "venue": venue,
        "at": now_ms,
        "days": days,
        "losses": lost,
        "observed_seconds": seconds,
        "threshold": THRESHOLD,
        "least_occasions": OCCASIONS,
        "patterns": [
            {
                **item.as_dict(),
                "current": item.current(now_ms),
                "advice": ADVICE[item.kind],
            }
            for item in found
        ],
    }


def tell(*, venue: str, clock: Clock, days: int) -> int:
    """Raise an alert once for each kind of pattern that goes on; return how many go on.

    The alert is resolved when the pattern has not come back for three of its periods.
    """
    now_ms = clock.now_ms()
    found, lost, _ = _search(venue=venue, now_ms=now_ms, days=days)
    current = {item.kind: item for item in reversed(found) if item.current(now_ms)}
    for kind in PatternKind:
        key = alert_key(venue, kind)
        if kind not in current:
            alerts.alert_resolve(key)
        elif not alerts.alert_is_unresolved(key):
            _raise(key, venue, current[kind])
    log.info("patterns: %d among %d losses of connections", len(found), lost)
    return len(current)


def alert_key(venue: str, kind: PatternKind) -> str:
    """Return the key of the alert for a kind of pattern."""
    return f"connection-pattern:{venue}:{kind.value}"


def _search(
    *, venue: str, now_ms: int, days: int
) -> tuple[tuple[Pattern, ...], int, float]:
    """Return the patterns, the number of losses and the observed seconds."""
    losses, observed = connection_history.losses(
        venue=venue, since_ms=now_ms - days * DAY_MS, until_ms=now_ms
    )
    seconds = sum(end - start for start, end in observed) / 1000
    return find_patterns(losses, observed=observed), len(losses), seconds


def _raise(key: str, venue: str, pattern: Pattern) -> None:
    alerts.alert_raise(
        key=key,
        severity=Severity.WARNING,
        source=SOURCE,
        title="Disconnects follow a pattern",
        text=pattern.summary(),
        advice=ADVICE[pattern.kind],
        venue=venue,
    )
