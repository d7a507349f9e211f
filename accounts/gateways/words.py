"""Binance's words in ours: states, sides, reasons. Pure."""

import logging
from typing import Literal, cast

from accounts.domain.exchange import MarginType, Status
from accounts.domain.positions import PositionSide, Side

log = logging.getLogger(__name__)

_STATUS: dict[str, Status] = {
    "NEW": "new",
    "PENDING_NEW": "new",
    "NEW_INSURANCE": "new",
    "NEW_ADL": "new",
    "PARTIALLY_FILLED": "partially_filled",
    "FILLED": "filled",
    "CANCELED": "canceled",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
    "REJECTED": "rejected",
}
_EXPIRED = {
    "1": "expired: it would have traded against an order of the same account",
    "2": "expired: an IOC order, and the book had no more for it at its price",
    "3": "expired: an IOC order that would have traded against the same account",
    "4": "expired: another reducing order took its place, or it would have opened",
    "5": "expired: the account was liquidated",
    "6": "expired: its position or the order that it belongs to has gone",
    "7": "expired: the contract is delisted",
    "8": "expired: the stop that belongs to it was triggered",
    "9": "expired: the book had no more for a market order",
}
ALGO_STATUS: dict[str, Status] = {
    "NEW": "held",
    "TRIGGERING": "held",
    "TRIGGERED": "new",
    "CANCELED": "canceled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
}
FINISHED = "FINISHED"
# Client ids of orders that the exchange itself gives.
EXCHANGE_MADE = ("autoclose-", "adl_autoclose", "settlement_autoclose-")


def status_of(text: str) -> Status:
    """Return our word; one never heard of is not final, so it is asked for again."""
    known = _STATUS.get(text)
    if known is None:
        log.warning("order status %r is not known, taken for open", text[:40])
    return known or "new"


def side_of(text: str) -> Side:
    """Raises ``ValueError`` for any other word."""
    if text not in ("BUY", "SELL"):
        raise ValueError(f"side {text[:20]!r} is neither BUY nor SELL")
    return cast(Literal["BUY", "SELL"], text)


def position_side_of(text: str) -> PositionSide:
    """Raises ``ValueError`` for any other word."""
    if text not in ("BOTH", "LONG", "SHORT"):
        raise ValueError(f"position side {text[:20]!r} is not BOTH, LONG or SHORT")
    return cast(Literal["BOTH", "LONG", "SHORT"], text)


def number_of(text: str) -> int | None:
    """Return the number of an order; None where there is none yet."""
    return int(text) if text.isdecimal() and int(text) > 0 else None


def expiry_of(number: str) -> str:
    """Say why an order expired; the exchange tells a number, 0 for no reason."""
    if number in ("", "0"):
        return ""
    return _EXPIRED.get(number, f"expired by the exchange (reason {number})")


def margin_type_of(text: str) -> MarginType:
    """Return our word for CROSSED, cross, ISOLATED …"""
    return "isolated" if text.lower().startswith("isolated") else "cross"
