"""Ends intents that a trader took and could not answer, because it ended itself.

What was not journalled was not sent; what was is asked for by the desks. Nothing is done
again: only what an unwinding still owes is sent.
"""

import asyncio
from collections.abc import Mapping

from accounts import execution_facts as read
from accounts.desk import Desk
from accounts.domain.exchange import NewOrder, Outcome
from accounts.domain.order_life import UNSURE, OrderFacts
from accounts.execution import Execution, state_of
from accounts.intent_documents import IntentResult, PlaceOrder, parse
from accounts.models import Intent
from accounts.models.orders import IntentKind, IntentState
from accounts.order_store import facts_of
from accounts.placing import Ticket
from core.patience import patient

LOOK_SECONDS = 0.5
SHUT_SECONDS = 60.0
NOTHING = "the trader ended before anything was sent"
PERHAPS = "the trader ended while it was done; look whether it came through"
SENT = frozenset({IntentKind.PLACE, IntentKind.CLOSE})


class Recovery:
    """Finds out what became of intents; ``run`` takes as long as the exchange is away."""

    def __init__(self, execution: Execution, desks: Mapping[int, Desk]) -> None:
        self._execution = execution
        self._desks = desks

    async def run(self, intent: Intent) -> tuple[IntentState, IntentResult]:
        """Return how the intent ended and what is known."""
        kind = IntentKind(intent.kind)
        if kind not in SENT:
            return IntentState.FAILED, IntentResult(message=PERHAPS)
        rows = await patient(read.orders_of, intent.id)
        if not rows:
            return IntentState.FAILED, IntentResult(message=NOTHING)
        shut = 0.0
        while unsure := [row for row in rows if row.state in UNSURE]:
            if not any(row.account_id in self._desks for row in unsure):
                # Nobody can ask for them: without its key, or in another mode.
                shut += LOOK_SECONDS
                if shut >= SHUT_SECONDS:
                    break
            await asyncio.sleep(LOOK_SECONDS)
            rows = await patient(read.orders_of, intent.id)
        outcomes = {row.client_id: _outcome(facts_of(row)) for row in rows}
        payload = parse(kind, intent.payload)
        if isinstance(payload, PlaceOrder):
            tickets = [
                Ticket(row.account_id, _order(facts_of(row)))
                for row in rows
                if row.parent_id is not None
            ]
            first = {
                one.order.client_id: outcomes[one.order.client_id] for one in tickets
            }
            result = await self._execution.placing.settle(
                intent, payload, tickets, first
            )
        else:
            found = await patient(read.order_results, outcomes)
            result = IntentResult(accounts=tuple(found))
        return state_of(result), result


def _outcome(known: OrderFacts) -> Outcome:
    """Return what came of sending an order, as its row tells it."""
    if known.state in UNSURE:
        return Outcome("unknown", message="nobody can ask for it now")
    if known.state == "never_sent":
        return Outcome("not_sent", message=known.reason)
    if known.state == "rejected" and not known.event_at:
        return Outcome("refused", code=known.error_code, message=known.reason)
    return Outcome("done")


def _order(known: OrderFacts) -> NewOrder:
    """Return the order that was sent."""
    return NewOrder(
        client_id=known.client_id,
        symbol=known.symbol,
        side=known.side,
        order_type=known.order_type,  # type: ignore[arg-type]
        quantity=known.quantity,
        price=known.price,
        position_side=known.position_side,
        stop_price=known.stop_price,
        reduce_only=known.reduce_only,
    )
