"""What browsers are told of orders, fills and positions, after commit.

Topics ``orders`` and ``fills`` carry rows as they are now. ``positions`` says which
position changed; how it stands over all accounts is asked over HTTP, and what it is
worth follows the prices of topic ``quotes``.
"""

from collections.abc import Iterable

from accounts.messages import fill_told, money, order_told
from accounts.models import Fill, Order, Position
from core import push, topics, wire

ORDERS, FILLS, POSITIONS = "orders", "fills", "positions"
PERMISSIONS = {
    ORDERS: "accounts.view_order",
    FILLS: "accounts.view_fill",
    POSITIONS: "accounts.view_position",
}
# A queue keeps 512 items for a browser; more at once say no more than that.
MOST = 200


def topics_register() -> None:
    """Make the topics known to the hub; each needs a permission to be heard."""
    for name, permission in PERMISSIONS.items():
        topics.register(topics.TopicRule(name, permission=permission))


def orders_changed(rows: Iterable[Order]) -> None:
    """Tell how these orders stand; their accounts must be loaded."""
    _tell(ORDERS, [(str(row.id), wire.encode(order_told(row))) for row in rows])


def fills_added(rows: Iterable[Fill]) -> None:
    """Tell of new executions; their accounts must be loaded."""
    _tell(FILLS, [(str(row.id), wire.encode(fill_told(row))) for row in rows])


def positions_changed(rows: Iterable[Position]) -> None:
    """Tell which positions changed; their accounts must be loaded."""
    items = [
        {
            "id": f"{row.account.name}:{row.symbol}:{row.side}:{row.event_at}",
            "at": row.updated_at,
            "account": row.account.name,
            "symbol": row.symbol,
            "side": row.side,
            "quantity": money(row.quantity),
            "entry": money(row.entry),
        }
        for row in rows
    ]
    _tell(POSITIONS, [(str(item["id"]), wire.encode(item)) for item in items])


def _tell(topic: str, items: list[tuple[str, bytes]]) -> None:
    for start in range(0, len(items), MOST):
        push.queue_on_commit(topic, items[start : start + MOST])
