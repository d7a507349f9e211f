"""Which orders a paper exchange accepts, and what they get at once. Pure.

Refusals carry the numbers that Binance gives for the same reasons.
"""

from decimal import Decimal

from accounts.domain import paper
from accounts.domain.exchange import NewOrder
from accounts.domain.paper import PaperCosts
from accounts.domain.paper_account import PaperAccount
from accounts.domain.paper_records import Amended, AnyRecord, Ordered, PaperOrder
from accounts.domain.paper_terms import (
    Glance,
    Refusal,
    Terms,
    closes_only,
    crossed,
    taken,
)
from accounts.domain.rules import ZERO, SymbolRules
from core.errors import InvalidInput

WITH_A_PRICE = ("LIMIT", "STOP", "TAKE_PROFIT")


def place(
    account: PaperAccount, order: NewOrder, glance: Glance, terms: Terms
) -> list[AnyRecord] | Refusal:
    """Accept the order and fill what can be filled at once, or refuse it."""
    refusal = (
        _wrong_side(account, order)
        or _against_rules(order, glance, terms.rules)
        or _nothing_to_close(account, order)
        or _out_of_order(order, glance, terms.costs)
        or _too_little_margin(account, order, glance, terms)
    )
    if refusal is not None:
        return refusal
    state = account.state
    records: list[AnyRecord] = [Ordered(terms.at, state.next_number, order)]
    if not order.conditional:
        limit = order.price if order.order_type == "LIMIT" else None
        records += taken(account, order, order.quantity, limit, glance, terms)
    return records


def _wrong_side(account: PaperAccount, order: NewOrder) -> Refusal | None:
    if (order.position_side == "BOTH") is not account.state.hedge:
        return None
    mode = "hedge" if account.state.hedge else "one-way"
    return Refusal(
        -4061, f"position side {order.position_side} does not match {mode} mode"
    )


def _against_rules(
    order: NewOrder, glance: Glance, rules: SymbolRules
) -> Refusal | None:
    # A market order's price is no price of ours, so it need not be on the grid.
    price = order.price or glance.opposite(order.side) or glance.last or ZERO
    try:
        if order.order_type in WITH_A_PRICE and not order.price:
            raise InvalidInput("price", order.price, "is needed")
        if not order.close_position:
            near = rules.price_near(price) if not order.price else price
            rules.check(order.quantity, near, reduce_only=order.reduce_only)
        if order.conditional:
            _check_trigger(order, rules)
    except InvalidInput as error:
        return Refusal(-1013, str(error))
    return None


def _check_trigger(order: NewOrder, rules: SymbolRules) -> None:
    if order.order_type == "TRAILING_STOP_MARKET":
        if not Decimal("0.1") <= order.callback_rate <= 10:
            raise InvalidInput("callback_rate", order.callback_rate, "is 0.1 to 10 %")
    elif order.stop_price <= 0:
        raise InvalidInput("stop_price", order.stop_price, "must be above 0")
    if rules.price_near(order.stop_price) != order.stop_price:
        raise InvalidInput(
            "stop_price", order.stop_price, f"must be a multiple of {rules.tick}"
        )


def _nothing_to_close(account: PaperAccount, order: NewOrder) -> Refusal | None:
    if order.conditional or not closes_only(order) or account.closable(order):
        return None
    return Refusal(-2022, "ReduceOnly Order is rejected: there is nothing to close")


def _out_of_order(order: NewOrder, glance: Glance, costs: PaperCosts) -> Refusal | None:
    """What cannot be done because of where the market is."""
    if order.conditional:
        last = glance.last
        if last is not None and crossed(order, last):
            return Refusal(-2021, "Order would immediately trigger")
        return None
    if order.order_type != "LIMIT":
        return None
    best = glance.opposite(order.side)
    if order.time_in_force == "GTX" and best is not None:
        crossing = best <= order.price if order.side == "BUY" else best >= order.price
        if crossing:
            return Refusal(-5022, "Post Only order would be executed immediately")
    if order.time_in_force == "FOK":
        found = paper.take(
            order.side, order.quantity, glance.book, costs, limit=order.price
        )
        if found.left:
            return Refusal(-5021, "FOK order could not be filled immediately")
    return None


def _too_little_margin(
    account: PaperAccount, order: NewOrder, glance: Glance, terms: Terms
) -> Refusal | None:
    if order.conditional or closes_only(order):
        return None
    opening = max(ZERO, order.quantity - account.closable(order))
    price = order.price or glance.opposite(order.side) or ZERO
    fee = terms.costs.taker_bps * paper.BASIS_POINT
    needed = opening * price * (fee + 1 / Decimal(account.leverage(order.symbol)))
    free = account.available(terms.prices)
    if needed <= free:
        return None
    return Refusal(-2019, f"Margin is insufficient: {needed:f} of {free:f}")


def amend(
    account: PaperAccount,
    order: PaperOrder,
    quantity: Decimal,
    price: Decimal,
    glance: Glance,
    terms: Terms,
) -> list[AnyRecord] | Refusal:
    """Change quantity and price of what rests, and fill what can be filled then."""
    asked = order.order
    if order.status == "held" or asked.order_type not in (
        "LIMIT",
        "STOP",
        "TAKE_PROFIT",
    ):
        return Refusal(-4120, "only a resting LIMIT order can be changed")
    if (quantity, price) == (order.quantity, order.price):
        return Refusal(-5027, "there is nothing to change")
    if quantity <= order.filled:
        return Refusal(-4003, f"{order.filled} are filled already")
    try:
        terms.rules.check(quantity, price, reduce_only=asked.reduce_only)
    except InvalidInput as error:
        return Refusal(-1013, str(error))
    more = (quantity - order.filled) * price - order.left * order.price
    if more > 0 and not closes_only(asked):
        needed = more / account.leverage(asked.symbol)
        if needed > account.available(terms.prices):
            return Refusal(-2019, "Margin is insufficient")
    records: list[AnyRecord] = [Amended(terms.at, asked.client_id, quantity, price)]
    records += taken(account, asked, quantity - order.filled, price, glance, terms)
    return records
