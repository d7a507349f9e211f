"""The row that remembers, over restarts, what the exchange allows this address."""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import F, Q
from django.db.models.functions import Greatest

from core import alerts
from core.models import Severity
from market.models import RequestBudget

REASON_LENGTH = 300
BANNED = "The exchange banned this address"
SILENT = "The exchange wants this address to wait"
ADVICE = (
    "Stop every other program on this address that uses the exchange. The ban ends by "
    "itself; whoever goes on asking makes it longer."
)


@dataclass(frozen=True, slots=True)
class Remembered:
    """See ``RequestBudget``; times in ms since the epoch."""

    minute: int = 0
    ceiling: int = 0
    held_until: int = 0
    banned: bool = False
    reason: str = ""


def remembered(*, venue: str) -> Remembered:
    """Return what is stored of a venue; all zero when nothing is."""
    row = RequestBudget.objects.filter(venue=venue).first()
    if row is None:
        return Remembered()
    return Remembered(row.minute, row.ceiling, row.held_until, row.banned, row.reason)


def silence_key(venue: str) -> str:
    """Return the key of the alert that nothing is sent."""
    return f"address-silent:{venue}"


def hold_remember(*, venue: str, until_ms: int, banned: bool, reason: str) -> None:
    """Store a hold unless one that lasts longer is stored, and raise an alert."""
    try:
        RequestBudget.objects.get_or_create(venue=venue)
        RequestBudget.objects.filter(venue=venue, held_until__lt=until_ms).update(
            held_until=until_ms, banned=banned, reason=reason[:REASON_LENGTH]
        )
    finally:  # an alert keeps itself for a database that is away
        _tell(venue=venue, until_ms=until_ms, banned=banned, reason=reason)


def _tell(*, venue: str, until_ms: int, banned: bool, reason: str) -> None:
    moment = datetime.fromtimestamp(until_ms / 1000, UTC)
    alerts.alert_raise(
        key=silence_key(venue),
        severity=Severity.CRITICAL if banned else Severity.WARNING,
        source="rest",
        title=BANNED if banned else SILENT,
        text=f"nothing is sent and nobody dials until {moment:%F %T} UTC: {reason}",
        advice=ADVICE if banned else "",
        venue=venue,
    )


def hold_ended(*, venue: str) -> None:
    """Requests go again: resolve the alert."""
    alerts.alert_resolve(silence_key(venue))


def ceiling_remember(*, venue: str, minute: int, ceiling: int) -> None:
    """Store that up to ``ceiling`` may have been used in ``minute``."""
    RequestBudget.objects.get_or_create(venue=venue)
    rows = RequestBudget.objects.filter(venue=venue)
    if not rows.filter(minute__lt=minute).update(minute=minute, ceiling=ceiling):
        rows.filter(Q(minute=minute)).update(ceiling=Greatest(F("ceiling"), ceiling))
