"""The life of one order from everything that is heard of it, in any order. Pure.

Answers, questions and events tell the same life more than once and not in its order. So
a state only moves forward, what was filled only grows, and the terms are those of the
newest word: whatever comes twice or late changes nothing. What we concluded ourselves
(refused, never sent) gives way to what the exchange tells.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from accounts.domain.exchange import NewOrder, OrderNews, Outcome
from accounts.domain.positions import PositionSide, Side
from accounts.domain.rules import ZERO

# How far a life has come; equal for all ends, of which the exchange tells only one.
RANKS: dict[str, int] = {
    "journalled": 0,
    "sent": 1,
    "unknown": 2,
    "never_sent": 3,
    "refused": 3,
    "held": 4,
    "new": 5,
    "partially_filled": 6,
    "filled": 7,
    "canceled": 7,
    "expired": 7,
    "rejected": 7,
}
OPEN: frozenset[str] = frozenset({"held", "new", "partially_filled"})
UNSURE: frozenset[str] = frozenset({"journalled", "sent", "unknown"})
REASON_LENGTH = 300
FOUND = "found on the exchange"


@dataclass(frozen=True)
class OrderFacts:
    """What is known of one order; the fields are those of its row.

    ``event_at`` 0: the exchange has not told anything of it yet.
    """

    client_id: str
    symbol: str
    side: Side
    order_type: str
    quantity: Decimal
    created_at: int
    exchange_id: int | None = None
    algo_id: int | None = None
    algo: bool = False
    position_side: PositionSide = "BOTH"
    time_in_force: str = ""
    price: Decimal = ZERO
    stop_price: Decimal = ZERO
    reduce_only: bool = False
    close_position: bool = False
    state: str = "journalled"
    filled: Decimal = ZERO
    average_price: Decimal = ZERO
    external: bool = False
    liquidation: bool = False
    reason: str = ""
    error_code: int | None = None
    sent_at: int | None = None
    acknowledged_at: int | None = None
    event_at: int = 0

    @property
    def rank(self) -> int:
        """How far it has come."""
        if self.state == "rejected" and not self.event_at:
            return RANKS["refused"]
        return RANKS[self.state]


def begun(order: NewOrder, at: int) -> OrderFacts:
    """Return an order that is written and not sent yet."""
    return OrderFacts(
        client_id=order.client_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        created_at=at,
        algo=order.conditional,
        position_side=order.position_side,
        time_in_force=order.time_in_force,
        price=order.price,
        stop_price=order.stop_price,
        reduce_only=order.reduce_only,
        close_position=order.close_position,
    )


def adopted(news: OrderNews, *, ours: bool) -> OrderFacts:
    """Return an order that the exchange knows and we do not.

    ``ours``: its client id is one that we give.
    """
    found = OrderFacts(
        client_id=news.ref.client_id,
        symbol=news.ref.symbol,
        side=news.side,
        order_type=news.order_type,
        quantity=news.quantity,
        created_at=news.at,
        external=not ours,
    )
    reason = news.reason or (FOUND if ours else "")
    return replace(told(found, news), reason=reason[:REASON_LENGTH])


def told(known: OrderFacts, news: OrderNews) -> OrderFacts:
    """Return what is known after the exchange told this."""
    rank = RANKS[news.status]
    forward = (rank, _order_of(news.status)) > (known.rank, _order_of(known.state))
    found = replace(
        known,
        exchange_id=known.exchange_id or news.triggered_id or _exchange_id(news),
        algo_id=known.algo_id or news.ref.algo_id,
        algo=known.algo or news.ref.algo,
        liquidation=known.liquidation or news.liquidation,
        acknowledged_at=known.acknowledged_at or news.at,
        event_at=max(known.event_at, news.at),
    )
    if forward:
        reason = news.reason or (known.reason if known.event_at else "")
        found = replace(
            found, state=news.status, reason=reason[:REASON_LENGTH], error_code=None
        )
    if news.filled > known.filled:
        found = replace(found, filled=news.filled, average_price=news.average_price)
    elif news.filled == known.filled and not known.average_price:
        found = replace(found, average_price=news.average_price)
    if (news.at, rank) >= (known.event_at, known.rank if known.event_at else -1):
        found = replace(
            found,
            quantity=news.quantity or known.quantity,
            price=news.price or known.price,
            stop_price=news.stop_price or known.stop_price,
        )
    return found


def _order_of(state: str) -> str:
    """Of several ends, which would contradict each other, always the same one wins."""
    return state if RANKS[state] == RANKS["filled"] else ""


def _exchange_id(news: OrderNews) -> int | None:
    """A conditional order's own number is its algo id."""
    return None if news.ref.algo else news.ref.exchange_id


def sent(known: OrderFacts, at: int) -> OrderFacts:
    """Return an order that is on its way."""
    state = "sent" if known.state == "journalled" else known.state
    return replace(known, state=state, sent_at=known.sent_at or at)


def answered(known: OrderFacts, outcome: Outcome, at: int) -> OrderFacts:
    """Return what is known after an attempt to place the order came to this."""
    if outcome.news is not None:
        known = told(known, outcome.news)
    if outcome.kind == "done":
        return replace(known, acknowledged_at=known.acknowledged_at or at)
    if known.rank >= RANKS["held"]:
        return known
    state = {"refused": "rejected", "not_sent": "never_sent"}.get(
        outcome.kind, "unknown"
    )
    return replace(
        known,
        state=state,
        reason=outcome.message[:REASON_LENGTH],
        error_code=outcome.code,
        acknowledged_at=at if state == "rejected" else known.acknowledged_at,
    )


def never_sent(known: OrderFacts, reason: str) -> OrderFacts:
    """Return an order that certainly is not at the exchange."""
    if known.rank >= RANKS["never_sent"]:
        return known
    return replace(known, state="never_sent", reason=reason[:REASON_LENGTH])


def parent_state(children: Iterable[tuple[str, Decimal]], planned: Decimal) -> str:
    """Return the state of an order over several accounts.

    ``children``: state and filled quantity of each; ``planned``: what was to be placed.
    WORKING while something can still happen, DONE when all of it was filled, PARTIAL
    when some failed or ended early and others did not, FAILED when nothing came of it.
    """
    found = list(children)
    filled = sum((each[1] for each in found), ZERO)
    states = {each[0] for each in found}
    failed = states & {"rejected", "never_sent"}
    if states & UNSURE:
        return "working"
    if states & OPEN:
        return "partial" if failed else "working"
    if filled >= planned > 0:
        return "done"
    return "partial" if filled else "failed"
