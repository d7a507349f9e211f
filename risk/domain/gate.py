"""What every order must pass before it is sent. Pure: values in, a verdict out.

All rules are asked, so that a person sees every reason at once; each has a code that
programs can rely on. Orders that only reduce pass wherever sending is possible at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from core.errors import InvalidInput

State = Literal["ACTIVE", "REDUCING", "HALTED"]
STATES: tuple[State, ...] = ("ACTIVE", "REDUCING", "HALTED")
# More than anything is worth.
BELOW = Decimal(10**15)
Code = Literal[
    "halted",
    "reducing",
    "no_role",
    "no_permission",
    "account_disabled",
    "account_not_reconciled",
    "mode_refused",
    "no_quote",
    "stale_quote",
    "max_notional",
]


@dataclass(frozen=True)
class Limits:
    """``max_notional``: most that one order may be worth, in the quote asset;
    ``quote_age_seconds``: how old the price may be that an order is judged by.
    """

    max_notional: Decimal = Decimal(100_000)
    quote_age_seconds: float = 5.0

    def __post_init__(self) -> None:
        most = self.max_notional
        if not most.is_finite() or not 0 < most < BELOW:
            rule = f"must be a number above 0 and below {BELOW}"
            raise InvalidInput("max_notional", most, rule)
        if not 0 < self.quote_age_seconds < float("inf"):
            raise InvalidInput(
                "quote_age_seconds",
                self.quote_age_seconds,
                "must be a finite number above 0",
            )


@dataclass(frozen=True)
class AccountState:
    """An account as the gate sees it.

    ``mode_refusal``: why the trading mode forbids sending, empty when it does not.
    ``reconciled``: its orders and positions were compared with the exchange's since the
    start. ``can_trade``: its key may place orders.
    """

    account: str
    enabled: bool = True
    reconciled: bool = True
    can_trade: bool = True
    mode_refusal: str = ""


@dataclass(frozen=True)
class OrderIntent:
    """An order that somebody wants; ``may_trade``: whether that one has the role."""

    symbol: str
    quantity: Decimal
    reduce_only: bool = False
    may_trade: bool = True


@dataclass(frozen=True)
class QuoteAge:
    """The price an order is judged by and its age; None where there is none."""

    price: Decimal | None
    age_seconds: float | None


@dataclass(frozen=True)
class Reason:
    """One rule that an order breaks: the code for programs, the words for people."""

    code: Code
    text: str


@dataclass(frozen=True)
class Verdict:
    """Whether the order may be sent; every reason when it may not."""

    reasons: tuple[Reason, ...] = ()

    @property
    def allowed(self) -> bool:
        """No rule is broken."""
        return not self.reasons

    @property
    def codes(self) -> tuple[Code, ...]:
        """The codes of the broken rules."""
        return tuple(reason.code for reason in self.reasons)


def judge(
    intent: OrderIntent,
    *,
    account: AccountState,
    quote: QuoteAge,
    state: State,
    limits: Limits,
) -> Verdict:
    """Ask every rule."""
    return Verdict(
        (
            *_who_and_where(intent, account),
            *_by_state(intent, state),
            *_by_price(intent, quote, limits),
        )
    )


def _who_and_where(intent: OrderIntent, account: AccountState) -> Iterator[Reason]:
    if not intent.may_trade:
        yield Reason("no_role", "who asks has no right to trade")
    if not account.enabled and not intent.reduce_only:
        yield Reason("account_disabled", f"account {account.account} is disabled")
    if account.mode_refusal:
        yield Reason("mode_refused", account.mode_refusal)
    if not account.can_trade:
        yield Reason(
            "no_permission", f"the key of account {account.account} may not trade"
        )
    if not account.reconciled:
        yield Reason(
            "account_not_reconciled",
            f"account {account.account} has not been compared with the exchange yet",
        )


def _by_state(intent: OrderIntent, state: State) -> Iterator[Reason]:
    if intent.reduce_only:
        return
    if state == "HALTED":
        yield Reason("halted", "trading is halted; only reducing orders pass")
    elif state == "REDUCING":
        yield Reason("reducing", "only orders that reduce a position pass")


def _by_price(intent: OrderIntent, quote: QuoteAge, limits: Limits) -> Iterator[Reason]:
    if intent.reduce_only:
        return
    if quote.price is None or quote.age_seconds is None or quote.price <= 0:
        yield Reason("no_quote", f"there is no price of {intent.symbol}")
        return
    if quote.age_seconds > limits.quote_age_seconds:
        yield Reason(
            "stale_quote",
            f"the price of {intent.symbol} is {quote.age_seconds:.1f} s old; "
            f"{limits.quote_age_seconds:g} s are allowed",
        )
    notional = abs(intent.quantity) * quote.price
    if notional > limits.max_notional:
        yield Reason(
            "max_notional",
            f"the order is worth {notional:f}; {limits.max_notional:f} are allowed",
        )
