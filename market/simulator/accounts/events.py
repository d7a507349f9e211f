"""User events as the exchange writes them; numbers are trimmed."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from market.simulator.accounts.ledger import MarkOf, open_profit
from market.simulator.accounts.records import Account, Algo, Holding, Order, TradeRow
from market.simulator.accounts.terms import maintenance

Event = dict[str, Any]


def number(value: Decimal) -> str:
    """Plain digits without trailing zeros."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text


def order_update(
    order: Order, what: str, now_ms: int, trade: TradeRow | None = None
) -> Event:
    """ORDER_TRADE_UPDATE; ``what`` is the execution type."""
    filled = {
        "l": number(trade.quantity) if trade else "0",
        "L": number(trade.price) if trade else "0",
        "n": number(trade.fee) if trade else "0",
        "N": "USDT",
        "t": trade.number if trade else 0,
        "m": trade.maker if trade else False,
        "rp": number(trade.profit) if trade else "0",
    }
    return {
        "e": "ORDER_TRADE_UPDATE",
        "E": now_ms,
        "T": now_ms,
        "o": {
            "s": order.symbol,
            "c": order.client_id,
            "S": order.side,
            "o": order.type,
            "f": order.time_in_force,
            "q": number(order.quantity),
            "p": number(order.price),
            "ap": number(order.average),
            "sp": number(order.stop_price),
            "x": what,
            "X": order.status,
            "i": order.number,
            "z": number(order.filled),
            **filled,
            "T": now_ms,
            "b": "0",
            "a": "0",
            "R": order.reduce_only,
            "wt": "CONTRACT_PRICE",
            "ot": order.original_type or order.type,
            "ps": order.position_side,
            "cp": order.close_position,
            "pP": False,
            "si": 0,
            "ss": 0,
            "V": "EXPIRE_MAKER",
            "pm": "NONE",
            "gtd": order.good_till_ms,
            "er": order.expiry_reason,
            "st": 1,
        },
    }


def trade_lite(order: Order, trade: TradeRow, decimals: int) -> Event:
    """TRADE_LITE; its quantities keep the padding of the contract."""
    return {
        "e": "TRADE_LITE",
        "E": trade.time_ms,
        "T": trade.time_ms,
        "s": order.symbol,
        "q": f"{order.quantity:.{decimals}f}",
        "p": f"{order.price:f}",
        "m": trade.maker,
        "c": order.client_id,
        "S": order.side,
        "L": f"{trade.price:f}",
        "l": f"{trade.quantity:.{decimals}f}",
        "t": trade.number,
        "i": order.number,
    }


def account_update(
    account: Account,
    reason: str,
    holdings: Iterable[Holding],
    change: Decimal,
    now_ms: int,
    mark_of: MarkOf,
) -> Event:
    """ACCOUNT_UPDATE with the wallet and the positions that changed."""
    return {
        "e": "ACCOUNT_UPDATE",
        "E": now_ms,
        "T": now_ms,
        "a": {
            "m": reason,
            "B": [
                {
                    "a": "USDT",
                    "wb": number(account.wallet),
                    "cw": number(account.wallet - account.apart),
                    "bc": number(change),
                }
            ],
            "P": [_position(account, one, mark_of) for one in holdings],
        },
    }


def _position(account: Account, holding: Holding, mark_of: MarkOf) -> Event:
    mark = mark_of(holding.symbol)
    isolated = account.isolated.get(holding.symbol, False)
    return {
        "s": holding.symbol,
        "pa": number(holding.amount),
        "ep": number(holding.entry),
        "bep": number(holding.entry),
        "cr": number(holding.collected),
        "up": number(open_profit(holding, mark)),
        "mt": "isolated" if isolated else "cross",
        "iw": number(holding.isolated) if isolated else "0",
        "ps": holding.side,
        "ma": "USDT",
    }


def algo_update(algo: Algo, now_ms: int, reason: str = "") -> Event:
    """ALGO_UPDATE; ``ai`` is the order that it became."""
    return {
        "e": "ALGO_UPDATE",
        "T": now_ms,
        "E": now_ms,
        "o": {
            "caid": algo.client_id,
            "aid": algo.number,
            "at": "CONDITIONAL",
            "o": algo.type,
            "s": algo.symbol,
            "S": algo.side,
            "ps": algo.position_side,
            "f": algo.time_in_force,
            "q": number(algo.quantity),
            "X": algo.status,
            "ai": str(algo.order_number or ""),
            "ap": "0",
            "aq": "0",
            "act": "LIMIT" if algo.type in ("STOP", "TAKE_PROFIT") else "MARKET",
            "tp": number(algo.trigger),
            "p": number(algo.price),
            "V": "EXPIRE_MAKER",
            "wt": algo.working_type,
            "pm": "NONE",
            "cp": algo.close_position,
            "pP": False,
            "R": algo.reduce_only,
            "tt": algo.triggered_ms,
            "gtd": algo.good_till_ms,
            "rm": reason,
        },
    }


def config_update(now_ms: int, symbol: str, leverage: int) -> Event:
    return {
        "e": "ACCOUNT_CONFIG_UPDATE",
        "E": now_ms,
        "T": now_ms,
        "ac": {"s": symbol, "l": leverage},
    }


def margin_call(account: Account, mark_of: MarkOf, now_ms: int) -> Event:
    """MARGIN_CALL: positions whose margin is nearly used up."""
    rows = []
    for holding in account.holdings.values():
        if holding.amount:
            mark = mark_of(holding.symbol)
            row = _position(account, holding, mark_of)
            rows.append(
                {
                    **{name: row[name] for name in ("s", "ps", "pa", "mt", "iw", "up")},
                    "mp": number(mark),
                    "mm": number(maintenance(abs(holding.amount) * mark)),
                }
            )
    cross = account.wallet - account.apart
    return {"e": "MARGIN_CALL", "E": now_ms, "cw": number(cross), "p": rows}


def key_expired(key: str, now_ms: int) -> Event:
    return {"e": "listenKeyExpired", "E": now_ms, "listenKey": key}
