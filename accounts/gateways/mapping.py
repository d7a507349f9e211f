"""From Binance's answers to the values that both gateways speak, and back. Pure."""

from dataclasses import replace
from decimal import Decimal

from accounts.domain.exchange import (
    BalanceNews,
    FillNews,
    IncomeNews,
    MarginType,
    NewOrder,
    OrderNews,
    OrderRef,
    PositionNews,
    Status,
)
from accounts.domain.rules import ZERO
from accounts.gateways.words import (
    ALGO_STATUS,
    EXCHANGE_MADE,
    FINISHED,
    number_of,
    status_of,
)
from market.binance.private_schemas import (
    AlgoBody,
    BalanceBody,
    IncomeBody,
    OrderBody,
    PositionBody,
    TradeBody,
)
from market.binance.signed import Params, Value

# -- what we say ----------------------------------------------------------------------


def order_params(order: NewOrder) -> Params:
    """Return the parameters of ``POST order``."""
    params: dict[str, Value] = {
        **_common(order),
        "newClientOrderId": order.client_id,
        "quantity": order.quantity,
    }
    if order.order_type == "LIMIT":
        params["price"] = order.price
        params["timeInForce"] = order.time_in_force or "GTC"
    return params


def algo_params(order: NewOrder) -> Params:
    """Return the parameters of ``POST algoOrder``."""
    params: dict[str, Value] = {**_common(order), "clientAlgoId": order.client_id}
    if order.close_position:
        params["closePosition"] = True
    else:
        params["quantity"] = order.quantity
    if order.order_type in ("STOP", "TAKE_PROFIT"):
        params["price"] = order.price
        params["timeInForce"] = order.time_in_force or "GTC"
    if order.order_type == "TRAILING_STOP_MARKET":
        params["callbackRate"] = order.callback_rate
        if order.stop_price:
            params["activatePrice"] = order.stop_price
    else:
        params["triggerPrice"] = order.stop_price
    return params


def _common(order: NewOrder) -> dict[str, Value]:
    params: dict[str, Value] = {
        "symbol": order.symbol,
        "side": order.side,
        "positionSide": order.position_side,
        "type": order.order_type,
    }
    # In hedge mode the sides say it, and the parameter is refused.
    if order.reduce_only and order.position_side == "BOTH":
        params["reduceOnly"] = True
    return params


def is_same(news: OrderNews, order: NewOrder) -> bool:
    """Whether what exists under the client id is what was to be placed."""
    closing = order.close_position and news.close_position
    return (news.side, news.order_type) == (order.side, order.order_type) and (
        closing or news.quantity == order.quantity
    )


# -- what is answered -----------------------------------------------------------------


def order_news(body: OrderBody) -> OrderNews:
    """Return the state that an answer tells; average price 0: not told."""
    return OrderNews(
        ref=OrderRef(body.symbol, body.client_order_id, body.order_id),
        status=status_of(body.status),
        side=body.side,
        order_type=body.orig_type or body.type,
        quantity=body.orig_qty,
        filled=body.executed_qty,
        average_price=_average(body),
        at=body.update_time,
        price=body.price,
        stop_price=body.stop_price,
        position_side=body.position_side,
        time_in_force=body.time_in_force,
        reduce_only=body.reduce_only,
        close_position=body.close_position,
        liquidation=body.client_order_id.startswith(EXCHANGE_MADE),
    )


def _average(body: OrderBody) -> Decimal:
    if body.avg_price:
        return body.avg_price
    if body.cum_quote and body.executed_qty:
        return body.cum_quote / body.executed_qty
    return ZERO


def algo_news(body: AlgoBody) -> OrderNews:
    """Return the state of a conditional order; what it became is asked for apart."""
    child = number_of(str(body.actual_order_id))
    status: Status = ALGO_STATUS.get(body.algo_status, "new" if child else "held")
    if body.algo_status == FINISHED and not child:
        status = "expired"
    return OrderNews(
        ref=OrderRef(
            body.symbol, body.client_algo_id, child, algo=True, algo_id=body.algo_id
        ),
        status=status,
        side=body.side,
        order_type=body.order_type,
        quantity=body.quantity or ZERO,
        filled=ZERO,
        average_price=ZERO,
        at=body.update_time,
        price=body.price or ZERO,
        stop_price=body.trigger_price,
        position_side=body.position_side,
        time_in_force=body.time_in_force,
        reduce_only=body.reduce_only,
        close_position=body.close_position,
        triggered_id=child,
    )


def with_child(algo: OrderNews, child: OrderNews) -> OrderNews:
    """Return a conditional order in the state of the order that it became."""
    return replace(
        algo,
        status=child.status,
        filled=child.filled,
        average_price=child.average_price,
        at=max(algo.at, child.at),
    )


def position_news(
    body: PositionBody, settings: dict[str, tuple[int, MarginType]], at: int
) -> PositionNews:
    """Return a position; ``settings`` are leverage and margin type by symbol.

    ``at`` is when it was asked for: the row's own time is of its last change.
    """
    leverage, margin_type = settings.get(body.symbol, (None, None))
    return PositionNews(
        symbol=body.symbol,
        side=body.position_side,
        quantity=body.position_amt,
        entry=body.entry_price,
        at=at,
        profit=body.un_realized_profit,
        leverage=leverage,
        margin_type=margin_type,
        isolated_margin=body.isolated_margin,
        liquidation_price=body.liquidation_price,
    )


def balance_news(body: BalanceBody, at: int) -> BalanceNews:
    """Return a wallet as it was at ``at``."""
    return BalanceNews(body.asset, body.balance, at, body.available_balance)


def fill_news(body: TradeBody) -> FillNews:
    """Return an execution; answers do not tell the client id."""
    return FillNews(
        symbol=body.symbol,
        trade_id=body.id,
        exchange_id=body.order_id,
        side=body.side,
        quantity=body.qty,
        price=body.price,
        at=body.time,
        position_side=body.position_side,
        fee=body.commission,
        fee_asset=body.commission_asset,
        realised=body.realized_pnl,
        maker=body.maker,
    )


def income_news(body: IncomeBody) -> IncomeNews:
    """Return what came or went."""
    return IncomeNews(
        kind=body.income_type,
        number=str(body.tran_id),
        asset=body.asset,
        amount=body.income,
        at=body.time,
        symbol=body.symbol,
        trade_id=str(body.trade_id),
    )
