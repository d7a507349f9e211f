"""Answers of the account endpoints as JSON values."""

from decimal import Decimal
from typing import Any

from market.simulator.accounts import ledger
from market.simulator.accounts.records import (
    Account,
    Algo,
    Holding,
    IncomeRow,
    Order,
    TradeRow,
)
from market.simulator.accounts.terms import ZERO, maintenance
from market.simulator.accounts.view import MarketView

Row = dict[str, Any]
PLACES = Decimal("0.00000001")


def money(value: Decimal) -> str:
    """Eight digits after the point."""
    return f"{value.quantize(PLACES):f}"


def taken_row(order: Order) -> Row:
    """What is answered to an order when its result was not asked for."""
    return {**order_row(order), "status": "NEW", "executedQty": "0", "cumQty": "0"}


def order_row(order: Order, *, full: bool = False) -> Row:
    """``full`` as GET tells it."""
    row = {
        "orderId": order.number,
        "symbol": order.symbol,
        "status": order.status,
        "clientOrderId": order.client_id,
        "price": f"{order.price:f}",
        "origQty": f"{order.quantity:f}",
        "executedQty": f"{order.filled:f}",
        "cumQty": f"{order.filled:f}",
        "timeInForce": order.time_in_force,
        "type": order.type,
        "reduceOnly": order.reduce_only,
        "closePosition": order.close_position,
        "side": order.side,
        "positionSide": order.position_side,
        "stopPrice": f"{order.stop_price:f}",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": order.original_type or order.type,
        "priceMatch": "NONE",
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "goodTillDate": order.good_till_ms,
        "updateTime": order.updated_ms,
    }
    if full:
        row["avgPrice"] = f"{order.average:f}" if order.filled else "0.00000"
        row["cumQuote"] = f"{order.total:f}"
        row["time"] = order.created_ms
    return row


def algo_row(algo: Algo) -> Row:
    return {
        "algoId": algo.number,
        "clientAlgoId": algo.client_id,
        "algoType": "CONDITIONAL",
        "orderType": algo.type,
        "symbol": algo.symbol,
        "side": algo.side,
        "positionSide": algo.position_side,
        "timeInForce": algo.time_in_force,
        "quantity": f"{algo.quantity:f}",
        "algoStatus": algo.status,
        "triggerPrice": f"{algo.trigger:f}",
        "price": f"{algo.price:f}",
        "icebergQuantity": None,
        "selfTradePreventionMode": "EXPIRE_MAKER",
        "workingType": algo.working_type,
        "priceMatch": "NONE",
        "closePosition": algo.close_position,
        "priceProtect": False,
        "reduceOnly": algo.reduce_only,
        "activatePrice": f"{algo.activate:f}",
        "callbackRate": f"{algo.callback:f}",
        "actualOrderId": str(algo.order_number or ""),
        "createTime": algo.created_ms,
        "updateTime": algo.updated_ms,
        "triggerTime": algo.triggered_ms,
        "goodTillDate": algo.good_till_ms,
    }


def sides(account: Account) -> tuple[str, ...]:
    """Position sides of the account's mode."""
    return ("LONG", "SHORT") if account.hedge else ("BOTH",)


def position_rows(account: Account, view: MarketView, *, version: int) -> list[Row]:
    """v3 lists what has a position or an open order, v2 every contract."""
    names = set(view.names)
    if version >= 3:
        names = {one.symbol for one in account.holdings.values() if one.amount}
        names |= {one.symbol for one in account.open_orders()}
    return [
        _position_row(account, _held(account, name, side), view, version)
        for name in sorted(names)
        for side in sides(account)
        if version < 3 or side == "BOTH" or _held(account, name, side).amount
    ]


def _held(account: Account, symbol: str, side: str) -> Holding:
    return account.holdings.get(f"{symbol} {side}") or Holding(symbol, side)


def _position_row(
    account: Account, holding: Holding, view: MarketView, version: int
) -> Row:
    mark = view.mark(holding.symbol)
    notional = holding.amount * mark
    leverage = account.leverage(holding.symbol)
    isolated = account.isolated.get(holding.symbol, False)
    bound = abs(notional) / leverage
    row = {
        "symbol": holding.symbol,
        "positionSide": holding.side,
        "positionAmt": f"{holding.amount:f}",
        "entryPrice": money(holding.entry),
        "breakEvenPrice": money(holding.entry),
        "markPrice": money(mark),
        "unRealizedProfit": money(ledger.open_profit(holding, mark)),
        "liquidationPrice": money(
            ledger.liquidation_price(account, holding, view.mark)
        ),
        "isolatedMargin": money(
            holding.isolated + ledger.open_profit(holding, mark) if isolated else ZERO
        ),
        "notional": money(notional),
        "marginAsset": "USDT",
        "isolatedWallet": money(holding.isolated if isolated else ZERO),
        "initialMargin": money(bound),
        "maintMargin": money(maintenance(abs(notional))),
        "positionInitialMargin": money(bound),
        "openOrderInitialMargin": "0",
        "adl": 0,
        "bidNotional": "0",
        "askNotional": "0",
        "updateTime": holding.updated_ms,
    }
    if version < 3:
        row["leverage"] = str(leverage)
        row["marginType"] = "isolated" if isolated else "cross"
        row["maxNotionalValue"] = "1000000"
        row["isAutoAddMargin"] = "false"
    return row


def balance_rows(account: Account, view: MarketView) -> list[Row]:
    found = ledger.margin(account, view.mark)
    return [
        {
            "accountAlias": "sim",
            "asset": "USDT",
            "balance": money(found.wallet),
            "crossWalletBalance": money(found.cross_wallet),
            "crossUnPnl": money(found.cross_profit),
            "availableBalance": money(found.available),
            "maxWithdrawAmount": money(min(found.available, found.cross_wallet)),
            "marginAvailable": True,
            "updateTime": view.now_ms,
        }
    ]


def account_row(account: Account, view: MarketView, *, version: int) -> Row:
    found = ledger.margin(account, view.mark)
    asset = {
        "asset": "USDT",
        "walletBalance": money(found.wallet),
        "unrealizedProfit": money(found.profit),
        "marginBalance": money(found.wallet + found.profit),
        "maintMargin": money(found.maintenance),
        "initialMargin": money(found.positions + found.orders),
        "positionInitialMargin": money(found.positions),
        "openOrderInitialMargin": money(found.orders),
        "crossWalletBalance": money(found.cross_wallet),
        "crossUnPnl": money(found.cross_profit),
        "availableBalance": money(found.available),
        "maxWithdrawAmount": money(min(found.available, found.cross_wallet)),
        "updateTime": view.now_ms,
    }
    positions = [
        {
            **row,
            "unrealizedProfit": row["unRealizedProfit"],
        }
        for row in position_rows(account, view, version=version)
    ]
    row = {
        "totalInitialMargin": asset["initialMargin"],
        "totalMaintMargin": asset["maintMargin"],
        "totalWalletBalance": asset["walletBalance"],
        "totalUnrealizedProfit": asset["unrealizedProfit"],
        "totalMarginBalance": asset["marginBalance"],
        "totalPositionInitialMargin": asset["positionInitialMargin"],
        "totalOpenOrderInitialMargin": asset["openOrderInitialMargin"],
        "totalCrossWalletBalance": asset["crossWalletBalance"],
        "totalCrossUnPnl": asset["crossUnPnl"],
        "availableBalance": asset["availableBalance"],
        "maxWithdrawAmount": asset["maxWithdrawAmount"],
        "assets": [asset],
        "positions": positions,
    }
    if version < 3:
        row.update(
            feeTier=0,
            canTrade=account.can_trade,
            canDeposit=True,
            canWithdraw=account.can_withdraw,
            updateTime=0,
            multiAssetsMargin=False,
            tradeGroupId=-1,
        )
    return row


def trade_row(trade: TradeRow) -> Row:
    return {
        "symbol": trade.symbol,
        "id": trade.number,
        "orderId": trade.order_number,
        "side": trade.side,
        "price": f"{trade.price:f}",
        "qty": f"{trade.quantity:f}",
        "quoteQty": f"{trade.price * trade.quantity:f}",
        "realizedPnl": f"{trade.profit:f}",
        "commission": f"{trade.fee:f}",
        "commissionAsset": "USDT",
        "time": trade.time_ms,
        "positionSide": trade.position_side,
        "buyer": trade.side == "BUY",
        "maker": trade.maker,
        "marginAsset": "USDT",
    }


def income_row(income: IncomeRow) -> Row:
    return {
        "symbol": income.symbol,
        "incomeType": income.kind,
        "income": f"{income.amount:f}",
        "asset": "USDT",
        "info": income.trade or income.kind,
        "time": income.time_ms,
        "tranId": income.number,
        "tradeId": income.trade,
    }
