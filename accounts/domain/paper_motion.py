"""What the market's motion, time and losses do to a paper account. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from accounts.domain import paper
from accounts.domain.exchange import NewOrder
from accounts.domain.paper_account import PaperAccount
from accounts.domain.paper_records import (
    AnyRecord,
    Ended,
    Filled,
    Funded,
    Ordered,
    PaperOrder,
    Settled,
    Trailed,
    Triggered,
)
from accounts.domain.paper_terms import (
    Glance,
    Terms,
    Tick,
    closes_only,
    crossed,
    taken,
)
from accounts.domain.positions import Position
from accounts.domain.rules import ZERO

PERCENT = Decimal("0.01")
MAINTENANCE = Decimal("0.005")
FUNDING_MS = 8 * 3_600_000
FUNDING_PATIENCE_MS = 600_000


def advance(
    account: PaperAccount,
    order: PaperOrder,
    glance: Glance,
    pool: dict[int, Decimal],
    terms: Terms,
) -> list[AnyRecord]:
    """Return what new trades and the present book do to one open order.

    ``pool``: what is left of each new trade's quantity; orders share it.
    """
    if order.status == "held":
        return list(_watched(account, order, glance, terms))
    return list(_rested(account, order, glance, pool, terms))


def _rested(
    account: PaperAccount,
    order: PaperOrder,
    glance: Glance,
    pool: dict[int, Decimal],
    terms: Terms,
) -> Iterator[AnyRecord]:
    asked, left = order.order, order.left
    if closes_only(asked):
        left = min(left, account.closable(asked))
        if not left:
            yield Ended(terms.at, asked.client_id, "expired", "the position is closed")
            return
    trade = account.state.next_trade
    for tick in _through(order, glance, pool, left):
        fill = paper.rest(
            asked.side,
            left,
            order.price,
            traded_price=tick.price,
            traded_quantity=tick.quantity,
            costs=terms.costs,
        )
        if fill is None:
            continue
        pool[tick.id] = tick.quantity - fill.quantity
        left -= fill.quantity
        yield Filled(
            terms.at,
            asked.client_id,
            trade,
            fill.quantity,
            fill.price,
            fill.fee,
            maker=True,
        )
        trade += 1
        if not left:
            return


def _through(
    order: PaperOrder, glance: Glance, pool: dict[int, Decimal], left: Decimal
) -> Iterator[Tick]:
    """Yield what may have met the order: trades since, else a book beyond it.

    A best price on the other side that is better than ours cannot stand there with our
    order unfilled, so all of it was.
    """
    for tick in glance.trades:
        if tick.at > order.at and pool.get(tick.id, tick.quantity) > 0:
            yield Tick(tick.id, tick.at, tick.price, pool.get(tick.id, tick.quantity))
    best = glance.opposite(order.order.side)
    if best is not None and glance.book.at > order.at:
        yield Tick(-1, glance.book.at, best, left)


def _watched(
    account: PaperAccount, order: PaperOrder, glance: Glance, terms: Terms
) -> Iterator[AnyRecord]:
    """Follow a trailing stop; let a conditional order become one when it is time."""
    seen = [tick.price for tick in glance.trades if tick.at > order.at]
    if glance.last is not None:
        seen.append(glance.last)
    extreme = order.extreme
    for price in seen:
        extreme = _followed(order.order, extreme, price)
        if not _reached(order.order, extreme, price):
            continue
        yield from _become(account, order, glance, terms)
        return
    if extreme != order.extreme:
        yield Trailed(terms.at, order.order.client_id, extreme)


def _become(
    account: PaperAccount, order: PaperOrder, glance: Glance, terms: Terms
) -> Iterator[AnyRecord]:
    asked = order.order
    quantity = order.quantity
    if closes_only(asked):
        closable = account.closable(asked)
        quantity = closable if asked.close_position else min(quantity, closable)
        if not quantity:
            yield Ended(
                terms.at, asked.client_id, "expired", "there is nothing to close"
            )
            return
    yield Triggered(terms.at, asked.client_id, account.state.next_number, quantity)
    limit = asked.price if asked.order_type in ("STOP", "TAKE_PROFIT") else None
    price = limit or glance.opposite(asked.side) or ZERO
    opening = ZERO if closes_only(asked) else quantity - account.closable(asked)
    needed = max(ZERO, opening) * price / account.leverage(asked.symbol)
    if needed > account.available(terms.prices):
        yield Ended(terms.at, asked.client_id, "expired", "Margin is insufficient")
        return
    yield from taken(account, asked, quantity, limit, glance, terms)


def _followed(order: NewOrder, extreme: Decimal, price: Decimal) -> Decimal:
    """Return the best price since activation; 0 before it and for other orders."""
    if order.order_type != "TRAILING_STOP_MARKET":
        return ZERO
    if not extreme:
        active = (
            not order.stop_price
            or (price <= order.stop_price) is (order.side == "BUY")
            or price == order.stop_price
        )
        return price if active else ZERO
    return min(extreme, price) if order.side == "BUY" else max(extreme, price)


def _reached(order: NewOrder, extreme: Decimal, price: Decimal) -> bool:
    if order.order_type != "TRAILING_STOP_MARKET":
        return crossed(order, price)
    if not extreme:
        return False
    back = extreme * order.callback_rate * PERCENT
    return price >= extreme + back if order.side == "BUY" else price <= extreme - back


def funding(
    account: PaperAccount, glances: Mapping[str, Glance], at: int
) -> list[AnyRecord]:
    """Settle every funding time (each 8 hours, UTC) that has passed.

    Longs pay shorts when the rate is positive. One missed while nobody looked is settled
    at the rate and mark that are known now; while they are not known it waits a while.
    """
    first = account.state.settled_at // FUNDING_MS + 1
    moments = range(first * FUNDING_MS, at + 1, FUNDING_MS)
    if not moments:
        return []
    held = account.held()
    told = [each for each in held if _rated(glances.get(each.symbol))]
    if len(told) < len(held) and at - moments[-1] < FUNDING_PATIENCE_MS:
        return []
    records: list[AnyRecord] = [
        Funded(moment, each.symbol, each.side, _funded(each, glances[each.symbol]))
        for moment in moments
        for each in told
    ]
    return [*records, Settled(moments[-1])]


def _rated(glance: Glance | None) -> bool:
    return (
        glance is not None
        and glance.mark is not None
        and glance.funding_rate is not None
    )


def _funded(position: Position, glance: Glance) -> Decimal:
    return -position.quantity * (glance.mark or ZERO) * (glance.funding_rate or ZERO)


def liquidation(
    account: PaperAccount, prices: Mapping[str, Decimal]
) -> Sequence[NewOrder]:
    """Return orders that close everything once the margin is used up, else none."""
    held = account.held()
    worth = account.state.wallet + account.open_profit(prices)
    kept = sum(
        (
            abs(each.quantity) * prices.get(each.symbol, each.entry) * MAINTENANCE
            for each in held
        ),
        ZERO,
    )
    if not held or worth > kept:
        return ()
    return [
        NewOrder(
            client_id=f"autoclose-{account.state.next_number + number}",
            symbol=each.symbol,
            side="SELL" if each.quantity > 0 else "BUY",
            order_type="MARKET",
            quantity=abs(each.quantity),
            position_side=each.side,
            reduce_only=each.side == "BOTH",
        )
        for number, each in enumerate(held)
    ]


def liquidated(
    account: PaperAccount, order: NewOrder, glance: Glance, terms: Terms
) -> list[AnyRecord]:
    """Return what a liquidation's order does; no rule of the symbol holds it up."""
    records: list[AnyRecord] = [
        Ordered(terms.at, account.state.next_number, order, liquidation=True)
    ]
    records += taken(account, order, order.quantity, None, glance, terms)
    return records
