"""What the clock does for accounts: keep what they are worth, thin and forget what is old."""

import logging

from celery import shared_task
from django.conf import settings

from accounts import equity_services, intents
from accounts.config import EQUITY_PRUNE, EQUITY_SNAPSHOT, INTENTS_PRUNE
from core.clock import now_ms

log = logging.getLogger(__name__)

DAY_MS = 86_400_000


@shared_task(name=EQUITY_SNAPSHOT)  # type: ignore[untyped-decorator]
def equity_snapshot() -> None:
    """Keep what every account is worth now."""
    equity_services.equity_snapshot(
        venue=settings.QUANTAI.site.exchange,
        at_ms=now_ms(),
        interval_ms=settings.QUANTAI.accounts.equity_seconds * 1000,
    )


@shared_task(name=EQUITY_PRUNE)  # type: ignore[untyped-decorator]
def equity_prune() -> None:
    """Leave one value of a day of what is older than the retention."""
    equity_services.equity_prune(
        venue=settings.QUANTAI.site.exchange,
        before_ms=now_ms() - settings.QUANTAI.accounts.equity_days * DAY_MS,
    )


@shared_task(name=INTENTS_PRUNE)  # type: ignore[untyped-decorator]
def intents_prune() -> None:
    """Forget what ended longer ago than the retention."""
    gone = intents.intents_prune(
        venue=settings.QUANTAI.site.exchange,
        before_ms=now_ms() - settings.QUANTAI.accounts.intent_days * DAY_MS,
    )
    if gone:
        log.info("%d intents were forgotten", gone)
