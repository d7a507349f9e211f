"""What is ours against what the exchange says: differences, and what mends them. Pure.

The exchange is right. What we learnt after its picture was taken is newer and left alone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts.domain.exchange import (
    AccountPicture,
    BalanceNews,
    ConfigNews,
    FillNews,
    IncomeNews,
    OrderNews,
    PositionNews,
)
from accounts.domain.order_life import OPEN, RANKS, OrderFacts
from accounts.domain.positions import PositionSide
from accounts.domain.rules import ZERO

# Kinds of income that come from executions: their symbols were traded.
TRADED = frozenset({"REALIZED_PNL", "COMMISSION"})
Mending = OrderNews | PositionNews | BalanceNews | ConfigNews


@dataclass(frozen=True)
class Held:
    """A stored position."""

    symbol: str
    side: PositionSide
    quantity: Decimal
    event_at: int


@dataclass(frozen=True)
class Wallet:
    """A stored balance."""

    asset: str
    wallet: Decimal
    event_at: int


@dataclass(frozen=True)
class Ours:
    """What is stored of one account.

    ``orders``: those that are not final, and whatever else the picture names.
    ``unfilled``: symbols of orders whose executions are not all stored.
    """

    orders: tuple[OrderFacts, ...] = ()
    positions: tuple[Held, ...] = ()
    balances: tuple[Wallet, ...] = ()
    hedge: bool = False
    unfilled: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same, with what will be stored instead."""

    what: str
    symbol: str
    ours: str
    theirs: str
    mending: Mending | None = None

    def told(self) -> dict[str, Any]:
        """Return what is stored for people."""
        return {
            "what": self.what,
            "symbol": self.symbol,
            "ours": self.ours,
            "theirs": self.theirs,
        }


def differences(ours: Ours, picture: AccountPicture) -> list[Difference]:
    """Compare everything that the picture tells."""
    return [
        *_orders(ours.orders, picture),
        *_positions(ours.positions, picture),
        *_balances(ours.balances, picture),
        *_mode(ours, picture),
    ]


def missing(ours: Ours, picture: AccountPicture) -> list[OrderFacts]:
    """Return orders that are open here and not there: each must be asked for."""
    there = {news.ref.client_id for news in picture.orders}
    numbers = {news.ref.exchange_id for news in picture.orders}
    return [
        one
        for one in ours.orders
        if one.state in OPEN
        and one.client_id not in there
        and (one.exchange_id is None or one.exchange_id not in numbers)
        and one.event_at <= picture.at
    ]


def order_difference(known: OrderFacts | None, news: OrderNews) -> Difference | None:
    """Return how an order differs from what is stored; None when it does not."""
    theirs = f"{news.status}, {news.filled:f} of {news.quantity:f} filled"
    if known is None:
        return Difference("order", news.ref.symbol, "unknown", theirs, news)
    ahead = known.event_at > news.at or known.rank > RANKS[news.status]
    same = (known.state, known.filled, known.quantity) == (
        news.status,
        news.filled,
        news.quantity or known.quantity,
    )
    if same or ahead:
        return None
    ours = f"{known.state}, {known.filled:f} of {known.quantity:f} filled"
    return Difference("order", news.ref.symbol, ours, theirs, news)


def _orders(
    orders: Sequence[OrderFacts], picture: AccountPicture
) -> Iterator[Difference]:
    by_name = {one.client_id: one for one in orders}
    by_number = {one.exchange_id: one for one in orders if one.exchange_id is not None}
    for news in picture.orders:
        number = news.ref.exchange_id or 0
        known = by_number.get(number) or by_name.get(news.ref.client_id)
        found = order_difference(known, news)
        if found is not None:
            yield found


def _positions(
    positions: Iterable[Held], picture: AccountPicture
) -> Iterator[Difference]:
    """What the picture does not list is held no more."""
    known = {(one.symbol, one.side): one for one in positions}
    told = {(news.symbol, news.side): news for news in picture.positions}
    for key in sorted(known.keys() | told.keys()):
        ours = known.get(key)
        theirs = told.get(key) or _flat(*key, picture.at)
        held = ours.quantity if ours else ZERO
        if held != theirs.quantity and (ours is None or ours.event_at <= theirs.at):
            yield Difference(
                "position",
                f"{key[0]} {key[1]}",
                f"{held:f}",
                f"{theirs.quantity:f}",
                theirs,
            )


def _flat(symbol: str, side: PositionSide, at: int) -> PositionNews:
    return PositionNews(symbol, side, ZERO, ZERO, at)


def _balances(
    balances: Iterable[Wallet], picture: AccountPicture
) -> Iterator[Difference]:
    known = {one.asset: one for one in balances}
    for news in picture.balances:
        ours = known.get(news.asset)
        wallet = ours.wallet if ours else ZERO
        if wallet != news.wallet and (ours is None or ours.event_at <= news.at):
            yield Difference(
                "balance", news.asset, f"{wallet:f}", f"{news.wallet:f}", news
            )


def _mode(ours: Ours, picture: AccountPicture) -> Iterator[Difference]:
    if ours.hedge is not picture.hedge:
        yield Difference(
            "mode",
            "",
            "hedge" if ours.hedge else "one-way",
            "hedge" if picture.hedge else "one-way",
            ConfigNews(picture.at, hedge=picture.hedge),
        )


def traded_symbols(
    ours: Ours, found: Iterable[Difference], incomes: Iterable[IncomeNews]
) -> set[str]:
    """Return the symbols whose executions must be fetched."""
    differing = {
        one.symbol.split()[0] for one in found if one.what in ("order", "position")
    }
    earning = {one.symbol for one in incomes if one.kind in TRADED and one.symbol}
    return differing | earning | ours.unfilled


def fill_difference(fill: FillNews) -> Difference:
    """Return an execution that was not stored."""
    theirs = f"{fill.side} {fill.quantity:f} at {fill.price:f}, trade {fill.trade_id}"
    return Difference("fill", fill.symbol, "unknown", theirs)
