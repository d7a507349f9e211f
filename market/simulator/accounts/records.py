"""What the exchange keeps of an account."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from market.simulator.accounts.terms import ZERO, cents

OPEN = ("NEW", "PARTIALLY_FILLED")
DEFAULT_LEVERAGE = 20


@dataclass
class Holding:
    """A position; ``amount`` is negative for a short.

    ``cost`` is the signed sum of price × quantity of what is open; ``collected`` the
    profit realised since it was last flat; ``isolated``: money set apart for it.
    """

    symbol: str
    side: str
    amount: Decimal = ZERO
    cost: Decimal = ZERO
    collected: Decimal = ZERO
    isolated: Decimal = ZERO
    updated_ms: int = 0

    @property
    def entry(self) -> Decimal:
        """Average price of what is open, to eight digits after the point."""
        return cents(self.cost / self.amount) if self.amount else ZERO


@dataclass
class Order:
    """One order; ``total`` is the worth of what was filled."""

    number: int
    client_id: str
    symbol: str
    side: str
    position_side: str
    type: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    created_ms: int
    updated_ms: int
    reduce_only: bool = False
    close_position: bool = False
    status: str = "NEW"
    filled: Decimal = ZERO
    total: Decimal = ZERO
    good_till_ms: int = 0
    expiry_reason: str = "0"
    # Of the conditional order that it came from.
    original_type: str = ""
    stop_price: Decimal = ZERO

    @property
    def left(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def open(self) -> bool:
        return self.status in OPEN

    @property
    def average(self) -> Decimal:
        return cents(self.total / self.filled) if self.filled else ZERO


@dataclass
class Algo:
    """A conditional order; ``extreme`` is the best price a trailing one has seen."""

    number: int
    client_id: str
    symbol: str
    side: str
    position_side: str
    type: str
    time_in_force: str
    quantity: Decimal
    price: Decimal
    trigger: Decimal
    working_type: str
    created_ms: int
    updated_ms: int
    reduce_only: bool = False
    close_position: bool = False
    activate: Decimal = ZERO
    callback: Decimal = ZERO
    extreme: Decimal = ZERO
    good_till_ms: int = 0
    status: str = "NEW"
    triggered_ms: int = 0
    order_number: int = 0

    @property
    def open(self) -> bool:
        return self.status == "NEW"


@dataclass
class TradeRow:
    number: int
    order_number: int
    symbol: str
    side: str
    position_side: str
    price: Decimal
    quantity: Decimal
    profit: Decimal
    fee: Decimal
    maker: bool
    time_ms: int


@dataclass
class IncomeRow:
    number: int
    kind: str
    amount: Decimal
    symbol: str
    time_ms: int
    trade: str = ""


Row = Order | Algo | TradeRow | IncomeRow
Kept = TypeVar("Kept", Order, Algo)


@dataclass
class Account:
    """``secret`` is an HMAC secret, or a public key in PEM.

    ``wallet`` is the USDT of the account, what is set apart for isolated positions
    included. ``countdowns``: by symbol the shown time at which its orders are cancelled.
    """

    key: str
    secret: str
    name: str = ""
    wallet: Decimal = ZERO
    hedge: bool = False
    can_trade: bool = True
    can_withdraw: bool = False
    ip_restricted: bool = True
    leverages: dict[str, int] = field(default_factory=dict)
    isolated: dict[str, bool] = field(default_factory=dict)
    holdings: dict[str, Holding] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    algos: dict[int, Algo] = field(default_factory=dict)
    trades: list[TradeRow] = field(default_factory=list)
    incomes: list[IncomeRow] = field(default_factory=list)
    countdowns: dict[str, int] = field(default_factory=dict)
    funded_period: int = 0
    listen_key: str = ""
    listen_until_ms: int = 0
    # What was not written yet, and indexes of what is above; none of them is state.
    unsaved: dict[tuple[str, int], Row] = field(
        default_factory=dict, compare=False, repr=False
    )
    _live: dict[int, Order] = field(default_factory=dict, compare=False, repr=False)
    _held: dict[int, Algo] = field(default_factory=dict, compare=False, repr=False)
    _named: dict[tuple[str, str], Order] = field(
        default_factory=dict, compare=False, repr=False
    )

    def add(self, row: Row) -> None:
        """Keep a new row, to be written."""
        self.take(row)
        self.touch(row)

    def take(self, row: Row) -> None:
        """Keep a row that is written already."""
        match row:
            case Order():
                self.orders[row.number] = row
                self._named[row.symbol, row.client_id] = row
                if row.open:
                    self._live[row.number] = row
            case Algo():
                self.algos[row.number] = row
                if row.open:
                    self._held[row.number] = row
            case TradeRow():
                self.trades.append(row)
            case IncomeRow():
                self.incomes.append(row)

    def touch(self, row: Row) -> None:
        """Note that a row changed and must be written."""
        self.unsaved[type(row).__name__, row.number] = row

    def holding(self, symbol: str, side: str) -> Holding:
        name = f"{symbol} {side}"
        if name not in self.holdings:
            self.holdings[name] = Holding(symbol, side)
        return self.holdings[name]

    @property
    def apart(self) -> Decimal:
        """Money of the wallet that is set apart for isolated positions."""
        return sum((one.isolated for one in self.holdings.values()), ZERO)

    def leverage(self, symbol: str) -> int:
        return self.leverages.get(symbol, DEFAULT_LEVERAGE)

    def named(self, symbol: str, client_id: str) -> Order | None:
        """The newest order with that client id."""
        return self._named.get((symbol, client_id))

    def open_orders(self, symbol: str | None = None) -> list[Order]:
        return [order for order in _open(self._live) if symbol in (None, order.symbol)]

    def open_algos(self, symbol: str | None = None) -> list[Algo]:
        return [algo for algo in _open(self._held) if symbol in (None, algo.symbol)]


def _open(known: dict[int, Kept]) -> list[Kept]:
    """Those that are open; what ended is open never again and leaves the index."""
    ended = [number for number, one in known.items() if not one.open]
    for number in ended:
        del known[number]
    return list(known.values())
