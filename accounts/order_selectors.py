"""Reads of orders, executions and what people asked for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from accounts.messages import Told, fill_told, order_told, parent_told
from accounts.models import Fill, Intent, Order, ParentOrder
from accounts.models.orders import FINAL_STATES, IntentKind, IntentState, OrderState
from core.errors import InvalidInput

FINAL = sorted(state.value for state in FINAL_STATES)
OPEN, CLOSED = "open", "closed"
STATES = (OPEN, CLOSED, *(state.value for state in OrderState))
CHUNK = 2_000
# What the gate judges.
GATED = (IntentKind.PLACE.value, IntentKind.AMEND.value, IntentKind.CLOSE.value)


@dataclass(frozen=True)
class Wanted:
    """Which rows: empty means all. ``state``: ``open``, ``closed`` or one state.

    ``since`` and ``until`` in ms, the later one excluded; ``after`` is the id of the
    last row seen, newest first.
    """

    venue: str
    account: str = ""
    group: str = ""
    symbol: str = ""
    side: str = ""
    state: str = ""
    parent: int | None = None
    order: int | None = None
    since: int | None = None
    until: int | None = None
    after: int = 0
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.state and self.state not in STATES:
            raise InvalidInput("state", self.state, f"one of {', '.join(STATES)}")
        if (
            self.since is not None
            and self.until is not None
            and self.until <= self.since
        ):
            raise InvalidInput("until", self.until, "must be later than since")


def orders(wanted: Wanted) -> Iterator[Told]:
    """Yield orders, newest first."""
    rows = _of(Order.objects.select_related("account"), wanted, time="created_at")
    if wanted.state == OPEN:
        rows = rows.exclude(state__in=FINAL)
    elif wanted.state == CLOSED:
        rows = rows.filter(state__in=FINAL)
    elif wanted.state:
        rows = rows.filter(state=wanted.state)
    if wanted.parent is not None:
        rows = rows.filter(parent_id=wanted.parent)
    return (order_told(row) for row in _newest(rows, wanted))


def order(*, venue: str, order_id: int) -> Told | None:
    """Return one order with its executions, or None."""
    row = order_row(venue=venue, order_id=order_id)
    if row is None:
        return None
    made = row.fills.select_related("account").order_by("at", "id")
    return {**order_told(row), "fills": [fill_told(fill) for fill in made]}


def order_row(*, venue: str, order_id: int) -> Order | None:
    """Return the row of an order with its account, or None."""
    rows = Order.objects.select_related("account")
    return rows.filter(account__venue=venue, id=order_id).first()


def fills(wanted: Wanted) -> Iterator[Told]:
    """Yield executions, newest first (by when we learned of them)."""
    rows = _of(Fill.objects.select_related("account"), wanted, time="at")
    if wanted.order is not None:
        rows = rows.filter(order_id=wanted.order)
    return (fill_told(row) for row in _newest(rows, wanted))


def order_counts(*, venue: str) -> dict[str, int]:
    """Return how many orders are open and how many nobody knows the outcome of."""
    rows = Order.objects.filter(account__venue=venue)
    return {
        "open": rows.exclude(state__in=FINAL).count(),
        "unknown": rows.filter(state=OrderState.UNKNOWN.value).count(),
    }


def parents(*, venue: str, after: int = 0, limit: int = 100) -> list[Told]:
    """Return orders as people gave them, newest first, each with its children."""
    rows = ParentOrder.objects.filter(venue=venue).order_by("-id")
    if after:
        rows = rows.filter(id__lt=after)
    return [_with_children(row) for row in rows[:limit]]


def parent(*, venue: str, parent_id: int) -> Told | None:
    """Return one of them, or None."""
    row = ParentOrder.objects.filter(venue=venue, id=parent_id).first()
    return None if row is None else _with_children(row)


def parent_of_intent(intent: Intent) -> Told | None:
    """Return the order that came of an intent, or None."""
    row = ParentOrder.objects.filter(intent=intent).first()
    return None if row is None else _with_children(row)


def _with_children(row: ParentOrder) -> Told:
    children = row.children.select_related("account").order_by("account__name", "id")
    return {**parent_told(row), "orders": [order_told(child) for child in children]}


def intent_told(row: Intent) -> Told:
    """Tell how far something that was asked for has come."""
    return {
        "intent": str(row.id),
        "kind": row.kind,
        "state": row.state,
        "source": row.source,
        "actor": row.actor,
        "result": row.result,
        "created_at": row.created_at,
        "deadline": row.deadline,
        "taken_at": row.taken_at,
        "ended_at": row.ended_at,
    }


def refusals(*, venue: str, limit: int) -> list[Told]:
    """Return the newest orders that the gate refused on every account, newest first."""
    rows = Intent.objects.filter(
        venue=venue,
        state=IntentState.REFUSED.value,
        kind__in=GATED,
        result__codes__0__isnull=False,
    )
    return [_refusal_told(row) for row in rows.order_by("-created_at")[:limit]]


def _refusal_told(row: Intent) -> Told:
    result, payload = row.result, row.payload
    return {
        "id": str(row.id),
        "at": row.created_at,
        "kind": row.kind,
        "actor": row.actor,
        "source": row.source,
        "symbol": payload.get("symbol", ""),
        "side": payload.get("side", ""),
        "quantity": payload.get("quantity"),
        "order": payload.get("order"),
        "codes": result.get("codes", []),
        "accounts": [one["account"] for one in result.get("accounts", [])],
        "message": result.get("message", ""),
    }


def _of(rows: QuerySet[Any], wanted: Wanted, *, time: str) -> QuerySet[Any]:
    rows = rows.filter(account__venue=wanted.venue)
    if wanted.account:
        rows = rows.filter(account__name=wanted.account)
    if wanted.group:
        rows = rows.filter(account__group__name=wanted.group)
    if wanted.symbol:
        rows = rows.filter(symbol=wanted.symbol)
    if wanted.side:
        rows = rows.filter(side=wanted.side)
    if wanted.since is not None:
        rows = rows.filter(**{f"{time}__gte": wanted.since})
    if wanted.until is not None:
        rows = rows.filter(**{f"{time}__lt": wanted.until})
    if wanted.after:
        rows = rows.filter(id__lt=wanted.after)
    return rows


def _newest(rows: QuerySet[Any], wanted: Wanted) -> Iterator[Any]:
    rows = rows.order_by("-id")
    if wanted.limit is not None:
        rows = rows[: wanted.limit]
    return iter(rows.iterator(chunk_size=CHUNK))
