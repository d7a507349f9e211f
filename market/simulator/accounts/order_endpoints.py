"""Endpoints that place, change, cancel and tell orders."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from market.simulator.accounts import asked
from market.simulator.accounts.answers import algo_row, order_row, taken_row
from market.simulator.accounts.records import Account, Algo, Order
from market.simulator.accounts.side import AccountSide
from market.simulator.errors import ApiError, missing, out_of_range
from market.simulator.queries import Query

MOST_IN_BATCH = 5
MOST_TO_CANCEL = 10
DAY_MS = 86_400_000
# How long orders are told of after they were made; without fills for a shorter time.
TOLD_MS, UNFILLED_TOLD_MS = 90 * DAY_MS, 3 * DAY_MS
DONE = {"code": 200, "msg": "The operation of cancel all open order is done."}


def place(side: AccountSide, account: Account, query: Query) -> Any:
    """Without ``newOrderRespType=RESULT`` the answer does not tell of fills."""
    wanted = asked.order(query)
    how = asked.choice(query, "newOrderRespType", ("ACK", "RESULT"), -1130, "ACK")
    order = side.desk.place(account, wanted)
    return order_row(order) if how == "RESULT" else taken_row(order)


def place_many(side: AccountSide, account: Account, query: Query) -> Any:
    """Each order has its own answer."""
    return [_one(lambda one: place(side, account, one), line) for line in _lines(query)]


def amend(side: AccountSide, account: Account, query: Query) -> Any:
    order = find(side, account, query)
    if query.text("side").upper() != order.side:
        raise ApiError(-1117, "Invalid side.")
    quantity, price = asked.needed(query, "quantity"), asked.needed(query, "price")
    side.desk.amend(account, order, quantity, price)
    return order_row(order)


def amend_many(side: AccountSide, account: Account, query: Query) -> Any:
    return [_one(lambda one: amend(side, account, one), line) for line in _lines(query)]


def cancel(side: AccountSide, account: Account, query: Query) -> Any:
    order = find(side, account, query, -2011, "Unknown order sent.")
    side.desk.cancel(account, order)
    return order_row(order)


def cancel_many(side: AccountSide, account: Account, query: Query) -> Any:
    symbol = query.text("symbol")
    numbers = _list(query, "orderIdList")
    names = _list(query, "origClientOrderIdList")
    if not numbers and not names:
        raise missing("orderIdList")
    lines: list[dict[str, str]] = [{"orderId": str(one)} for one in numbers]
    lines += [{"origClientOrderId": str(one)} for one in names if not numbers]
    if len(lines) > MOST_TO_CANCEL:
        raise ApiError(-4082, "Invalid number of batch place orders.")
    return [
        _one(lambda one: cancel(side, account, one), {"symbol": symbol, **line})
        for line in lines
    ]


def cancel_all(side: AccountSide, account: Account, query: Query) -> Any:
    side.desk.cancel_all(account, _listed(side, query))
    return DONE


def one_order(side: AccountSide, account: Account, query: Query) -> Any:
    return order_row(find(side, account, query), full=True)


def one_open(side: AccountSide, account: Account, query: Query) -> Any:
    order = find(side, account, query)
    if not order.open:
        raise ApiError(-2013, "Order does not exist.")
    return order_row(order, full=True)


def open_orders(side: AccountSide, account: Account, query: Query) -> Any:
    orders = account.open_orders(_known(side, query))
    return [order_row(order, full=True) for order in orders]


def all_orders(side: AccountSide, account: Account, query: Query) -> Any:
    symbol = _listed(side, query)
    start, end = query.window()
    first = query.number("orderId") or 0
    found = [
        order
        for order in account.orders.values()
        if order.symbol == symbol
        and order.number >= first
        and not forgotten(order, side.view.now_ms)
        and (start is None or order.created_ms >= start)
        and (end is None or order.created_ms <= end)
    ]
    limit = query.limit(default=500, most=1000)
    chosen = found[:limit] if first or start else found[-limit:]
    return [order_row(order, full=True) for order in chosen]


def countdown(side: AccountSide, account: Account, query: Query) -> Any:
    """The dead-man switch: all of a symbol is cancelled unless asked again in time."""
    symbol = _listed(side, query)
    milliseconds = query.number("countdownTime")
    if milliseconds is None:
        raise missing("countdownTime")
    account.countdowns.pop(symbol, None)
    if milliseconds:
        account.countdowns[symbol] = side.view.shown_ms + milliseconds
    return {"symbol": symbol, "countdownTime": str(milliseconds)}


# -- conditional orders -----------------------------------------------------------


def place_algo(side: AccountSide, account: Account, query: Query) -> Any:
    return algo_row(side.algos.place(account, asked.conditional(query)))


def cancel_algo(side: AccountSide, account: Account, query: Query) -> Any:
    algo = _algo(account, query, -2011, "Unknown order sent.")
    side.algos.cancel(account, algo)
    return {
        "algoId": algo.number,
        "clientAlgoId": algo.client_id,
        "code": "200",
        "msg": "success",
    }


def cancel_all_algo(side: AccountSide, account: Account, query: Query) -> Any:
    side.algos.cancel_all(account, _listed(side, query))
    return DONE


def one_algo(side: AccountSide, account: Account, query: Query) -> Any:
    return algo_row(_algo(account, query, -2013, "Order does not exist."))


def open_algos(side: AccountSide, account: Account, query: Query) -> Any:
    return [algo_row(algo) for algo in account.open_algos(_known(side, query))]


def all_algos(side: AccountSide, account: Account, query: Query) -> Any:
    symbol = _listed(side, query)
    found = [one for one in account.algos.values() if one.symbol == symbol]
    return [algo_row(algo) for algo in found[-query.limit(default=500, most=1000) :]]


def _algo(account: Account, query: Query, code: int, text: str) -> Algo:
    number, name = query.number("algoId"), query.maybe("clientAlgoId")
    if number is None and name is None:
        raise missing("algoId")
    for algo in reversed(account.algos.values()):
        if algo.number == number or (number is None and algo.client_id == name):
            return algo
    raise ApiError(code, text)


# -- finding ----------------------------------------------------------------------


def find(
    side: AccountSide,
    account: Account,
    query: Query,
    code: int = -2013,
    text: str = "Order does not exist.",
) -> Order:
    """The newest order of the id that was sent. Raises ApiError."""
    symbol = _listed(side, query)
    number, name = query.number("orderId"), query.maybe("origClientOrderId")
    if number is None and name is None:
        raise missing("orderId")
    order = account.named(symbol, name or "")
    if number is not None:
        order = account.orders.get(number)
    if order is None or order.symbol != symbol or forgotten(order, side.view.now_ms):
        raise ApiError(code, text)
    return order


def forgotten(order: Order, now_ms: int) -> bool:
    """Whether the exchange does not tell of the order any more."""
    age = now_ms - order.created_ms
    if order.open:
        return False
    return age > TOLD_MS or (age > UNFILLED_TOLD_MS and not order.filled)


def _listed(side: AccountSide, query: Query) -> str:
    return side.view.symbol(query.text("symbol")).name


def _known(side: AccountSide, query: Query) -> str | None:
    """The symbol that was sent, if any. Raises ApiError for an unknown one."""
    name = query.symbol()
    return None if name is None else side.view.symbol(name).name


def _list(query: Query, name: str) -> list[Any]:
    text = query.maybe(name)
    if text is None:
        return []
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ApiError(-1100, f"Illegal characters found in '{name}'.") from error
    if not isinstance(value, list):
        raise ApiError(-1100, f"Parameter '{name}' must be a list.")
    return value


def _lines(query: Query) -> Sequence[dict[str, str]]:
    lines = _list(query, "batchOrders")
    if not 0 < len(lines) <= MOST_IN_BATCH:
        raise ApiError(-4082, "Invalid number of batch place orders.")
    if not all(isinstance(one, dict) for one in lines):
        raise out_of_range("batchOrders")
    return [{name: _text(value) for name, value in one.items()} for one in lines]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}"
    return str(value)


def _one(act: Any, line: dict[str, str]) -> Any:
    try:
        return act(Query(line))
    except ApiError as error:
        return {"code": error.code, "msg": error.message}
