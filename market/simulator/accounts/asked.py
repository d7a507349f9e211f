"""Parameters of order requests, read as the exchange reads them."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from market.simulator.accounts.terms import ZERO
from market.simulator.errors import ApiError, illegal, missing
from market.simulator.queries import Query

CLIENT_ID = re.compile(r"^[.A-Z:/a-z0-9_-]{1,36}$")
SIDES = ("BUY", "SELL")
POSITION_SIDES = ("BOTH", "LONG", "SHORT")
PLAIN_TYPES = ("MARKET", "LIMIT")
CONDITIONAL_TYPES = (
    *("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"),
    "TRAILING_STOP_MARKET",
)
TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX", "GTD")


@dataclass(frozen=True)
class Asked:
    """An order as it was asked for; conditional parts are 0 for plain ones."""

    symbol: str
    side: str
    position_side: str
    type: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    reduce_only: bool
    close_position: bool
    client_id: str
    trigger: Decimal = ZERO
    working_type: str = "CONTRACT_PRICE"
    activate: Decimal = ZERO
    callback: Decimal = ZERO
    good_till_ms: int = 0


def number(query: Query, name: str) -> Decimal | None:
    """A decimal number; None when it was not sent. Raises ApiError."""
    text = query.maybe(name)
    if text is None:
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise illegal(name, "^([0-9]{1,20})(\\.[0-9]{1,20})?$") from None
    if not value.is_finite() or value < 0:
        raise illegal(name, "^([0-9]{1,20})(\\.[0-9]{1,20})?$")
    return value


def needed(query: Query, name: str) -> Decimal:
    value = number(query, name)
    if value is None:
        raise missing(name)
    return value


def flag(query: Query, name: str) -> bool:
    return (query.maybe(name) or "false").lower() == "true"


def choice(
    query: Query, name: str, allowed: tuple[str, ...], code: int, default: str = ""
) -> str:
    """One of the allowed words. Raises ApiError with that code."""
    value = (query.maybe(name) or default).upper()
    if not value:
        raise missing(name)
    if value not in allowed:
        raise ApiError(code, f"Invalid {name}.")
    return value


def client_id(query: Query, name: str) -> str:
    value = query.maybe(name) or ""
    if value and not CLIENT_ID.match(value):
        raise ApiError(-4015, "Client order id is not valid.")
    return value


def good_till(query: Query, time_in_force: str) -> int:
    """The date of a GTD order, to the second, else 0. Raises ApiError."""
    if time_in_force != "GTD":
        return 0
    date = query.number("goodTillDate")
    if date is None:
        raise missing("goodTillDate")
    return date // 1000 * 1000


def order(query: Query) -> Asked:
    """Read an order for the plain path. Raises ApiError."""
    kind = choice(query, "type", (*PLAIN_TYPES, *CONDITIONAL_TYPES), -1116)
    if kind in CONDITIONAL_TYPES:
        raise ApiError(
            -4120,
            "Order type not supported for this endpoint. "
            "Please use the Algo Order API endpoints instead.",
        )
    limit = kind == "LIMIT"
    if not limit and query.maybe("timeInForce"):
        raise ApiError(-1106, "Parameter 'timeInForce' sent when not required.")
    force = choice(query, "timeInForce", TIMES_IN_FORCE, -1115) if limit else "GTC"
    return Asked(
        symbol=query.text("symbol"),
        side=choice(query, "side", SIDES, -1117),
        position_side=choice(query, "positionSide", POSITION_SIDES, -4060, "BOTH"),
        type=kind,
        time_in_force=force,
        quantity=needed(query, "quantity"),
        price=needed(query, "price") if limit else ZERO,
        reduce_only=flag(query, "reduceOnly"),
        close_position=False,
        client_id=client_id(query, "newClientOrderId"),
        good_till_ms=good_till(query, force),
    )


def conditional(query: Query) -> Asked:
    """Read an order for the algo path. Raises ApiError."""
    if (query.maybe("algoType") or "").upper() != "CONDITIONAL":
        raise ApiError(-1102, "Mandatory parameter 'algoType' was not sent.")
    kind = choice(query, "type", CONDITIONAL_TYPES, -1116)
    limit = kind in ("STOP", "TAKE_PROFIT")
    trailing = kind == "TRAILING_STOP_MARKET"
    whole = flag(query, "closePosition")
    if whole and (limit or trailing or query.maybe("quantity")):
        raise ApiError(-4136, f"Target strategy invalid for orderType {kind}.")
    force = choice(query, "timeInForce", TIMES_IN_FORCE, -1115, "GTC")
    return Asked(
        symbol=query.text("symbol"),
        side=choice(query, "side", SIDES, -1117),
        position_side=choice(query, "positionSide", POSITION_SIDES, -4060, "BOTH"),
        type=kind,
        time_in_force=force,
        quantity=ZERO if whole else needed(query, "quantity"),
        price=needed(query, "price") if limit else ZERO,
        reduce_only=flag(query, "reduceOnly"),
        close_position=whole,
        client_id=client_id(query, "clientAlgoId"),
        trigger=ZERO if trailing else needed(query, "triggerPrice"),
        working_type=choice(
            query,
            "workingType",
            ("MARK_PRICE", "CONTRACT_PRICE"),
            -4049,
            "CONTRACT_PRICE",
        ),
        activate=number(query, "activatePrice") or ZERO if trailing else ZERO,
        callback=needed(query, "callbackRate") if trailing else ZERO,
        good_till_ms=good_till(query, force),
    )
