"""What decisions of a paper exchange are made from, and what taking from its book does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from accounts.domain import paper
from accounts.domain.exchange import NewOrder
from accounts.domain.paper import PaperBook, PaperCosts
from accounts.domain.paper_account import PaperAccount
from accounts.domain.paper_records import AnyRecord, Ended, Filled
from accounts.domain.positions import Side
from accounts.domain.rules import SymbolRules


@dataclass(frozen=True)
class Tick:
    """A trade of the market."""

    id: int
    at: int
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True)
class Glance:
    """What is known of a symbol's market now; ``trades`` are new ones, oldest first."""

    book: PaperBook
    last: Decimal | None = None
    mark: Decimal | None = None
    funding_rate: Decimal | None = None
    trades: tuple[Tick, ...] = ()

    def opposite(self, side: Side) -> Decimal | None:
        """Return the best price a taker of this side meets."""
        levels = self.book.asks if side == "BUY" else self.book.bids
        return levels[0][0] if levels else None

    @property
    def price(self) -> Decimal | None:
        """What a position is worth by: the mark, else the last trade."""
        return self.mark or self.last


@dataclass(frozen=True)
class Refusal:
    """Why nothing was done; ``code`` is the exchange's number for it."""

    code: int
    message: str


@dataclass(frozen=True)
class Terms:
    """What a decision is taken under: the symbol's rules, the costs, now in ms."""

    rules: SymbolRules
    costs: PaperCosts
    at: int
    prices: Mapping[str, Decimal]


def closes_only(order: NewOrder) -> bool:
    """Whether the order can never open anything."""
    closes = {"LONG": "SELL", "SHORT": "BUY"}.get(order.position_side)
    return order.reduce_only or order.close_position or closes == order.side


def crossed(order: NewOrder, price: Decimal) -> bool:
    """Whether the price is where a stop or target of this side triggers."""
    if order.order_type == "TRAILING_STOP_MARKET":
        return False
    rising = order.order_type.startswith("STOP") is (order.side == "BUY")
    return price >= order.stop_price if rising else price <= order.stop_price


def taken(
    account: PaperAccount,
    order: NewOrder,
    quantity: Decimal,
    limit: Decimal | None,
    glance: Glance,
    terms: Terms,
) -> Iterator[AnyRecord]:
    """Yield executions against the book, and the end of what cannot rest."""
    capped = min(quantity, account.closable(order)) if closes_only(order) else quantity
    left = quantity
    if capped > 0:
        found = paper.take(
            order.side,
            capped,
            glance.book,
            terms.costs,
            limit=limit,
            tick=terms.rules.tick,
        )
        for number, fill in enumerate(found.fills, account.state.next_trade):
            yield Filled(
                terms.at,
                order.client_id,
                number,
                fill.quantity,
                fill.price,
                fill.fee,
                maker=False,
            )
        left = quantity - found.filled
    if not left:
        return
    if capped < quantity and left == quantity - capped:
        yield Ended(terms.at, order.client_id, "expired", "the position is closed")
    elif limit is None or order.time_in_force in ("IOC", "FOK"):
        yield Ended(terms.at, order.client_id, "expired", "the book holds no more")
