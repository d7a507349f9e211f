"""The row that remembers, over restarts, what the exchange allows this address."""

from dataclasses import dataclass

from django.db.models import F, Q
from django.db.models.functions import Greatest

from market.models import RequestBudget

REASON_LENGTH = 300


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


def hold_remember(*, venue: str, until_ms: int, banned: bool, reason: str) -> None:
    """Store a hold unless one that lasts longer is stored."""
    RequestBudget.objects.get_or_create(venue=venue)
    RequestBudget.objects.filter(venue=venue, held_until__lt=until_ms).update(
        held_until=until_ms, banned=banned, reason=reason[:REASON_LENGTH]
    )


def ceiling_remember(*, venue: str, minute: int, ceiling: int) -> None:
    """Store that up to ``ceiling`` may have been used in ``minute``."""
    RequestBudget.objects.get_or_create(venue=venue)
    rows = RequestBudget.objects.filter(venue=venue)
    if not rows.filter(minute__lt=minute).update(minute=minute, ceiling=ceiling):
        rows.filter(Q(minute=minute)).update(ceiling=Greatest(F("ceiling"), ceiling))
