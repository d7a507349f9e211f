"""How one order is divided over accounts. Pure, exact, independent of their order.

Shares are proportional to weights; each is rounded down to the symbol's step and the
steps that are left go to the largest remainders (Hamilton's method), ties to the
account whose name comes first. An account that cannot carry its share takes what it
can, one whose share is below the exchange's least is left out, and the others divide
again. What nobody can take is told, never sent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Literal

from accounts.domain.rules import ZERO, SymbolRules
from core.errors import InvalidInput

Strategy = Literal["equal", "weighted", "risk_based"]
STRATEGIES: tuple[Strategy, ...] = ("equal", "weighted", "risk_based")
ONE = Decimal(1)


@dataclass(frozen=True)
class Participant:
    """An account as a distribution sees it; money in the margin asset.

    ``drawdown``: share (0 to 1) that equity lies below its peak. ``blocked``: why it
    must not trade, empty when it may. ``reducible``: quantity that an order which only
    reduces can close here.
    """

    account: str
    weight: Decimal = ONE
    equity: Decimal = ZERO
    free_margin: Decimal = ZERO
    leverage: Decimal = ONE
    drawdown: Decimal = ZERO
    blocked: str = ""
    reducible: Decimal = ZERO


@dataclass(frozen=True)
class Share:
    """What one account gets: ``quantity`` 0 with a ``reason`` when it gets nothing.

    ``margin`` is what the order binds, ``margin_after`` what stays free.
    """

    account: str
    quantity: Decimal
    notional: Decimal
    margin: Decimal
    margin_after: Decimal
    reason: str = ""


@dataclass(frozen=True)
class Distribution:
    """Shares by account name. ``left``: quantity that no account could take."""

    strategy: Strategy
    shares: tuple[Share, ...]
    quantity: Decimal
    left: Decimal

    @property
    def placed(self) -> Decimal:
        """Quantity over all accounts."""
        return sum((share.quantity for share in self.shares), ZERO)


@dataclass
class _Candidate:
    participant: Participant
    weight: Decimal
    room: Decimal
    reason: str = ""
    quantity: Decimal = ZERO


def distribute(
    *,
    quantity: Decimal,
    price: Decimal,
    participants: Iterable[Participant],
    rules: SymbolRules,
    strategy: Strategy = "weighted",
    reduce_only: bool = False,
) -> Distribution:
    """Divide ``quantity`` at about ``price``; raises ``InvalidInput``.

    ``left`` includes what is below one step of the symbol.
    """
    _check(quantity, price, strategy)
    people = sorted(participants, key=lambda each: each.account)
    names = [each.account for each in people]
    if len(set(names)) != len(names):
        raise InvalidInput("participants", names, "must not name an account twice")
    candidates = [
        _Candidate(
            each, _weight(each, strategy), _room(each, price, rules, only=reduce_only)
        )
        for each in people
    ]
    least = rules.smallest(price, reduce_only=reduce_only)
    for one in candidates:
        one.reason = _why_not(one, least, reduce_only=reduce_only)
    wanted = rules.quantity_down(quantity)
    _settle(candidates, wanted, least, rules)
    shares = tuple(_share(one, price, only=reduce_only) for one in candidates)
    placed = sum((share.quantity for share in shares), ZERO)
    return Distribution(strategy, shares, quantity, quantity - placed)


def _check(quantity: Decimal, price: Decimal, strategy: str) -> None:
    if not quantity.is_finite() or quantity <= 0:
        raise InvalidInput("quantity", quantity, "must be a finite number above 0")
    if not price.is_finite() or price <= 0:
        raise InvalidInput("price", price, "must be a finite number above 0")
    if strategy not in STRATEGIES:
        allowed = ", ".join(STRATEGIES)
        raise InvalidInput("strategy", strategy, f"must be one of {allowed}")


def _weight(one: Participant, strategy: Strategy) -> Decimal:
    """Equal, the account's own, or: money that is there and free, less after losses.

    ``risk_based`` is the geometric mean of equity and free margin, times what the
    drawdown has left (1 - drawdown).
    """
    if strategy == "equal":
        return ONE
    if strategy == "weighted":
        return max(one.weight, ZERO)
    money = max(one.equity, ZERO) * max(one.free_margin, ZERO)
    return money.sqrt() * max(ONE - one.drawdown, ZERO)


def _room(
    one: Participant, price: Decimal, rules: SymbolRules, *, only: bool
) -> Decimal:
    """Return the most this account can take, on the step grid."""
    if only:
        room = max(one.reducible, ZERO)
    else:
        room = max(one.free_margin, ZERO) * max(one.leverage, ZERO) / price
    if rules.max_quantity:
        room = min(room, rules.max_quantity)
    return rules.quantity_down(room)


def _why_not(one: _Candidate, least: Decimal, *, reduce_only: bool) -> str:
    if one.participant.blocked:
        return one.participant.blocked
    if not one.weight:
        return "its weight is 0"
    if not one.room:
        return "it has nothing to reduce" if reduce_only else "it has no free margin"
    if one.room < least:
        return f"it can take {one.room}, less than the least order of {least}"
    return ""


def _settle(
    candidates: list[_Candidate], wanted: Decimal, least: Decimal, rules: SymbolRules
) -> None:
    """Give quantities; whoever is full or too small leaves, the rest divide again.

    Every turn takes at least one account out, so it ends. Among equally small ones the
    last by name leaves.
    """
    taking = [one for one in candidates if not one.reason]
    left = wanted
    while taking:
        _divide(taking, left, rules)
        full = [one for one in taking if one.quantity > one.room]
        if full:
            for one in full:
                one.quantity = one.room
                left -= one.room
            taking = [one for one in taking if one not in full]
            continue
        small = [one for one in reversed(taking) if one.quantity < least]
        if not small:
            break
        smallest = min(small, key=lambda one: (one.quantity, one.weight))
        smallest.quantity = ZERO
        smallest.reason = f"its share is below the least order of {least}"
        taking.remove(smallest)


def _divide(taking: list[_Candidate], quantity: Decimal, rules: SymbolRules) -> None:
    """Hamilton's method on steps; without a step grid plain proportion."""
    total = sum((one.weight for one in taking), ZERO)
    exact = [quantity * one.weight / total for one in taking]
    for one, share in zip(taking, exact, strict=True):
        one.quantity = rules.quantity_down(share)
    if not rules.step:
        taking[0].quantity += quantity - sum((one.quantity for one in taking), ZERO)
        return
    given = sum((one.quantity for one in taking), ZERO)
    steps = int(((quantity - given) / rules.step).to_integral_value(ROUND_DOWN))
    order = sorted(
        range(len(taking)),
        key=lambda at: (
            taking[at].quantity - exact[at],
            taking[at].participant.account,
        ),
    )
    for at in order[:steps]:
        taking[at].quantity += rules.step


def _share(one: _Candidate, price: Decimal, *, only: bool) -> Share:
    person = one.participant
    notional = one.quantity * price
    margin = ZERO if only or not notional else notional / person.leverage
    return Share(
        account=person.account,
        quantity=one.quantity,
        notional=notional,
        margin=margin,
        margin_after=person.free_margin - margin,
        reason=one.reason,
    )
