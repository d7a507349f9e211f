"""Entries and exits as callers give them: exact numbers, known words, the rest as it is."""

import json
import uuid
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from accounts.journal_records import TradeEntered, TradeExited
from core.clock import now_ms
from core.errors import InvalidInput


def entered(given: Mapping[str, Any], *, venue: str) -> TradeEntered:
    """Return the record of an entry; raises ``InvalidInput``."""
    left = dict(given)
    symbol = left.pop("symbol", "")
    if not symbol or not isinstance(symbol, str):
        raise InvalidInput("symbol", symbol, "must name a contract")
    return TradeEntered(
        key=str(left.pop("key", None) or uuid.uuid4().hex),
        venue=venue,
        symbol=symbol,
        at=int(left.pop("at", None) or now_ms()),
        account=str(left.pop("account", "")),
        side=str(left.pop("side", "")),
        quantity=_exact("quantity", left.pop("quantity", None)),
        price=_price(left, "entry_price"),
        fees=_exact("fees", left.pop("fees", 0)) or Decimal(0),
        facts=_plain(left),
    )


def exited(entry: str, given: Mapping[str, Any]) -> TradeExited:
    """Return the record of the exit of ``entry``; raises ``InvalidInput``."""
    left = dict(given)
    return TradeExited(
        entry=entry,
        at=int(left.pop("at", None) or now_ms()),
        price=_price(left, "exit_price"),
        reason=str(left.pop("reason", "")),
        fees=_exact("fees", left.pop("fees", 0)) or Decimal(0),
        profit=_exact("profit", left.pop("profit", None)),
        facts=_plain(left),
    )


def _price(left: dict[str, Any], name: str) -> Decimal | None:
    price = left.pop("price", None)
    return _exact(name, left.pop(name, price))


def _exact(name: str, value: Decimal | float | str | None) -> Decimal | None:
    """Return the number as it is written; a float counts as the digits it shows."""
    if value is None:
        return None
    try:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        raise InvalidInput(name, value, "must be a number") from None
    if not number.is_finite():
        raise InvalidInput(name, value, "must be a finite number")
    return number


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what JSON can hold; anything else as its text."""
    found: dict[str, Any] = json.loads(json.dumps(facts, default=str))
    return found
