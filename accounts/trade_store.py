"""Trade records of strategies become rows; the key makes each unique."""

import logging

from accounts.journal_records import TradeEntered, TradeExited
from accounts.models import TradeRecord
from core.clock import now_ms

log = logging.getLogger(__name__)


def trade_entered(body: TradeEntered) -> None:
    """Add the entry, once."""
    _, made = TradeRecord.objects.get_or_create(
        key=body.key,
        defaults={
            "venue": body.venue,
            "account": body.account,
            "symbol": body.symbol,
            "side": body.side,
            "quantity": body.quantity,
            "entry_price": body.price,
            "entry_at": body.at,
            "fees": body.fees,
            "facts": body.facts,
            "recorded_at": now_ms(),
        },
    )
    if made:
        log.info(
            "📝 entry %s %s %s at %s", body.symbol, body.side, body.quantity, body.price
        )


def trade_exited(body: TradeExited) -> None:
    """Add the exit to its entry, once."""
    row = TradeRecord.objects.filter(key=body.entry).first()
    if row is None:
        log.error("📝 exit of %s: there is no such entry", body.entry)
        return
    if row.exit_at is not None:
        return
    row.exit_at, row.exit_price, row.exit_reason = body.at, body.price, body.reason
    row.fees += body.fees
    row.profit = body.profit
    row.facts = row.facts | body.facts
    row.save()
    log.info("📝 exit %s at %s: %s", row.symbol, body.price, body.reason)
