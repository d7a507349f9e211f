"""Closed trades: from flat to flat again, each with its fees and funding. Pure, exact.

A fill that goes beyond zero ends one trade and begins the next; its fee is divided by
quantity. Funding belongs to the trade that was open when it was paid.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from accounts.domain.pnl import Conversion, Funding
from accounts.domain.positions import Fill, Position, PositionSide, apply
from accounts.domain.rules import ZERO

Direction = Literal["long", "short"]


@dataclass(frozen=True)
class RoundTrip:
    """One trade. ``closed_at`` is None while some of it is open.

    ``quantity``: all that was opened; ``entry`` and ``exit`` average prices, 0 where
    nothing is; ``realised`` before fees. ``unconverted``: fees in assets whose price
    nobody knew, by asset; they are not in ``fees``.
    """

    symbol: str
    position_side: PositionSide
    direction: Direction
    opened_at: int
    closed_at: int | None
    quantity: Decimal
    entry: Decimal
    exit: Decimal
    realised: Decimal
    fees: Decimal
    funding: Decimal
    unconverted: Mapping[str, Decimal]

    @property
    def net(self) -> Decimal:
        """What was earned after fees and funding."""
        return self.realised - self.fees + self.funding


@dataclass(frozen=True)
class Closing:
    """What a fill realised and when, before fees."""

    symbol: str
    position_side: PositionSide
    at: int
    closed: Decimal
    profit: Decimal


@dataclass(frozen=True)
class Fee:
    """A fee in the reporting asset; ``conversion`` is the price that was used.

    ``value`` None: it was paid in an asset whose price nobody knew.
    """

    symbol: str
    at: int
    paid: Decimal
    asset: str
    value: Decimal | None
    conversion: Conversion | None = None


@dataclass(frozen=True)
class Ledger:
    """Everything that a series of fills and payments came to, with its times."""

    trips: tuple[RoundTrip, ...]
    closings: tuple[Closing, ...]
    fees: tuple[Fee, ...]
    positions: tuple[Position, ...]


class _Open:
    """A trade under way."""

    def __init__(self, fill: Fill, *, buys: bool) -> None:
        self.symbol, self.side = fill.symbol, fill.position_side
        self.direction: Direction = "long" if buys else "short"
        self.opened_at = fill.at
        self.entered = self.entry_cost = self.left = self.exit_cost = ZERO
        self.realised = self.fees = self.funding = ZERO
        self.unconverted: dict[str, Decimal] = {}

    def pay(self, asset: str, amount: Decimal, value: Decimal | None) -> None:
        if value is not None:
            self.fees += value
        elif amount:
            self.unconverted[asset] = self.unconverted.get(asset, ZERO) + amount

    def ended(self, closed_at: int | None) -> RoundTrip:
        return RoundTrip(
            symbol=self.symbol,
            position_side=self.side,
            direction=self.direction,
            opened_at=self.opened_at,
            closed_at=closed_at,
            quantity=self.entered,
            entry=self.entry_cost / self.entered if self.entered else ZERO,
            exit=self.exit_cost / self.left if self.left else ZERO,
            realised=self.realised,
            fees=self.fees,
            funding=self.funding,
            unconverted=self.unconverted,
        )


def ledger(
    fills: Iterable[Fill],
    *,
    funding: Iterable[Funding] = (),
    conversions: Mapping[str, Iterable[Conversion]] | None = None,
    asset: str = "USDT",
) -> Ledger:
    """Walk through the fills of one account in the order of their time.

    A fee in another asset is converted at the newest price that is not later than the
    fill.
    """
    return _Walk(_sorted(conversions), asset).all(
        sorted(fills, key=lambda one: one.at), sorted(funding, key=lambda one: one.at)
    )


def fees_of(
    fills: Iterable[Fill],
    *,
    conversions: Mapping[str, Iterable[Conversion]] | None = None,
    asset: str = "USDT",
) -> tuple[Fee, ...]:
    """Return the fees alone, for fills that do not begin at the beginning."""
    rates = _sorted(conversions)
    return tuple(_fee(fill, rates, asset) for fill in fills)


def _sorted(
    conversions: Mapping[str, Iterable[Conversion]] | None,
) -> dict[str, list[Conversion]]:
    return {
        name: sorted(known, key=lambda one: one.at)
        for name, known in (conversions or {}).items()
    }


def _fee(fill: Fill, rates: Mapping[str, list[Conversion]], asset: str) -> Fee:
    if not fill.fee or fill.fee_asset == asset:
        return Fee(fill.symbol, fill.at, fill.fee, fill.fee_asset, fill.fee)
    known = rates.get(fill.fee_asset, [])
    place = bisect_right(known, fill.at, key=lambda one: one.at)
    if not place:
        return Fee(fill.symbol, fill.at, fill.fee, fill.fee_asset, None)
    rate = known[place - 1]
    value = fill.fee * rate.price
    return Fee(fill.symbol, fill.at, fill.fee, fill.fee_asset, value, rate)


class _Walk:
    def __init__(self, rates: Mapping[str, list[Conversion]], asset: str) -> None:
        self.rates, self.asset = rates, asset
        self.positions: dict[tuple[str, PositionSide], Position] = {}
        self.open: dict[tuple[str, PositionSide], _Open] = {}
        self.trips: list[RoundTrip] = []
        self.closings: list[Closing] = []
        self.fees: list[Fee] = []

    def all(self, fills: list[Fill], payments: list[Funding]) -> Ledger:
        waiting = iter(payments)
        payment = next(waiting, None)
        for fill in fills:
            while payment is not None and payment.at <= fill.at:
                self.fund(payment)
                payment = next(waiting, None)
            self.take(fill)
        while payment is not None:
            self.fund(payment)
            payment = next(waiting, None)
        still_open = [one.ended(None) for one in self.open.values()]
        return Ledger(
            trips=(*self.trips, *still_open),
            closings=tuple(self.closings),
            fees=tuple(self.fees),
            positions=tuple(one for one in self.positions.values() if one.quantity),
        )

    def fund(self, payment: Funding) -> None:
        """Give a payment to the open trades of its symbol, by what they hold."""
        sharing = [
            (one, abs(self.positions[key].quantity))
            for key, one in self.open.items()
            if key[0] == payment.symbol
        ]
        total = sum((held for _, held in sharing), ZERO)
        left = payment.amount
        for one, held in sharing[1:]:
            part = payment.amount * held / total
            one.funding += part
            left -= part
        if sharing:
            sharing[0][0].funding += left

    def take(self, fill: Fill) -> None:
        key = (fill.symbol, fill.position_side)
        before = self.positions.get(key) or Position(*key)
        after, gained = apply(before, fill)
        self.positions[key] = after
        fee = _fee(fill, self.rates, self.asset)
        self.fees.append(fee)
        opening = fill.quantity - gained.closed
        paid, value = fill.fee, fee.value
        if gained.closed:
            trip = self.open[key]
            self.closings.append(
                Closing(*key, at=fill.at, closed=gained.closed, profit=gained.profit)
            )
            trip.left += gained.closed
            trip.exit_cost += gained.closed * fill.price
            trip.realised += gained.profit
            share = gained.closed / fill.quantity if opening else Decimal(1)
            mine = None if value is None else value * share
            trip.pay(fill.fee_asset, paid * share, mine)
            paid -= paid * share
            value = None if value is None or mine is None else value - mine
            if opening or not after.quantity:
                self.trips.append(self.open.pop(key).ended(fill.at))
        if opening:
            trip = self.open.setdefault(key, _Open(fill, buys=fill.side == "BUY"))
            trip.entered += opening
            trip.entry_cost += opening * fill.price
            trip.pay(fill.fee_asset, paid, value)
