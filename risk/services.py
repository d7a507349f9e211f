"""Writes of state and limits; each leaves an entry in the audit trail."""

import logging
from decimal import Decimal
from typing import Any

from django.db import transaction

from core import audit, push, wire
from core.clock import now_ms
from core.errors import InvalidInput
from core.fields import plain
from risk import selectors
from risk.domain.gate import STATES, Limits, State
from risk.models import RiskLimits, RiskState

log = logging.getLogger(__name__)

# Says that something changed; what is so now is asked over HTTP.
TOPIC = "risk"


@transaction.atomic
def state_set(*, venue: str, state: State, actor: str, reason: str = "") -> RiskState:
    """Say what trading may do; raises ``InvalidInput``.

    HALTED stays until somebody sets another state, restarts included.
    """
    if state not in STATES:
        raise InvalidInput("state", state, f"must be one of {', '.join(STATES)}")
    before = selectors.risk_state(venue=venue)
    row, _ = RiskState.objects.update_or_create(
        venue=venue,
        defaults={
            "state": state,
            "reason": reason,
            "changed_by": actor,
            "changed_at": now_ms(),
        },
    )
    _push(venue)
    if before != state:
        after = {"state": state, "reason": reason}
        audit.record(actor, "risk.state", venue, before, after)
        log.warning("trading on %s is %s by %s: %s", venue, state, actor, reason)
    return row


@transaction.atomic
def limits_set(
    *,
    venue: str,
    actor: str,
    max_notional: Decimal | None = None,
    quote_age_seconds: float | None = None,
    reason: str = "",
) -> Limits:
    """Change limits, None leaves one as it is; raises ``InvalidInput``."""
    before = selectors.risk_limits(venue=venue)
    wanted = Limits(
        before.max_notional if max_notional is None else max_notional,
        before.quote_age_seconds if quote_age_seconds is None else quote_age_seconds,
    )
    RiskLimits.objects.update_or_create(
        venue=venue,
        defaults={
            "max_notional": wanted.max_notional,
            "quote_age_seconds": wanted.quote_age_seconds,
            "changed_by": actor,
            "changed_at": now_ms(),
        },
    )
    _push(venue)
    if wanted != before:
        audit.record(
            actor,
            "risk.limits",
            venue,
            _told(before),
            _told(wanted) | {"reason": reason},
        )
    return wanted


def _push(venue: str) -> None:
    push.queue_on_commit(TOPIC, [(venue, wire.encode({"id": venue, "at": now_ms()}))])


def _told(limits: Limits) -> dict[str, Any]:
    return {
        "max_notional": plain(limits.max_notional),
        "quote_age_seconds": limits.quote_age_seconds,
    }
