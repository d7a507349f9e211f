"""What an intent asks for and what is answered: frozen documents, checked when made.

In the database they are JSON: numbers of money and quantity as text, so that they are
exact. ``parse`` reads what somebody sent, ``document`` writes what is stored.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any, Literal, TypeVar

import msgspec

from accounts.domain.distribution import Strategy
from accounts.domain.exchange import CONDITIONAL, MarginType, OrderType, TimeInForce
from accounts.domain.positions import PositionSide, Side
from accounts.domain.rules import BELOW, ZERO
from accounts.models.orders import IntentKind
from core.errors import Conflict, InvalidInput, shortened

Policy = Literal["continue", "unwind"]
AccountOutcome = Literal["done", "refused", "unknown", "not_sent", "skipped"]
MAX_LEVERAGE = 125
# More than accounts and groups have, however they are typed.
NAME_LENGTH = 160
# What Decimal's arithmetic keeps.
MOST_DIGITS = 28
MISSING = re.compile(r"missing required field `(\w+)`")
SYMBOL = re.compile(r"^[A-Z0-9_]{1,64}$")
Document = TypeVar("Document")


def _symbol(value: str, *, empty: bool = False) -> None:
    if not (empty and not value) and not SYMBOL.match(value):
        raise InvalidInput("symbol", value, "must be upper-case letters and digits")


def _above_zero(name: str, value: Decimal) -> None:
    if not value.is_finite() or value <= 0:
        raise InvalidInput(name, value, "must be a finite number above 0")
    _sized(name, value)


def _not_below_zero(name: str, value: Decimal) -> None:
    if not value.is_finite() or value < 0:
        raise InvalidInput(name, value, "must be a finite number, 0 or more")
    _sized(name, value)


def _sized(name: str, value: Decimal) -> None:
    if value >= BELOW:
        raise InvalidInput(name, value, f"must be below {BELOW}")
    _, digits, exponent = value.as_tuple()
    if len(digits) > MOST_DIGITS or int(exponent) < -MOST_DIGITS:
        raise InvalidInput(name, value, f"has more than {MOST_DIGITS} digits")


def _names(accounts: tuple[str, ...], group: str) -> None:
    if len(set(accounts)) != len(accounts):
        raise InvalidInput("accounts", accounts, "must not name an account twice")
    if accounts and group:
        raise InvalidInput("group", group, "accounts or a group, not both")
    for field_name, names in (("accounts", accounts), ("group", (group,))):
        for name in names:
            if len(name) > NAME_LENGTH or not name.isprintable():
                raise InvalidInput(field_name, name, "is no name")


@dataclass(frozen=True)
class PlaceOrder:
    """An order over one or many accounts; ``quantity`` is the sum over them.

    ``accounts``: names; empty: those of ``group``, without a group every enabled one of
    the venue. ``price`` belongs to LIMIT, STOP and TAKE_PROFIT, ``stop_price`` is the
    trigger of conditional orders. ``policy``: what becomes of the other accounts' orders
    when some fail: they stay (``continue``) or are closed again (``unwind``).
    """

    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType = "MARKET"
    price: Decimal = ZERO
    stop_price: Decimal = ZERO
    time_in_force: TimeInForce = ""
    position_side: PositionSide = "BOTH"
    reduce_only: bool = False
    callback_rate: Decimal = ZERO
    accounts: tuple[str, ...] = ()
    group: str = ""
    strategy: Strategy = "weighted"
    policy: Policy = "continue"

    def __post_init__(self) -> None:
        _symbol(self.symbol)
        _above_zero("quantity", self.quantity)
        for name in ("price", "stop_price", "callback_rate"):
            _not_below_zero(name, getattr(self, name))
        _names(self.accounts, self.group)
        self._check_price()
        self._check_trigger()

    def _check_price(self) -> None:
        priced = self.order_type in ("LIMIT", "STOP", "TAKE_PROFIT")
        if priced and not self.price:
            raise InvalidInput("price", self.price, f"{self.order_type} needs a price")
        if not priced and self.price:
            raise InvalidInput("price", self.price, f"{self.order_type} takes none")
        if self.time_in_force and not priced:
            raise InvalidInput(
                "time_in_force", self.time_in_force, f"{self.order_type} takes none"
            )

    def _check_trigger(self) -> None:
        trailing = self.order_type == "TRAILING_STOP_MARKET"
        triggered = self.order_type in CONDITIONAL and not trailing
        if triggered and not self.stop_price:
            raise InvalidInput(
                "stop_price", self.stop_price, f"{self.order_type} needs a trigger"
            )
        if not triggered and not trailing and self.stop_price:
            raise InvalidInput(
                "stop_price", self.stop_price, f"{self.order_type} has no trigger"
            )
        if trailing and not Decimal("0.1") <= self.callback_rate <= 10:
            raise InvalidInput(
                "callback_rate", self.callback_rate, "must be 0.1 to 10 percent"
            )


@dataclass(frozen=True)
class CancelOrder:
    """Cancel one order; ``order`` is the id of its row."""

    order: int


@dataclass(frozen=True)
class CancelAll:
    """Cancel what is open; without a symbol of every symbol, without accounts or a
    group on all accounts.
    """

    symbol: str = ""
    accounts: tuple[str, ...] = ()
    group: str = ""

    def __post_init__(self) -> None:
        _symbol(self.symbol, empty=True)
        _names(self.accounts, self.group)


@dataclass(frozen=True)
class AmendOrder:
    """Change quantity and price of a resting LIMIT order; 0 leaves one as it is."""

    order: int
    quantity: Decimal = ZERO
    price: Decimal = ZERO

    def __post_init__(self) -> None:
        _not_below_zero("quantity", self.quantity)
        _not_below_zero("price", self.price)
        if not self.quantity and not self.price:
            rule = "a new quantity or a new price must be given"
            raise InvalidInput("quantity", self.quantity, rule)


@dataclass(frozen=True)
class ClosePosition:
    """Close positions at the market; without a symbol all of them.

    ``position_side`` empty: whatever is held.
    """

    symbol: str = ""
    position_side: Literal["", "BOTH", "LONG", "SHORT"] = ""
    accounts: tuple[str, ...] = ()
    group: str = ""

    def __post_init__(self) -> None:
        _symbol(self.symbol, empty=True)
        _names(self.accounts, self.group)


@dataclass(frozen=True)
class SetLeverage:
    """Set the leverage of a symbol."""

    symbol: str
    leverage: int
    accounts: tuple[str, ...] = ()
    group: str = ""

    def __post_init__(self) -> None:
        _symbol(self.symbol)
        _names(self.accounts, self.group)
        if not 1 <= self.leverage <= MAX_LEVERAGE:
            raise InvalidInput(
                "leverage", self.leverage, f"must be 1 to {MAX_LEVERAGE}"
            )


@dataclass(frozen=True)
class SetMarginType:
    """Set the margin type of a symbol."""

    symbol: str
    margin_type: MarginType
    accounts: tuple[str, ...] = ()
    group: str = ""

    def __post_init__(self) -> None:
        _symbol(self.symbol)
        _names(self.accounts, self.group)


@dataclass(frozen=True)
class SetPositionMode:
    """Set one-way (``hedge`` false) or hedge mode."""

    hedge: bool
    accounts: tuple[str, ...] = ()
    group: str = ""

    def __post_init__(self) -> None:
        _names(self.accounts, self.group)


@dataclass(frozen=True)
class Reconcile:
    """Compare with the exchange now."""

    accounts: tuple[str, ...] = ()
    group: str = ""

    def __post_init__(self) -> None:
        _names(self.accounts, self.group)


@dataclass(frozen=True)
class PaperReset:
    """Give paper accounts their starting balance back; nothing is held then."""

    accounts: tuple[str, ...]

    def __post_init__(self) -> None:
        _names(self.accounts, "")
        if not self.accounts:
            raise InvalidInput("accounts", self.accounts, "must name an account")


Payload = (
    PlaceOrder
    | CancelOrder
    | CancelAll
    | AmendOrder
    | ClosePosition
    | SetLeverage
    | SetMarginType
    | SetPositionMode
    | Reconcile
    | PaperReset
)
PAYLOADS: dict[IntentKind, type[Payload]] = {
    IntentKind.PLACE: PlaceOrder,
    IntentKind.CANCEL: CancelOrder,
    IntentKind.CANCEL_ALL: CancelAll,
    IntentKind.AMEND: AmendOrder,
    IntentKind.CLOSE: ClosePosition,
    IntentKind.LEVERAGE: SetLeverage,
    IntentKind.MARGIN_TYPE: SetMarginType,
    IntentKind.POSITION_MODE: SetPositionMode,
    IntentKind.RECONCILE: Reconcile,
    IntentKind.PAPER_RESET: PaperReset,
}
KINDS = {payload: kind for kind, payload in PAYLOADS.items()}


@dataclass(frozen=True)
class AccountResult:
    """What came of it on one account.

    ``outcome``: ``skipped`` got no share, ``not_sent`` may be tried again, ``unknown``
    is being asked for and never sent again. ``order``: id of its row; ``state``,
    ``filled`` and ``average_price`` are as they were when the answer was given.
    ``codes``: the gate's reasons; ``error_code``: the exchange's number.
    """

    account: str
    outcome: AccountOutcome
    message: str = ""
    order: int | None = None
    client_id: str = ""
    symbol: str = ""
    state: str = ""
    quantity: Decimal = ZERO
    filled: Decimal = ZERO
    average_price: Decimal = ZERO
    codes: tuple[str, ...] = ()
    error_code: int | None = None


@dataclass(frozen=True)
class BrokenRule:
    """A field of what was asked for that breaks a rule.

    ``code``: wrong by itself (``invalid_input``), or against what is stored.
    """

    field: str
    value: str | int | float | bool | None
    rule: str
    code: Literal["invalid_input", "conflict"] = "invalid_input"

    def error(self) -> InvalidInput:
        """Return what says so where errors are raised."""
        kind = Conflict if self.code == "conflict" else InvalidInput
        return kind(self.field, self.value, self.rule)


@dataclass(frozen=True)
class IntentResult:
    """The trader's answer. ``seconds``: from taking the intent to the answer.

    ``parent``: id of the order over all accounts, with its state; ``left``: quantity
    that no account could take. ``codes``: every reason of the gate, once. ``broken``:
    why all of it was refused, where it was because of one field.
    """

    message: str = ""
    seconds: float = 0.0
    parent: int | None = None
    parent_state: str = ""
    left: Decimal = ZERO
    codes: tuple[str, ...] = ()
    accounts: tuple[AccountResult, ...] = field(default=())
    broken: BrokenRule | None = None


def parse(kind: IntentKind, payload: Mapping[str, Any]) -> Payload:
    """Read a payload; raises ``InvalidInput`` that names the field."""
    return _read(payload, PAYLOADS[kind])


def refusal(error: InvalidInput) -> IntentResult:
    """Return the answer to what breaks a rule."""
    broken = BrokenRule(**error.told())
    if isinstance(error, Conflict):
        broken = replace(broken, code="conflict")
    return IntentResult(message=str(error), broken=broken)


def parse_result(stored: Mapping[str, Any]) -> IntentResult:
    """Read a stored answer; an empty one is one without words."""
    return _read(stored, IntentResult)


def document(value: Payload | IntentResult) -> dict[str, Any]:
    """Return what is stored: plain JSON values, exact numbers as text."""
    plain: dict[str, Any] = msgspec.to_builtins(asdict(value))
    return plain


def _read(raw: Mapping[str, Any], kind: type[Document]) -> Document:
    unknown = sorted(raw.keys() - kind.__dataclass_fields__.keys())  # type: ignore[attr-defined]
    if unknown:
        raise InvalidInput(unknown[0], raw[unknown[0]], "there is no such field")
    try:
        return msgspec.convert(dict(raw), kind)
    except msgspec.ValidationError as error:
        cause = error.__cause__
        if isinstance(cause, InvalidInput):
            raise cause from None
        said, _, place = str(error).partition(" - at `$.")
        text = shortened(said)
        missing = MISSING.search(text)
        name = missing[1] if missing else re.split(r"[^a-z_]", place, maxsplit=1)[0]
        rule = "must be given" if missing else text
        raise InvalidInput(name or "payload", raw.get(name), rule) from None
