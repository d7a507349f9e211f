"""Rows of accounts as the trader would have stored them, and prices as the feed does."""

import time
from decimal import Decimal
from itertools import count

from accounts.models import (
    AccountGroup,
    Balance,
    ExchangeAccount,
    Fill,
    Income,
    Order,
    ParentOrder,
    Position,
)
from core import snapshot, wire

D = Decimal
VENUE = "simulator"
NOW = time.time_ns() // 1_000_000
DAY = 86_400_000
_numbers = count(1)


def account(name="one", *, group="neutral", mode="exchange", venue=VENUE, **more):
    return ExchangeAccount.objects.create(
        venue=venue,
        name=name,
        group=AccountGroup.objects.get_or_create(name=group)[0] if group else None,
        mode=mode,
        created_at=NOW - 90 * DAY,
        **more,
    )


def balance(owner, wallet, asset="USDT", *, available=None):
    return Balance.objects.create(
        account=owner,
        asset=asset,
        wallet=D(wallet),
        available=D(wallet if available is None else available),
        event_at=NOW,
        updated_at=NOW,
    )


def position(owner, symbol, quantity, entry, *, side="BOTH", profit=None, at=1):
    return Position.objects.create(
        account=owner,
        symbol=symbol,
        side=side,
        quantity=D(quantity),
        entry=D(entry),
        exchange_profit=None if profit is None else D(profit),
        event_at=at,
        updated_at=at,
    )


def order(owner, symbol="BTCUSDT", *, state="new", at=NOW, **more):
    values = {
        "side": "BUY",
        "order_type": "LIMIT",
        "quantity": D("0.5"),
        "price": D(100),
        "time_in_force": "GTC",
        **more,
    }
    number = next(_numbers)
    return Order.objects.create(
        account=owner,
        client_id=f"q{number}",
        exchange_id=2**60 + number,
        symbol=symbol,
        state=state,
        created_at=at,
        updated_at=at,
        **values,
    )


def parent(**more):
    values = {"symbol": "BTCUSDT", "side": "BUY", "order_type": "MARKET", **more}
    return ParentOrder.objects.create(
        venue=VENUE,
        quantity=D(1),
        strategy="weighted",
        policy="continue",
        created_at=NOW,
        updated_at=NOW,
        **values,
    )


def fill(owner, side, quantity, price, *, symbol="BTCUSDT", at=None, **more):
    number = next(_numbers)
    return Fill.objects.create(
        account=owner,
        trade_id=2**55 + number,
        symbol=symbol,
        side=side,
        quantity=D(quantity),
        price=D(price),
        at=NOW - DAY + number if at is None else at,
        **more,
    )


def funding(owner, amount, *, symbol="BTCUSDT", at=NOW - 1000, kind="FUNDING_FEE"):
    return Income.objects.create(
        account=owner,
        kind=kind,
        number=str(next(_numbers)),
        symbol=symbol,
        asset="USDT",
        amount=D(amount),
        at=at,
    )


def quotes(redis, venue=VENUE, **prices):
    """Write quotes by symbol: (mark, last, bid, ask), all fresh; or whole items."""
    now = time.time_ns() // 1_000_000
    items = []
    for symbol, given in prices.items():
        if isinstance(given, dict):
            item = {"k": symbol, "n": 1, "t": now, "s": [0, 0, 0], **given}
        else:
            mark, last, bid, ask = given
            item = {"k": symbol, "n": 1, "t": now, "s": [0, 0, 0]}
            item |= {"m": mark, "p": last, "b": bid, "a": ask}
        items.append((symbol, wire.encode(item)))
    snapshot.stage(redis, venue, "quotes", items)
