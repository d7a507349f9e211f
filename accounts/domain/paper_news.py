"""How the orders and rows of a paper account are told, as an exchange would."""

from accounts.domain.exchange import FillNews, IncomeNews, OrderNews, OrderRef
from accounts.domain.paper_records import PaperFillRow, PaperIncomeRow, PaperOrder
from accounts.domain.rules import ZERO

ASSET = "USDT"


def order_news(order: PaperOrder) -> OrderNews:
    """Return the state of an order as an exchange tells it."""
    asked = order.order
    algo = asked.conditional
    number = order.child if algo else order.number
    return OrderNews(
        ref=OrderRef(
            asked.symbol,
            asked.client_id,
            number,
            algo=algo,
            algo_id=order.number if algo else None,
        ),
        status=order.status,
        side=asked.side,
        order_type=asked.order_type,
        quantity=order.quantity,
        filled=order.filled,
        average_price=order.cost / order.filled if order.filled else ZERO,
        at=order.at,
        price=order.price,
        stop_price=asked.stop_price,
        position_side=asked.position_side,
        time_in_force=asked.time_in_force,
        reduce_only=asked.reduce_only,
        close_position=asked.close_position,
        liquidation=order.liquidation,
        reason=order.reason,
        triggered_id=order.child,
    )


def fill_news(row: PaperFillRow) -> FillNews:
    """Return a past execution."""
    return FillNews(
        symbol=row.symbol,
        trade_id=row.trade_id,
        exchange_id=row.number,
        side=row.side,
        quantity=row.quantity,
        price=row.price,
        at=row.at,
        client_id=row.client_id,
        position_side=row.position_side,
        fee=row.fee,
        fee_asset=ASSET,
        realised=row.realised,
        maker=row.maker,
    )


def income_news(row: PaperIncomeRow) -> IncomeNews:
    """Return money that came or went."""
    return IncomeNews(
        kind=row.kind,
        number=str(row.number),
        asset=ASSET,
        amount=row.amount,
        at=row.at,
        symbol=row.symbol,
        trade_id=row.trade_id,
    )
