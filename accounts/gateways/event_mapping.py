"""From events of Binance's private stream to the values that both gateways speak. Pure."""

import logging
from collections.abc import Iterator

from accounts.domain.exchange import (
    AccountEvent,
    BalanceNews,
    ConfigNews,
    FillNews,
    OrderNews,
    OrderRef,
    PositionNews,
)
from accounts.domain.rules import ZERO
from accounts.gateways.words import (
    ALGO_STATUS,
    EXCHANGE_MADE,
    FINISHED,
    expiry_of,
    margin_type_of,
    number_of,
    position_side_of,
    side_of,
    status_of,
)
from market.domain.user_events import (
    AccountUpdate,
    AlgoUpdate,
    LeverageChange,
    MarginCall,
    OrderUpdate,
    UserEvent,
)

log = logging.getLogger(__name__)

_LIQUIDATED = "CALCULATED"
_EXECUTED = ("TRADE", _LIQUIDATED)


def account_events(event: UserEvent) -> Iterator[AccountEvent]:
    """Yield what an event of the private stream says; some say nothing new to us.

    ``TRADE_LITE`` is followed by the whole order update.
    """
    if isinstance(event, OrderUpdate):
        yield from _order_events(event)
    elif isinstance(event, AccountUpdate):
        yield from _holdings(event)
    elif isinstance(event, AlgoUpdate):
        yield from _algo_events(event)
    elif isinstance(event, LeverageChange):
        yield ConfigNews(
            event.time or event.event_time, event.symbol, leverage=event.leverage
        )
    elif isinstance(event, MarginCall):
        names = ", ".join(each.symbol for each in event.positions)
        log.warning("margin call: %s near liquidation", names)


def _order_events(event: OrderUpdate) -> Iterator[AccountEvent]:
    liquidation = event.execution == _LIQUIDATED or event.client_id.startswith(
        EXCHANGE_MADE
    )
    side, position_side = side_of(event.side), position_side_of(event.position_side)
    yield OrderNews(
        ref=OrderRef(event.symbol, event.client_id, event.order_id),
        status=status_of(event.status),
        side=side,
        order_type=event.original_type or event.type,
        quantity=event.quantity,
        filled=event.filled_quantity,
        average_price=event.average_price,
        at=event.time,
        price=event.price,
        stop_price=event.stop_price,
        position_side=position_side,
        time_in_force=event.time_in_force,
        reduce_only=event.reduce_only,
        close_position=event.close_position,
        liquidation=liquidation,
        reason=expiry_of(event.expire_reason),
    )
    if event.execution in _EXECUTED and event.last_quantity and event.trade_id > 0:
        yield FillNews(
            symbol=event.symbol,
            trade_id=event.trade_id,
            exchange_id=event.order_id,
            side=side,
            quantity=event.last_quantity,
            price=event.last_price,
            at=event.time,
            client_id=event.client_id,
            position_side=position_side,
            fee=event.commission,
            fee_asset=event.commission_asset or "USDT",
            realised=event.realized_profit,
            maker=event.maker,
        )


def _holdings(event: AccountUpdate) -> Iterator[AccountEvent]:
    for balance in event.balances:
        yield BalanceNews(balance.asset, balance.wallet, event.time)
    for position in event.positions:
        isolated = margin_type_of(position.margin_type) == "isolated"
        yield PositionNews(
            symbol=position.symbol,
            side=position_side_of(position.side),
            quantity=position.quantity,
            entry=position.entry_price,
            at=event.time,
            profit=position.unrealized,
            margin_type="isolated" if isolated else "cross",
            isolated_margin=position.isolated_wallet if isolated else ZERO,
        )


def _algo_events(event: AlgoUpdate) -> Iterator[OrderNews]:
    child = number_of(event.child_order_id)
    status = ALGO_STATUS.get(event.status, "held")
    if event.status == FINISHED:
        if child is not None:
            return  # the order that it became tells how it ended
        status = "canceled"
    yield OrderNews(
        ref=OrderRef(
            event.symbol, event.client_id, child, algo=True, algo_id=event.algo_id
        ),
        status=status,
        side=side_of(event.side),
        order_type=event.order_type,
        quantity=event.quantity,
        filled=event.filled_quantity,
        average_price=event.average_price,
        at=event.time,
        price=event.price,
        stop_price=event.trigger_price,
        position_side=position_side_of(event.position_side),
        reduce_only=event.reduce_only,
        close_position=event.close_position,
        reason=event.reject_reason,
        triggered_id=child,
    )
