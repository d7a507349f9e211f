"""Positions from fills, and positions of many accounts seen as one. All Decimal."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Literal

from accounts.domain.rules import ZERO
from core.errors import InvalidInput

# Digits of a division, and the finest part of a cost that is kept.
DIGITS = 60
FINEST = Decimal("1e-18")

Side = Literal["BUY", "SELL"]
PositionSide = Literal["BOTH", "LONG", "SHORT"]


@dataclass(frozen=True)
class Fill:
    """One execution. ``fee`` is what was paid (negative: a rebate), in ``fee_asset``.

    ``at``: ms since the epoch. ``position_side`` BOTH belongs to one-way mode.
    """

    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    at: int
    position_side: PositionSide = "BOTH"
    fee: Decimal = ZERO
    fee_asset: str = "USDT"

    def __post_init__(self) -> None:
        for name in ("quantity", "price"):
            value = getattr(self, name)
            if not value.is_finite() or value <= 0:
                raise InvalidInput(name, value, "must be a finite number above 0")

    @property
    def signed(self) -> Decimal:
        """Quantity, negative for a sale."""
        return self.quantity if self.side == "BUY" else -self.quantity


@dataclass(frozen=True)
class Position:
    """Holdings of one symbol and side; ``quantity`` is negative for a short.

    ``cost`` is the signed sum of quantity times price of what is open, kept instead of
    the average price so that nothing is rounded on the way.
    """

    symbol: str
    side: PositionSide = "BOTH"
    quantity: Decimal = ZERO
    cost: Decimal = ZERO

    @property
    def entry(self) -> Decimal:
        """Average price of what is open; 0 when nothing is."""
        return self.cost / self.quantity if self.quantity else ZERO

    def worth(self, price: Decimal) -> Decimal:
        """Return the profit that is not realised, at ``price``."""
        return self.quantity * price - self.cost


@dataclass(frozen=True)
class Realised:
    """What a fill closed: ``profit`` before fees, of ``closed`` (unsigned) units."""

    closed: Decimal
    profit: Decimal


def apply(position: Position, fill: Fill) -> tuple[Position, Realised]:
    """Return the position after the fill and what it realised.

    Average cost, as the exchange counts: closing leaves the entry price as it was; what
    goes beyond zero opens the other way at the fill's price (one-way mode only). In
    hedge mode a LONG is opened by buying and a SHORT by selling, and neither can be
    closed beyond zero: ``InvalidInput``.
    """
    if (fill.symbol, fill.position_side) != (position.symbol, position.side):
        raise InvalidInput(
            "fill",
            f"{fill.symbol} {fill.position_side}",
            f"must be of {position.symbol} {position.side}",
        )
    signed = fill.signed
    if position.quantity * signed >= 0:
        _allowed(position, position.quantity + signed)
        grown = replace(
            position,
            quantity=position.quantity + signed,
            cost=position.cost + signed * fill.price,
        )
        return grown, Realised(ZERO, ZERO)
    closed = min(abs(signed), abs(position.quantity))
    part = closed.copy_sign(position.quantity)
    left = position.quantity - part
    # The rest keeps exactly what the part does not take: a whole round trip is exact.
    cost_of_part = position.cost if not left else _share(position, part)
    profit = part * fill.price - cost_of_part
    beyond = signed + part
    _allowed(position, left + beyond)
    after = replace(
        position,
        quantity=left + beyond,
        cost=position.cost - cost_of_part + beyond * fill.price,
    )
    return after, Realised(closed, profit)


def _share(position: Position, part: Decimal) -> Decimal:
    """Cost of a part, to 18 digits after the point (an average need not end)."""
    with localcontext(prec=DIGITS):
        share = position.cost * part / position.quantity
        return share.quantize(FINEST)


def _allowed(position: Position, quantity: Decimal) -> None:
    if position.side == "LONG" and quantity < 0:
        raise InvalidInput("quantity", quantity, "a LONG cannot go below 0")
    if position.side == "SHORT" and quantity > 0:
        raise InvalidInput("quantity", quantity, "a SHORT cannot go above 0")


@dataclass(frozen=True)
class Held:
    """A position of one account, with the profit that the exchange itself tells."""

    account: str
    position: Position
    exchange_profit: Decimal | None = None


@dataclass(frozen=True)
class Merged:
    """One symbol over all accounts.

    ``net`` = long - short; ``gross`` = long + short (both unsigned sums). ``entry`` is
    the average of the net side's accounts weighted by quantity, 0 when flat.
    """

    symbol: str
    long: Decimal
    short: Decimal
    long_entry: Decimal
    short_entry: Decimal
    parts: tuple[Held, ...]

    @property
    def net(self) -> Decimal:
        """What is held when longs and shorts are set off."""
        return self.long - self.short

    @property
    def gross(self) -> Decimal:
        """What is held when they are not."""
        return self.long + self.short

    @property
    def hedged(self) -> bool:
        """Whether accounts hold opposite sides."""
        return bool(self.long and self.short)

    def worth(self, price: Decimal) -> Decimal:
        """Return the profit that is not realised, over all accounts."""
        return sum((held.position.worth(price) for held in self.parts), ZERO)


def merge(held: Iterable[Held]) -> list[Merged]:
    """Return one row per symbol that anybody holds, by name."""
    by_symbol: dict[str, list[Held]] = {}
    for one in held:
        if one.position.quantity:
            by_symbol.setdefault(one.position.symbol, []).append(one)
    return [_merged(symbol, by_symbol[symbol]) for symbol in sorted(by_symbol)]


def _merged(symbol: str, held: list[Held]) -> Merged:
    ordered = tuple(sorted(held, key=lambda one: (one.account, one.position.side)))
    longs = [one.position for one in ordered if one.position.quantity > 0]
    shorts = [one.position for one in ordered if one.position.quantity < 0]
    long, short = _total(longs), _total(shorts)
    return Merged(
        symbol=symbol,
        long=long.quantity,
        short=-short.quantity,
        long_entry=long.entry,
        short_entry=short.entry,
        parts=ordered,
    )


def _total(positions: list[Position]) -> Position:
    return Position(
        symbol="",
        quantity=sum((one.quantity for one in positions), ZERO),
        cost=sum((one.cost for one in positions), ZERO),
    )


@dataclass(frozen=True)
class Difference:
    """Where our count and the exchange's differ."""

    account: str
    symbol: str
    side: PositionSide
    ours: Decimal
    theirs: Decimal


def differences(ours: Iterable[Held], theirs: Iterable[Held]) -> list[Difference]:
    """Compare quantities; what one side does not list it holds 0 of.

    The exchange lists only symbols with a position or an open order.
    """
    mine = {_key(one): one.position.quantity for one in ours}
    told = {_key(one): one.position.quantity for one in theirs}
    return [
        Difference(*key, ours=mine.get(key, ZERO), theirs=told.get(key, ZERO))
        for key in sorted(mine.keys() | told.keys())
        if mine.get(key, ZERO) != told.get(key, ZERO)
    ]


def _key(one: Held) -> tuple[str, str, PositionSide]:
    return one.account, one.position.symbol, one.position.side
