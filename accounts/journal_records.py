"""What the recorder keeps: one record per thing that was decided, answered or told.

A record is first a line of the journal, then part of rows; reading it twice changes
nothing. Names and shapes stand in journals on disk: add fields with defaults, never
rename.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from accounts.domain.exchange import (
    BalanceNews,
    ConfigNews,
    FillNews,
    IncomeNews,
    NewOrder,
    OrderNews,
    Outcome,
    PositionNews,
)
from core.errors import Permanent


class RecordUnknown(Permanent):
    """The journal holds a record that this version does not know."""


@dataclass(frozen=True)
class ParentBegun:
    """An order over accounts is about to be sent; ``intent`` is the intent's id."""

    intent: str
    venue: str
    symbol: str
    side: str
    order_type: str
    quantity: Decimal
    strategy: str
    policy: str
    at: int
    plan: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ParentEnded:
    """What became of it as a whole, where its children alone do not tell."""

    intent: str
    state: str
    at: int


@dataclass(frozen=True)
class OrderBegun:
    """An order is about to be sent. ``intent`` empty: it has no parent."""

    order: NewOrder
    at: int
    intent: str = ""


@dataclass(frozen=True)
class OrderAnswered:
    """What came of sending it."""

    client_id: str
    outcome: Outcome
    sent_at: int
    at: int


@dataclass(frozen=True)
class OrderNeverSent:
    """It certainly is not at the exchange."""

    client_id: str
    reason: str
    at: int


@dataclass(frozen=True)
class Compared:
    """One reconciliation; see ``accounts.models.Reconciliation``."""

    at: int
    cause: str
    seconds: float
    differences: tuple[dict[str, Any], ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Wiped:
    """A paper account got its starting balance back: nothing is held or open."""

    at: int
    balance: Decimal


@dataclass(frozen=True)
class TradeEntered:
    """What a strategy notes of an entry; see ``accounts.models.TradeRecord``."""

    key: str
    venue: str
    symbol: str
    at: int
    account: str = ""
    side: str = ""
    quantity: Decimal | None = None
    price: Decimal | None = None
    fees: Decimal = Decimal(0)
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TradeExited:
    """What it notes of the exit; ``entry`` is the key of the entry."""

    entry: str
    at: int
    price: Decimal | None = None
    reason: str = ""
    fees: Decimal = Decimal(0)
    profit: Decimal | None = None
    facts: dict[str, Any] = field(default_factory=dict)


Body = (
    ParentBegun
    | ParentEnded
    | OrderBegun
    | OrderAnswered
    | OrderNeverSent
    | OrderNews
    | FillNews
    | PositionNews
    | BalanceNews
    | IncomeNews
    | ConfigNews
    | Compared
    | Wiped
    | TradeEntered
    | TradeExited
)
KINDS: dict[str, type[Body]] = {
    "parent": ParentBegun,
    "parent_end": ParentEnded,
    "order": OrderBegun,
    "answer": OrderAnswered,
    "never_sent": OrderNeverSent,
    "order_news": OrderNews,
    "fill": FillNews,
    "position": PositionNews,
    "balance": BalanceNews,
    "income": IncomeNews,
    "config": ConfigNews,
    "compared": Compared,
    "wiped": Wiped,
    "entry": TradeEntered,
    "exit": TradeExited,
}
NAMES = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True)
class Record:
    """One record; ``account`` is the id of the account's row, 0 for trade records."""

    account: int
    body: Body

    def document(self) -> dict[str, Any]:
        """Return what stands in the journal."""
        plain = msgspec.to_builtins(asdict(self.body))
        return {"kind": NAMES[type(self.body)], "account": self.account, "body": plain}

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> "Record":
        """Read what ``document`` gave; raises ``RecordUnknown``."""
        kind = KINDS.get(raw.get("kind", ""))
        if kind is None:
            raise RecordUnknown(f"there is no kind {raw.get('kind')!r} of record")
        try:
            return cls(int(raw["account"]), msgspec.convert(raw["body"], kind))
        except (KeyError, msgspec.ValidationError) as error:
            raise RecordUnknown(f"{raw['kind']}: {error}") from error
