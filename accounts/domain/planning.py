"""What an order becomes before it is sent: gate, shares, and why some get none. Pure.

Preview and trader ask the same function, so that what a person saw is what is sent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from accounts.domain.distribution import (
    Distribution,
    Participant,
    Share,
    Strategy,
    distribute,
)
from accounts.domain.positions import PositionSide, Side
from accounts.domain.rules import ZERO, SymbolRules
from core.errors import InvalidInput
from risk.domain.gate import (
    AccountState,
    Code,
    Limits,
    OrderIntent,
    QuoteAge,
    Reason,
    State,
    judge,
)


@dataclass(frozen=True)
class Wanted:
    """An order over accounts as far as planning goes. ``price`` 0: at the market."""

    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal = ZERO
    stop_price: Decimal = ZERO
    position_side: PositionSide = "BOTH"
    reduce_only: bool = False
    strategy: Strategy = "weighted"

    @property
    def reduces(self) -> bool:
        """Whether it can only make a position smaller, in either position mode."""
        return self.reduce_only or (self.position_side, self.side) in (
            ("LONG", "SELL"),
            ("SHORT", "BUY"),
        )


@dataclass(frozen=True)
class Holding:
    """A position of the symbol; ``quantity`` is negative for a short."""

    side: PositionSide
    quantity: Decimal
    entry: Decimal = ZERO


@dataclass(frozen=True)
class AccountFacts:
    """An account as planning sees it. ``hedge``: its position mode."""

    participant: Participant
    state: AccountState
    hedge: bool = False
    holdings: tuple[Holding, ...] = ()

    @property
    def name(self) -> str:
        """Its name."""
        return self.participant.account


@dataclass(frozen=True)
class Surroundings:
    """What is the same for all accounts."""

    rules: SymbolRules
    quote: QuoteAge
    state: State
    limits: Limits
    may_trade: bool = True


@dataclass(frozen=True)
class Plan:
    """Shares by account, and every reason of the gate by account.

    ``price`` is what notional and margin were computed with.
    """

    distribution: Distribution
    price: Decimal
    reasons: dict[str, tuple[Reason, ...]]

    @property
    def codes(self) -> tuple[Code, ...]:
        """Every code of the gate once, in the order they came up."""
        found = (reason.code for each in self.reasons.values() for reason in each)
        return tuple(dict.fromkeys(found))

    @property
    def takers(self) -> tuple[Share, ...]:
        """The shares that are sent."""
        return tuple(one for one in self.distribution.shares if one.quantity)


def plan_order(
    wanted: Wanted, accounts: Sequence[AccountFacts], around: Surroundings
) -> Plan:
    """Judge and divide; raises ``InvalidInput`` for what no account could send."""
    _on_tick(wanted, around.rules)
    price = _price(wanted, accounts, around.quote)
    asked = OrderIntent(
        wanted.symbol,
        wanted.quantity,
        reduce_only=wanted.reduces,
        may_trade=around.may_trade,
    )
    # A limit order is worth its limit; how old the market is counts all the same.
    quote = replace(around.quote, price=price if around.quote.price else None)
    reasons = {}
    for one in accounts:
        verdict = judge(
            asked,
            account=one.state,
            quote=quote,
            state=around.state,
            limits=around.limits,
        )
        if not verdict.allowed:
            reasons[one.name] = verdict.reasons
    people = [_participant(one, wanted, reasons.get(one.name, ())) for one in accounts]
    shares = distribute(
        quantity=wanted.quantity,
        price=price,
        participants=people,
        rules=around.rules,
        strategy=wanted.strategy,
        reduce_only=wanted.reduces,
    )
    return Plan(shares, price, reasons)


def _on_tick(wanted: Wanted, rules: SymbolRules) -> None:
    for name in ("price", "stop_price"):
        value: Decimal = getattr(wanted, name)
        if value and rules.price_near(value) != value:
            raise InvalidInput(name, value, f"must be a multiple of {rules.tick}")


def _price(
    wanted: Wanted, accounts: Iterable[AccountFacts], quote: QuoteAge
) -> Decimal:
    """Return what the order is worth per unit; without a quote what was paid will do
    for an order that only reduces.
    """
    price = wanted.price or wanted.stop_price or quote.price
    if price:
        return price
    paid = [held.entry for one in accounts for held in one.holdings if held.entry > 0]
    # Any price serves to tell that there is none: every account is refused then.
    return max(paid, default=Decimal(1))


def _participant(
    one: AccountFacts, wanted: Wanted, reasons: Sequence[Reason]
) -> Participant:
    blocked = "; ".join(reason.text for reason in reasons)
    both = wanted.position_side == "BOTH"
    if not blocked and one.hedge is both:
        mode = "hedge" if one.hedge else "one-way"
        blocked = f"it is in {mode} mode; the order says {wanted.position_side}"
    return replace(one.participant, blocked=blocked, reducible=_reducible(one, wanted))


def _reducible(one: AccountFacts, wanted: Wanted) -> Decimal:
    """Return how much of what is held the order's side would close."""
    held = sum(
        (each.quantity for each in one.holdings if each.side == wanted.position_side),
        ZERO,
    )
    return max(held if wanted.side == "SELL" else -held, ZERO)
