"""The orders that carry out an intent, under ids that follow from it. Nothing is sent."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from accounts import execution_facts as read
from accounts.domain.client_ids import client_id
from accounts.domain.exchange import NewOrder, OrderRef
from accounts.domain.positions import Side
from accounts.intent_documents import PlaceOrder
from accounts.models import Intent, Order
from accounts.order_store import facts_of

UNWINDING = 1_000


def order_ref(order: NewOrder) -> OrderRef:
    """Return what names the order at the exchange."""
    return OrderRef(order.symbol, order.client_id, algo=order.conditional)


def new_order(
    intent: Intent, wanted: PlaceOrder, ids: Mapping[str, int], share: Any
) -> NewOrder:
    """Return the order of one share; ``ids``: numbers of accounts by name."""
    return NewOrder(
        client_id=client_id(intent.id, ids[share.account]),
        symbol=wanted.symbol,
        side=wanted.side,
        order_type=wanted.order_type,
        quantity=share.quantity,
        price=wanted.price,
        time_in_force=wanted.time_in_force
        or ("GTC" if wanted.order_type in ("LIMIT", "STOP", "TAKE_PROFIT") else ""),
        position_side=wanted.position_side,
        stop_price=wanted.stop_price,
        reduce_only=wanted.reduce_only,
        callback_rate=wanted.callback_rate,
    )


def reducing_order(
    intent: Intent, held: read.HeldHere, number: int, quantity: Decimal
) -> NewOrder:
    """Return the order that takes so much of what is held."""
    return NewOrder(
        client_id=client_id(intent.id, held.account, number),
        symbol=held.symbol,
        side="SELL" if held.holding.quantity > 0 else "BUY",
        order_type="MARKET",
        quantity=quantity,
        position_side=held.holding.side,
        reduce_only=True,
    )


def closing_order(row: Order, intent: Intent) -> NewOrder:
    """Return the order that closes what another one opened."""
    side: Side = "SELL" if row.side == "BUY" else "BUY"
    facts = facts_of(row)
    return NewOrder(
        client_id=client_id(intent.id, row.account_id, UNWINDING),
        symbol=row.symbol,
        side=side,
        order_type="MARKET",
        quantity=row.filled,
        position_side=facts.position_side,
        reduce_only=True,
    )
