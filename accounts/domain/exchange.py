"""What is said to an exchange about orders, and what it tells: values without I/O.

Both gateways speak these, so that nobody above them knows whether an account is one of
paper. Quantities and prices are exact; times are ms since the epoch.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from accounts.domain.positions import PositionSide, Side
from accounts.domain.rules import ZERO

OrderType = Literal[
    "MARKET",
    "LIMIT",
    "STOP",
    "STOP_MARKET",
    "TAKE_PROFIT",
    "TAKE_PROFIT_MARKET",
    "TRAILING_STOP_MARKET",
]
CONDITIONAL: frozenset[str] = frozenset(
    {"STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"}
)
TimeInForce = Literal["", "GTC", "IOC", "FOK", "GTX"]
MarginType = Literal["cross", "isolated"]
# The exchange's words in lower case; ``held``: a conditional order before its trigger.
Status = Literal[
    "held", "new", "partially_filled", "filled", "canceled", "expired", "rejected"
]


@dataclass(frozen=True)
class NewOrder:
    """An order to place. ``price`` 0: none; ``stop_price`` is a conditional's trigger.

    ``callback_rate``: percent of a trailing stop, 0 for others.
    """

    client_id: str
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    price: Decimal = ZERO
    time_in_force: TimeInForce = ""
    position_side: PositionSide = "BOTH"
    stop_price: Decimal = ZERO
    reduce_only: bool = False
    close_position: bool = False
    callback_rate: Decimal = ZERO

    @property
    def conditional(self) -> bool:
        """Whether it goes to the algo endpoints."""
        return self.order_type in CONDITIONAL


@dataclass(frozen=True)
class OrderRef:
    """An order that exists or may exist; the client id is always known to us."""

    symbol: str
    client_id: str
    exchange_id: int | None = None
    algo: bool = False
    algo_id: int | None = None


@dataclass(frozen=True)
class OrderNews:
    """The state of one order as the exchange tells it, by answer, query or event.

    ``at`` is the exchange's time of that state. ``liquidation``: the exchange itself
    gave it. ``triggered_id``: exchange id of the order a conditional became.
    ``average_price`` 0 with something filled: not told by this source.
    """

    ref: OrderRef
    status: Status
    side: Side
    order_type: str
    quantity: Decimal
    filled: Decimal
    average_price: Decimal
    at: int
    price: Decimal = ZERO
    stop_price: Decimal = ZERO
    position_side: PositionSide = "BOTH"
    time_in_force: str = ""
    reduce_only: bool = False
    close_position: bool = False
    liquidation: bool = False
    reason: str = ""
    triggered_id: int | None = None


@dataclass(frozen=True)
class FillNews:
    """One execution; ``fee`` is what was paid, ``realised`` before fees."""

    symbol: str
    trade_id: int
    exchange_id: int
    side: Side
    quantity: Decimal
    price: Decimal
    at: int
    client_id: str = ""
    position_side: PositionSide = "BOTH"
    fee: Decimal = ZERO
    fee_asset: str = "USDT"
    realised: Decimal = ZERO
    maker: bool = False


@dataclass(frozen=True)
class PositionNews:
    """What the exchange says is held; ``quantity`` is negative for a short.

    None: not told by this source.
    """

    symbol: str
    side: PositionSide
    quantity: Decimal
    entry: Decimal
    at: int
    profit: Decimal | None = None
    leverage: int | None = None
    margin_type: MarginType | None = None
    isolated_margin: Decimal | None = None
    liquidation_price: Decimal | None = None


@dataclass(frozen=True)
class BalanceNews:
    """One asset; ``available`` None: not told by this source."""

    asset: str
    wallet: Decimal
    at: int
    available: Decimal | None = None


@dataclass(frozen=True)
class IncomeNews:
    """Money that came (positive) or went: funding, commission, transfer …"""

    kind: str
    number: str
    asset: str
    amount: Decimal
    at: int
    symbol: str = ""
    trade_id: str = ""


@dataclass(frozen=True)
class ConfigNews:
    """Leverage or margin type of a symbol, or the position mode, changed."""

    at: int
    symbol: str = ""
    leverage: int | None = None
    hedge: bool | None = None
    margin_type: MarginType | None = None


@dataclass(frozen=True)
class StreamNews:
    """The private stream came up (``up``: reconcile now) or was lost, and why."""

    up: bool
    at: int
    reason: str = ""


AccountEvent = (
    OrderNews
    | FillNews
    | PositionNews
    | BalanceNews
    | IncomeNews
    | ConfigNews
    | StreamNews
)


@dataclass(frozen=True)
class Outcome:
    """What came of one request that may change something.

    ``done``: it was executed, ``news`` tells the state it led to (None where there is no
    one order, or the state was not told). ``refused``: it was not,
    for good (``code`` is the exchange's number). ``unknown``: nobody can tell; ask by
    client id, never send again. ``not_sent``: it certainly did not reach the exchange
    (no budget, no connection, throttled); the caller may try again.
    """

    kind: Literal["done", "refused", "unknown", "not_sent"]
    news: OrderNews | None = None
    fills: tuple[FillNews, ...] = ()
    code: int | None = None
    message: str = ""
    retry_after_seconds: float | None = None


@dataclass(frozen=True)
class AccountPicture:
    """Everything open on an account at one moment, for reconciliation."""

    at: int
    orders: tuple[OrderNews, ...] = ()
    positions: tuple[PositionNews, ...] = ()
    balances: tuple[BalanceNews, ...] = ()
    hedge: bool = False
    problems: tuple[str, ...] = field(default=())
