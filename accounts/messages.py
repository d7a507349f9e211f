"""Rows of accounts as REST and pushes tell them: money as text, times in ms.

Numbers that an exchange counts (orders, trades) are text too: they outgrow what a
browser can count.
"""

from decimal import Decimal
from typing import Any, cast

from django.conf import settings

from accounts.domain.modes import GUARDED, Circumstances, Decision, Mode, Venue, decide
from accounts.domain.rules import ZERO
from accounts.models import ExchangeAccount, Fill, Order, ParentOrder
from accounts.models.orders import OrderState
from core.fields import plain

Told = dict[str, Any]
MOST_POINTS = 1_000
# Digits after the point that are told.
PLACES = 12


def money(number: Decimal | int | None) -> str | None:
    """Return a number as plain text; None stays None."""
    if number is None:
        return None
    exact = Decimal(number)
    exponent = exact.as_tuple().exponent
    # What an average leaves beyond the digits that any price or quantity has.
    if isinstance(exponent, int) and -exponent > PLACES:
        exact = round(exact, PLACES)
    return plain(exact)


def decision(account: ExchangeAccount) -> Decision:
    """Return where the account's orders go, why not, and the badge."""
    return decide(
        Circumstances(
            venue=cast(Venue, account.venue),
            mode=cast(Mode, account.mode),
            trading_mode=settings.QUANTAI.site.trading_mode,
            live_enabled=account.live_enabled,
            key_checked=bool(account.key_check.get("passed")),
            guarded=GUARDED,
        )
    )


def account_badge(account: ExchangeAccount) -> str:
    """Return PAPER, SIMULATED, TESTNET or LIVE."""
    return decision(account).badge


def order_told(order: Order) -> Told:
    """Tell how an order stands."""
    state = OrderState(order.state)
    return {
        "id": order.id,
        "account": order.account.name,
        "badge": account_badge(order.account),
        "parent": order.parent_id,
        "client_id": order.client_id,
        "exchange_id": _number(order.exchange_id),
        "algo_id": _number(order.algo_id),
        "algo": order.algo,
        "symbol": order.symbol,
        "side": order.side,
        "position_side": order.position_side,
        "type": order.order_type,
        "time_in_force": order.time_in_force,
        "quantity": money(order.quantity),
        "filled": money(order.filled),
        "left": money(max(order.quantity - order.filled, ZERO)),
        "price": money(order.price),
        "stop_price": money(order.stop_price),
        "average_price": money(order.average_price),
        "reduce_only": order.reduce_only,
        "close_position": order.close_position,
        "state": state.value,
        "final": state.final,
        "external": order.external,
        "liquidation": order.liquidation,
        "reason": order.reason,
        "error_code": order.error_code,
        "created_at": order.created_at,
        "sent_at": order.sent_at,
        "acknowledged_at": order.acknowledged_at,
        "updated_at": order.updated_at,
    }


def fill_told(fill: Fill) -> Told:
    """Tell of an execution; ``fee`` is what was paid, negative for a rebate."""
    return {
        "id": fill.id,
        "account": fill.account.name,
        "badge": account_badge(fill.account),
        "order": fill.order_id,
        "trade_id": str(fill.trade_id),
        "exchange_order_id": str(fill.exchange_order_id),
        "symbol": fill.symbol,
        "side": fill.side,
        "position_side": fill.position_side,
        "quantity": money(fill.quantity),
        "price": money(fill.price),
        "notional": money(fill.quantity * fill.price),
        "fee": money(fill.fee),
        "fee_asset": fill.fee_asset,
        "realised": money(fill.realised),
        "maker": fill.maker,
        "at": fill.at,
    }


def parent_told(parent: ParentOrder) -> Told:
    """Tell how an order over several accounts stands; ``plan`` is what was sent."""
    return {
        "id": parent.id,
        "intent": None if parent.intent_id is None else str(parent.intent_id),
        "symbol": parent.symbol,
        "side": parent.side,
        "type": parent.order_type,
        "quantity": money(parent.quantity),
        "strategy": parent.strategy,
        "policy": parent.policy,
        "plan": parent.plan,
        "state": parent.state,
        "created_at": parent.created_at,
        "updated_at": parent.updated_at,
    }


def thin(points: list[list[object]]) -> list[list[object]]:
    """Leave at most ``MOST_POINTS`` of a curve, the first and the last among them."""
    if len(points) <= MOST_POINTS:
        return points
    step = (len(points) - 1) / (MOST_POINTS - 1)
    return [points[round(number * step)] for number in range(MOST_POINTS)]


def _number(value: int | None) -> str | None:
    return None if value is None else str(value)
