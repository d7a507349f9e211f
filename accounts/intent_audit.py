"""Intents in the audit trail: who asked for what, and what came of it."""

from django.db import transaction

from accounts.models import Intent
from core import audit

MOST = 200


@transaction.atomic
def intents_audit(*, venue: str) -> int:
    """Add what ended and is not in the trail yet, each once; returns how many."""
    ended = Intent.objects.filter(venue=venue, ended_at__isnull=False, audited=False)
    rows = list(ended.order_by("ended_at")[:MOST])
    if not rows:
        return 0
    Intent.objects.filter(id__in=[row.id for row in rows]).update(audited=True)
    audit.record_many(
        audit.Change(
            actor=row.actor,
            action=f"intent.{row.kind}",
            target=str(row.id),
            before={"source": row.source, "payload": row.payload},
            after={"state": row.state, "result": row.result},
        )
        for row in rows
    )
    return len(rows)
