"""Profit and loss from three prices side by side, with fees and funding apart."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from accounts.domain.positions import Fill, Position, Realised, apply
from accounts.domain.rules import ZERO
from core.errors import InvalidInput

Source = Literal["mark", "last", "mid"]
# The first fresh one of these is the one that counts.
ORDER: tuple[Source, ...] = ("mark", "last", "mid")


@dataclass(frozen=True)
class Price:
    """A price and when it was true (ms since the epoch)."""

    value: Decimal
    at: int


@dataclass(frozen=True)
class Reading:
    """The profit that one source gives; ``fresh`` unless older than allowed."""

    source: Source
    price: Decimal
    age_seconds: float
    fresh: bool
    profit: Decimal


@dataclass(frozen=True)
class Valuation:
    """All sources of one position side by side.

    ``profit`` and ``source`` are those that count, None when no source has a price.
    ``exchange_profit``: what the exchange told. ``spread``: highest minus lowest fresh
    price as a share of the highest. ``problems`` in plain words.
    """

    readings: tuple[Reading, ...]
    source: Source | None
    profit: Decimal | None
    exchange_profit: Decimal | None
    spread: Decimal
    consistent: bool
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Tolerance:
    """How old a price may be (s), and how far the sources may differ (share)."""

    age_seconds: float = 10.0
    spread: Decimal = Decimal("0.005")


def value(
    position: Position,
    prices: Mapping[Source, Price],
    *,
    now_ms: int,
    exchange_profit: Decimal | None = None,
    tolerance: Tolerance | None = None,
) -> Valuation:
    """Value a position; a profit of 0 that the exchange told beside a price is not
    believed but computed.
    """
    allowed = tolerance or Tolerance()
    readings = tuple(
        _reading(position, source, prices[source], now_ms, allowed)
        for source in ORDER
        if source in prices
    )
    chosen = next((one for one in readings if one.fresh), None)
    best = chosen or next(iter(readings), None)
    spread = _spread([one for one in readings if one.fresh])
    problems = list(_problems(readings, spread, allowed))
    if best is None:
        problems.append("no source has a price")
    if exchange_profit == 0 and best is not None and best.profit:
        problems.append("the exchange tells a profit of 0; it was computed instead")
    return Valuation(
        readings=readings,
        source=best.source if best else None,
        profit=best.profit if best else exchange_profit,
        exchange_profit=exchange_profit,
        spread=spread,
        consistent=spread <= allowed.spread,
        problems=tuple(problems),
    )


def _reading(
    position: Position, source: Source, price: Price, now_ms: int, allowed: Tolerance
) -> Reading:
    age = (now_ms - price.at) / 1000
    return Reading(
        source=source,
        price=price.value,
        age_seconds=age,
        fresh=age <= allowed.age_seconds and price.value > 0,
        profit=position.worth(price.value),
    )


def _spread(fresh: list[Reading]) -> Decimal:
    """Highest minus lowest price over the highest: the same for any position."""
    if len(fresh) < 2:
        return ZERO
    found = [one.price for one in fresh]
    return (max(found) - min(found)) / max(found)


def _problems(
    readings: tuple[Reading, ...], spread: Decimal, allowed: Tolerance
) -> Iterable[str]:
    for one in readings:
        if not one.fresh:
            yield f"the {one.source} price is {one.age_seconds:.0f} s old"
    if spread > allowed.spread:
        yield f"the sources differ by {spread * 100:.2f} %"


@dataclass(frozen=True)
class Conversion:
    """What one unit of ``asset`` was worth in the reporting asset, and when."""

    asset: str
    price: Decimal
    at: int


@dataclass(frozen=True)
class Statement:
    """Profit of a series of fills and payments, in the reporting asset.

    ``net`` = realised - fees + funding. ``conversions`` lists every price that was used
    for a fee in another asset.
    """

    realised: Decimal
    fees: Decimal
    funding: Decimal
    positions: tuple[Position, ...]
    closed: tuple[Realised, ...]
    conversions: tuple[Conversion, ...]

    @property
    def net(self) -> Decimal:
        """What was earned after fees and funding."""
        return self.realised - self.fees + self.funding


@dataclass(frozen=True)
class Funding:
    """A funding payment; positive when it was received, in the reporting asset."""

    symbol: str
    amount: Decimal
    at: int


def statement(
    fills: Iterable[Fill],
    *,
    funding: Iterable[Funding] = (),
    conversions: Mapping[str, Iterable[Conversion]] | None = None,
    asset: str = "USDT",
) -> Statement:
    """Count fills in the order of their time.

    A fee in another asset is converted at the newest price that is not later than the
    fill; ``InvalidInput`` when there is none.
    """
    positions: dict[tuple[str, str], Position] = {}
    realised = fees = ZERO
    closed: list[Realised] = []
    used: list[Conversion] = []
    for fill in sorted(fills, key=lambda one: one.at):
        key = (fill.symbol, fill.position_side)
        before = positions.get(key) or Position(fill.symbol, fill.position_side)
        positions[key], gained = apply(before, fill)
        if gained.closed:
            closed.append(gained)
            realised += gained.profit
        if fill.fee and fill.fee_asset != asset:
            rate = _rate(fill, (conversions or {}).get(fill.fee_asset, ()))
            used.append(rate)
            fees += fill.fee * rate.price
        else:
            fees += fill.fee
    return Statement(
        realised=realised,
        fees=fees,
        funding=sum((one.amount for one in funding), ZERO),
        positions=tuple(one for one in positions.values() if one.quantity),
        closed=tuple(closed),
        conversions=tuple(used),
    )


def _rate(fill: Fill, known: Iterable[Conversion]) -> Conversion:
    earlier = [one for one in known if one.at <= fill.at]
    if not earlier:
        raise InvalidInput(
            "fee_asset", fill.fee_asset, f"no price is known at or before {fill.at}"
        )
    return max(earlier, key=lambda one: one.at)
