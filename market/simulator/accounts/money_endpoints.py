"""Endpoints about an account's money, positions, settings and keys."""

from typing import Any

from market.simulator.accounts import events
from market.simulator.accounts.answers import (
    account_row,
    balance_rows,
    income_row,
    position_rows,
    trade_row,
)
from market.simulator.accounts.records import Account
from market.simulator.accounts.side import AccountSide
from market.simulator.accounts.terms import (
    BRACKETS,
    MAKER_RATE,
    TAKER_RATE,
    ZERO,
    most_notional,
)
from market.simulator.errors import ApiError, missing, out_of_range
from market.simulator.queries import Query

MOST_LEVERAGE = 125
WEEK_MS = 7 * 86_400_000


def balance(side: AccountSide, account: Account, _: Query) -> Any:
    return balance_rows(account, side.view)


def account_v2(side: AccountSide, account: Account, _: Query) -> Any:
    return account_row(account, side.view, version=2)


def account_v3(side: AccountSide, account: Account, _: Query) -> Any:
    return account_row(account, side.view, version=3)


def positions_v2(side: AccountSide, account: Account, query: Query) -> Any:
    return _positions(side, account, query, 2)


def positions_v3(side: AccountSide, account: Account, query: Query) -> Any:
    return _positions(side, account, query, 3)


def _positions(side: AccountSide, account: Account, query: Query, version: int) -> Any:
    symbol = query.symbol()
    rows = position_rows(account, side.view, version=version)
    return [row for row in rows if symbol in (None, row["symbol"])]


def trades(side: AccountSide, account: Account, query: Query) -> Any:
    """Executions of a symbol; seven days at most between both times."""
    symbol = side.view.symbol(query.text("symbol")).name
    start, end = query.window()
    if start is not None and end is not None and end - start > WEEK_MS:
        raise ApiError(-4084, "Search window is restricted to 7 days.")
    first, order = query.number("fromId"), query.number("orderId")
    found = [
        one
        for one in account.trades
        if one.symbol == symbol
        and (first is None or one.number >= first)
        and (order is None or one.order_number == order)
        and (start is None or one.time_ms >= start)
        and (end is None or one.time_ms <= end)
    ]
    limit = query.limit(default=500, most=1000)
    newest = first is None and start is None
    return [trade_row(one) for one in (found[-limit:] if newest else found[:limit])]


def income(side: AccountSide, account: Account, query: Query) -> Any:
    start, end = query.window()
    kind, symbol = query.maybe("incomeType"), query.symbol()
    found = [
        one
        for one in account.incomes
        if kind in (None, one.kind)
        and symbol in (None, one.symbol)
        and (start is None or one.time_ms >= start)
        and (end is None or one.time_ms <= end)
    ]
    limit = query.limit(default=100, most=1000)
    return [income_row(one) for one in (found[-limit:] if not start else found[:limit])]


def set_leverage(side: AccountSide, account: Account, query: Query) -> Any:
    symbol = side.view.symbol(query.text("symbol")).name
    leverage = query.number("leverage")
    if leverage is None:
        raise missing("leverage")
    if not 1 <= leverage <= MOST_LEVERAGE:
        raise ApiError(-4028, f"Leverage {leverage} is not valid")
    cap = most_notional(leverage)
    worth = sum(
        (
            abs(one.amount) * side.view.mark(symbol)
            for one in account.holdings.values()
            if one.symbol == symbol
        ),
        ZERO,
    )
    if worth > cap:
        raise ApiError(
            -2028, "Leverage is smaller than permitted: insufficient margin balance."
        )
    if account.leverage(symbol) != leverage:
        account.leverages[symbol] = leverage
        side.desk.publish(
            account, events.config_update(side.view.now_ms, symbol, leverage)
        )
    return {"symbol": symbol, "leverage": leverage, "maxNotionalValue": f"{cap:f}"}


def set_margin_type(side: AccountSide, account: Account, query: Query) -> Any:
    symbol = side.view.symbol(query.text("symbol")).name
    wanted = query.text("marginType").upper()
    if wanted not in ("ISOLATED", "CROSSED"):
        raise out_of_range("marginType")
    isolated = wanted == "ISOLATED"
    if account.isolated.get(symbol, False) == isolated:
        raise ApiError(-4046, "No need to change margin type.")
    if account.open_orders(symbol) or account.open_algos(symbol):
        raise ApiError(
            -4047, "Margin type cannot be changed if there exists open orders."
        )
    if any(one.amount for one in account.holdings.values() if one.symbol == symbol):
        raise ApiError(-4048, "Margin type cannot be changed if there exists position.")
    account.isolated[symbol] = isolated
    return {"code": 200, "msg": "success"}


def mode(_: AccountSide, account: Account, __: Query) -> Any:
    return {"dualSidePosition": account.hedge}


def set_mode(side: AccountSide, account: Account, query: Query) -> Any:
    hedge = query.text("dualSidePosition").lower() == "true"
    if hedge == account.hedge:
        raise ApiError(-4059, "No need to change position side.")
    if account.open_orders() or account.open_algos():
        raise ApiError(
            -4067, "Position side cannot be changed if there exists open orders."
        )
    if any(one.amount for one in account.holdings.values()):
        raise ApiError(
            -4068, "Position side cannot be changed if there exists position."
        )
    account.hedge = hedge
    return {"code": 200, "msg": "success"}


def symbol_config(side: AccountSide, account: Account, query: Query) -> Any:
    symbol = query.symbol()
    return [
        {
            "symbol": name,
            "marginType": "ISOLATED" if account.isolated.get(name) else "CROSSED",
            "isAutoAddMargin": False,
            "leverage": account.leverage(name),
            "maxNotionalValue": f"{most_notional(account.leverage(name)):f}",
        }
        for name in side.view.names
        if symbol in (None, name)
    ]


def account_config(_: AccountSide, account: Account, __: Query) -> Any:
    return {
        "feeTier": 0,
        "canTrade": account.can_trade,
        "canDeposit": True,
        "canWithdraw": account.can_withdraw,
        "dualSidePosition": account.hedge,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


def commission(side: AccountSide, _: Account, query: Query) -> Any:
    return {
        "symbol": side.view.symbol(query.text("symbol")).name,
        "makerCommissionRate": f"{MAKER_RATE:f}",
        "takerCommissionRate": f"{TAKER_RATE:f}",
    }


def brackets(side: AccountSide, _: Account, query: Query) -> Any:
    """Notional brackets with their leverage and maintenance."""
    symbol = query.symbol()
    rows, floor, cumulated = [], ZERO, ZERO
    before = ZERO
    for number, (cap, leverage, rate) in enumerate(BRACKETS, 1):
        cumulated += floor * (rate - before)
        rows.append(
            {
                "bracket": number,
                "initialLeverage": leverage,
                "notionalCap": int(cap),
                "notionalFloor": int(floor),
                "maintMarginRatio": float(rate),
                "cum": float(cumulated),
            }
        )
        floor, before = cap, rate
    names = [side.view.symbol(symbol).name] if symbol else list(side.view.names)
    return [{"symbol": name, "brackets": rows} for name in names]


def restrictions(side: AccountSide, account: Account, _: Query) -> Any:
    """What the key may do."""
    return {
        "ipRestrict": account.ip_restricted,
        "createTime": 0,
        "enableReading": True,
        "enableWithdrawals": account.can_withdraw,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": account.can_trade,
        "permitsUniversalTransfer": False,
        "enableVanillaOptions": False,
        "enableSpotAndMarginTrading": False,
    }


def nothing(_: AccountSide, __: Account, ___: Query) -> Any:
    """What third-party clients ask for before they work and need no content of."""
    return []


# -- listen keys: with the API key alone, unsigned ----------------------------------


def open_key(side: AccountSide, account: Account, _: Query) -> Any:
    return {"listenKey": side.streams.open(account, side.view.shown_ms)}


def extend_key(side: AccountSide, account: Account, _: Query) -> Any:
    return {"listenKey": side.streams.extend(account, side.view.shown_ms)}


def close_key(side: AccountSide, account: Account, _: Query) -> Any:
    side.streams.close(account, side.view.shown_ms)
    return {}
