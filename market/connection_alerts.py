"""Which events of connections raise an alert, and which resolve it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import groupby

from core import alerts
from core.models import Alert, AlertState, Severity
from market.binance.events import ConnectionEvent
from market.shares import feed_of

SOURCE = "websocket"
FAILED = "connection-failed"
REFUSED = "connection-refused"
FLAPPING = "connection-flapping"
FEED_LOST = "feed-lost"
# As long as failed reconnects are counted for a flapping connection.
QUIET = timedelta(minutes=5)
# Event → (alert, severity, title). The first title is what log parsers look for.
RAISED = {
    "failed": (FAILED, Severity.CRITICAL, "WebSocket未连接"),
    "fatal": (REFUSED, Severity.CRITICAL, "The exchange refuses this location"),
    "flapping": (FLAPPING, Severity.ERROR, "WebSocket reconnects keep failing"),
    "taken_over": (FEED_LOST, Severity.WARNING, "A feed process was lost"),
}
# Event → the alerts that it ends at once.
ENDED = {
    "connected": (FAILED, REFUSED),
    "steady": (FLAPPING,),
    "joined": (FEED_LOST,),
    "stopped": (FAILED, REFUSED, FLAPPING),
}


def concerns(event: ConnectionEvent) -> bool:
    """Whether the event may raise or resolve an alert."""
    return event.kind in RAISED or event.kind in ENDED


def apply(*, venue: str, events: Iterable[ConnectionEvent]) -> None:
    """Raise and resolve the alerts that follow from these events, in their order.

    Never fails because the database or Redis is away.
    """
    wanted = (event for event in events if concerns(event))
    for kind, group in groupby(wanted, key=lambda event: event.kind):
        if kind in RAISED:
            for event in group:
                _raise(venue, event)
        else:
            _resolve(venue, kind, list(group))


def feeds_alive(*, venue: str, feeds: Iterable[str]) -> None:
    """These feeds show life: none of them is lost."""
    keys = [alert_key(FEED_LOST, venue, feed) for feed in feeds]
    alerts.alerts_resolve(keys, now=datetime.now(tz=UTC))


def feed_gone(*, venue: str, feed: str) -> None:
    """Connections of a feed that is lost are nobody's any more."""
    kinds = (FAILED, REFUSED, FLAPPING)
    begins = tuple(alert_key(kind, venue, "") for kind in kinds)
    open_ones = Alert.objects.exclude(state=AlertState.RESOLVED.value)
    keys = [
        key
        for key in open_ones.filter(venue=venue).values_list("key", flat=True)
        if key.startswith(begins) and feed_of(key.rpartition(":")[2]) == feed
    ]
    alerts.alerts_resolve(keys, now=datetime.now(tz=UTC))


def alert_key(alert: str, venue: str, connection: str) -> str:
    """Return the key under which an alert of a connection is known."""
    return f"{alert}:{venue}:{connection}"


def _raise(venue: str, event: ConnectionEvent) -> None:
    alert, severity, title = RAISED[event.kind]
    alerts.alert_raise(
        key=alert_key(alert, venue, event.connection),
        severity=severity,
        source=SOURCE,
        title=title,
        text=f"{event.connection}: {event.reason}",
        advice=event.advice or "",
        venue=venue,
        now=_moment(event),
    )


def _resolve(venue: str, kind: str, events: list[ConnectionEvent]) -> None:
    now = _moment(events[-1])
    names = [event.connection for event in events]
    keys = [alert_key(alert, venue, name) for alert in ENDED[kind] for name in names]
    alerts.alerts_resolve(keys, now=now)
    if kind == "connected":
        # One that flapped in an earlier run of the feed and is well now.
        flapped = [alert_key(FLAPPING, venue, name) for name in names]
        alerts.alerts_resolve(flapped, quiet_since=now - QUIET, now=now)


def _moment(event: ConnectionEvent) -> datetime:
    return datetime.fromtimestamp(event.at / 1000, tz=UTC)
