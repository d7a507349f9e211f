"""What happened to a paper account, one record each; the account is what they add up to.

Records are facts: whatever had to be decided (prices, quantities, numbers) stands in them,
so the same records always make the same account. Times are ms since the epoch of the
exchange's clock.
"""

from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Struct

from accounts.domain.exchange import MarginType, NewOrder, Status
from accounts.domain.positions import Position
from accounts.domain.rules import ZERO


class Record(Struct, frozen=True, tag_field="r"):
    """Base of all records."""

    at: int


class Began(Record, frozen=True, tag="began"):
    """The account begins, or begins anew, with this much and nothing else."""

    wallet: Decimal


class Configured(Record, frozen=True, tag="configured"):
    """Settings of a symbol, or the position mode, changed; None: this one did not."""

    symbol: str = ""
    leverage: int | None = None
    margin_type: MarginType | None = None
    hedge: bool | None = None


class Ordered(Record, frozen=True, tag="ordered"):
    """An order was accepted under the exchange's ``number``."""

    number: int
    order: NewOrder
    liquidation: bool = False


class Amended(Record, frozen=True, tag="amended"):
    """A resting order has another quantity and price."""

    client_id: str
    quantity: Decimal
    price: Decimal


class Trailed(Record, frozen=True, tag="trailed"):
    """A trailing stop follows the best price since it was activated."""

    client_id: str
    extreme: Decimal


class Triggered(Record, frozen=True, tag="triggered"):
    """A conditional order became the order ``number`` of this quantity."""

    client_id: str
    number: int
    quantity: Decimal


class Filled(Record, frozen=True, tag="filled"):
    """An execution; ``fee`` is what was paid."""

    client_id: str
    trade_id: int
    quantity: Decimal
    price: Decimal
    fee: Decimal
    maker: bool


class Ended(Record, frozen=True, tag="ended"):
    """An order will not be filled any further."""

    client_id: str
    status: Status
    reason: str = ""


class Funded(Record, frozen=True, tag="funded"):
    """Funding of one position; ``amount`` is negative when it was paid."""

    symbol: str
    side: Literal["BOTH", "LONG", "SHORT"]
    amount: Decimal


class Settled(Record, frozen=True, tag="settled"):
    """Funding up to this moment is done, for all positions."""


class Armed(Record, frozen=True, tag="armed"):
    """All orders of a symbol are cancelled at ``until`` (ms); 0: never."""

    symbol: str
    until: int


class PaperOrder(Struct):
    """An order in its present state; ``cost`` is the sum of quantity times price."""

    number: int
    order: NewOrder
    status: Status
    quantity: Decimal
    price: Decimal
    created_at: int
    at: int
    filled: Decimal = ZERO
    cost: Decimal = ZERO
    child: int | None = None
    extreme: Decimal = ZERO
    liquidation: bool = False
    reason: str = ""

    @property
    def left(self) -> Decimal:
        """What is not filled yet."""
        return self.quantity - self.filled


class PaperFillRow(Struct, frozen=True):
    """A past execution, as it is asked for later."""

    client_id: str
    number: int
    trade_id: int
    symbol: str
    side: Literal["BUY", "SELL"]
    position_side: Literal["BOTH", "LONG", "SHORT"]
    quantity: Decimal
    price: Decimal
    fee: Decimal
    realised: Decimal
    maker: bool
    at: int


class PaperIncomeRow(Struct, frozen=True):
    """Money that came or went."""

    kind: str
    number: int
    amount: Decimal
    at: int
    symbol: str = ""
    trade_id: str = ""


class PaperState(Struct):
    """Everything of a paper account. Keys of ``positions``: symbol and side."""

    wallet: Decimal = ZERO
    hedge: bool = False
    next_number: int = 1
    next_trade: int = 1
    next_income: int = 1
    settled_at: int = 0
    positions: dict[str, Position] = {}
    leverage: dict[str, int] = {}
    margin_types: dict[str, MarginType] = {}
    orders: dict[str, PaperOrder] = {}
    past: dict[str, PaperOrder] = {}
    fills: list[PaperFillRow] = []
    incomes: list[PaperIncomeRow] = []
    armed: dict[str, int] = {}


class Kept(Record, frozen=True, tag="kept"):
    """The whole account: records before this one are needed no more."""

    state: PaperState


AnyRecord = (
    Began
    | Configured
    | Ordered
    | Amended
    | Trailed
    | Triggered
    | Filled
    | Ended
    | Funded
    | Settled
    | Armed
    | Kept
)


def to_document(record: AnyRecord) -> dict[str, Any]:
    """Return a record as plain values; amounts are text."""
    document: dict[str, Any] = msgspec.to_builtins(record)
    return document


def from_document(document: dict[str, Any]) -> AnyRecord:
    """Return the record of ``to_document``; raises ``ValueError`` for anything else."""
    record: AnyRecord = msgspec.convert(document, AnyRecord, strict=False)
    return record
