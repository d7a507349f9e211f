"""A paper account: what its records add up to, and how it looks from outside. Pure.

Margin is counted over the whole account: what is free is the wallet and the open profit
less the initial margin of positions and of orders that open something. An isolated
position is told as isolated, and backed by the whole account all the same.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from accounts.domain import positions as holdings
from accounts.domain.exchange import (
    AccountEvent,
    AccountPicture,
    BalanceNews,
    ConfigNews,
    NewOrder,
    PositionNews,
)
from accounts.domain.paper_news import ASSET, fill_news, income_news, order_news
from accounts.domain.paper_records import (
    Amended,
    AnyRecord,
    Armed,
    Began,
    Configured,
    Ended,
    Filled,
    Funded,
    Kept,
    Ordered,
    PaperFillRow,
    PaperIncomeRow,
    PaperOrder,
    PaperState,
    Settled,
    Trailed,
    Triggered,
)
from accounts.domain.positions import Fill, Position, PositionSide
from accounts.domain.rules import ZERO

LEVERAGE = 20
SMALLEST = Decimal("0.00000001")
PAST_KEPT = 2_000
ROWS_KEPT = 5_000


class PaperAccount:
    """``apply`` takes the next record and returns what it tells, as an exchange would."""

    def __init__(self) -> None:
        self.state = PaperState()
        self._appliers: dict[type, Callable[[Any], Iterator[AccountEvent]]] = {
            Began: self._began,
            Configured: self._configured,
            Ordered: self._ordered,
            Amended: self._amended,
            Trailed: self._trailed,
            Triggered: self._triggered,
            Filled: self._filled,
            Ended: self._ended,
            Funded: self._funded,
            Settled: self._settled,
            Armed: self._armed,
            Kept: self._kept,
        }

    def apply(self, record: AnyRecord) -> list[AccountEvent]:
        """Change the account; raises ``KeyError`` for an order that is not open."""
        return list(self._appliers[type(record)](record))

    # -- how it looks -------------------------------------------------------------

    def position(self, symbol: str, side: PositionSide) -> Position:
        """Return what is held, flat when nothing was ever."""
        known = self.state.positions.get(_place(symbol, side))
        return known or Position(symbol, side)

    def held(self) -> list[Position]:
        """Return the positions that are not flat."""
        return [each for each in self.state.positions.values() if each.quantity]

    def open_orders(self, symbol: str = "") -> list[PaperOrder]:
        """Return what rests or is held, the oldest first."""
        return [
            each
            for each in self.state.orders.values()
            if not symbol or each.order.symbol == symbol
        ]

    def order(self, client_id: str) -> PaperOrder | None:
        """Return an order, open or past."""
        return self.state.orders.get(client_id) or self.state.past.get(client_id)

    def leverage(self, symbol: str) -> int:
        """Return the leverage of a symbol."""
        return self.state.leverage.get(symbol, LEVERAGE)

    def open_profit(self, prices: Mapping[str, Decimal]) -> Decimal:
        """Return the profit of all positions; one without a price counts as entered."""
        return sum(
            (
                each.worth(prices.get(each.symbol, each.entry))
                for each in self.state.positions.values()
            ),
            ZERO,
        )

    def available(self, prices: Mapping[str, Decimal]) -> Decimal:
        """Return what new orders may still bind."""
        bound = sum((self.bound(each) for each in self.open_orders()), ZERO)
        margin = sum(
            (
                abs(each.quantity) * prices.get(each.symbol, each.entry)
                / self.leverage(each.symbol)
                for each in self.held()
            ),
            ZERO,
        )  # fmt: skip
        return self.state.wallet + self.open_profit(prices) - margin - bound

    def bound(self, order: PaperOrder) -> Decimal:
        """Return the margin that an open order binds: what it can open, at its price."""
        if order.status == "held" or order.order.reduce_only:
            return ZERO
        opening = max(ZERO, order.left - self.closable(order.order))
        return opening * order.price / self.leverage(order.order.symbol)

    def closable(self, asked: NewOrder) -> Decimal:
        """Return how much of its position the order could close at most."""
        held = self.position(asked.symbol, asked.position_side).quantity
        against = held < 0 if asked.side == "BUY" else held > 0
        return abs(held) if against else ZERO

    def picture(self, at: int, prices: Mapping[str, Decimal]) -> AccountPicture:
        """Return everything open."""
        return AccountPicture(
            at=at,
            orders=tuple(order_news(each) for each in self.open_orders()),
            positions=tuple(
                self._position_news(each, at, prices) for each in self.held()
            ),
            balances=(
                BalanceNews(ASSET, self.state.wallet, at, self.available(prices)),
            ),
            hedge=self.state.hedge,
        )

    def _position_news(
        self, position: Position, at: int, prices: Mapping[str, Decimal] | None = None
    ) -> PositionNews:
        symbol = position.symbol
        price = (prices or {}).get(symbol)
        margin_type = self.state.margin_types.get(symbol, "cross")
        margin = abs(position.cost) / self.leverage(symbol)
        return PositionNews(
            symbol=symbol,
            side=position.side,
            quantity=position.quantity,
            entry=position.entry,
            at=at,
            profit=None if price is None else position.worth(price),
            leverage=self.leverage(symbol),
            margin_type=margin_type,
            isolated_margin=margin if margin_type == "isolated" else ZERO,
        )

    # -- records ------------------------------------------------------------------

    def _began(self, record: Began) -> Iterator[AccountEvent]:
        old = self.state
        self.state = PaperState(
            wallet=record.wallet,
            hedge=old.hedge,
            next_number=old.next_number,
            next_trade=old.next_trade,
            next_income=old.next_income,
            settled_at=record.at,
            leverage=old.leverage,
            margin_types=old.margin_types,
        )
        for position in old.positions.values():
            if position.quantity:
                flat = Position(position.symbol, position.side)
                yield self._position_news(flat, record.at)
        for order in old.orders.values():
            order.status, order.at, order.reason = "canceled", record.at, "reset"
            yield order_news(order)
        yield self._balance_news(record.at)

    def _configured(self, record: Configured) -> Iterator[AccountEvent]:
        if record.leverage is not None:
            self.state.leverage[record.symbol] = record.leverage
        if record.margin_type is not None:
            self.state.margin_types[record.symbol] = record.margin_type
        if record.hedge is not None:
            self.state.hedge = record.hedge
        if record.leverage is not None or record.hedge is not None:
            yield ConfigNews(record.at, record.symbol, record.leverage, record.hedge)

    def _ordered(self, record: Ordered) -> Iterator[AccountEvent]:
        asked = record.order
        order = self.state.orders[asked.client_id] = PaperOrder(
            number=record.number,
            order=asked,
            status="held" if asked.conditional else "new",
            quantity=asked.quantity,
            price=asked.price,
            created_at=record.at,
            at=record.at,
            liquidation=record.liquidation,
        )
        self.state.next_number = max(self.state.next_number, record.number + 1)
        yield order_news(order)

    def _amended(self, record: Amended) -> Iterator[AccountEvent]:
        order = self.state.orders[record.client_id]
        order.quantity, order.price = record.quantity, record.price
        order.at = record.at
        yield order_news(order)

    def _trailed(self, record: Trailed) -> Iterator[AccountEvent]:
        self.state.orders[record.client_id].extreme = record.extreme
        return iter(())

    def _triggered(self, record: Triggered) -> Iterator[AccountEvent]:
        order = self.state.orders[record.client_id]
        order.status, order.child, order.at = "new", record.number, record.at
        order.quantity = record.quantity
        self.state.next_number = max(self.state.next_number, record.number + 1)
        yield order_news(order)

    def _filled(self, record: Filled) -> Iterator[AccountEvent]:
        order = self.state.orders[record.client_id]
        asked = order.order
        before = self.position(asked.symbol, asked.position_side)
        after, realised = holdings.apply(
            before,
            Fill(
                asked.symbol,
                asked.side,
                record.quantity,
                record.price,
                record.at,
                asked.position_side,
                record.fee,
                ASSET,
            ),
        )
        self.state.positions[_place(asked.symbol, asked.position_side)] = after
        self.state.next_trade = max(self.state.next_trade, record.trade_id + 1)
        self._keep_fill(record, order, _money(realised.profit))
        order.filled += record.quantity
        order.cost += record.quantity * record.price
        order.at = record.at
        order.status = "partially_filled"
        if not order.left:
            order.status = "filled"
            self._to_past(order)
        yield self._balance_news(record.at)
        yield self._position_news(after, record.at)
        yield order_news(order)
        yield fill_news(self.state.fills[-1])

    def _keep_fill(self, record: Filled, order: PaperOrder, realised: Decimal) -> None:
        asked = order.order
        fee = _money(record.fee)
        row = PaperFillRow(
            client_id=record.client_id,
            number=order.child or order.number,
            trade_id=record.trade_id,
            symbol=asked.symbol,
            side=asked.side,
            position_side=asked.position_side,
            quantity=record.quantity,
            price=record.price,
            fee=fee,
            realised=realised,
            maker=record.maker,
            at=record.at,
        )
        self.state.fills.append(row)
        del self.state.fills[:-ROWS_KEPT]
        trade = str(record.trade_id)
        if realised:
            self._book("REALIZED_PNL", realised, record.at, asked.symbol, trade)
        if fee:
            self._book("COMMISSION", -fee, record.at, asked.symbol, trade)

    def _ended(self, record: Ended) -> Iterator[AccountEvent]:
        order = self.state.orders[record.client_id]
        order.status, order.at, order.reason = record.status, record.at, record.reason
        self._to_past(order)
        yield order_news(order)

    def _funded(self, record: Funded) -> Iterator[AccountEvent]:
        row = self._book("FUNDING_FEE", _money(record.amount), record.at, record.symbol)
        yield self._balance_news(record.at)
        yield income_news(row)

    def _settled(self, record: Settled) -> Iterator[AccountEvent]:
        self.state.settled_at = record.at
        return iter(())

    def _armed(self, record: Armed) -> Iterator[AccountEvent]:
        if record.until:
            self.state.armed[record.symbol] = record.until
        else:
            self.state.armed.pop(record.symbol, None)
        return iter(())

    def _kept(self, record: Kept) -> Iterator[AccountEvent]:
        self.state = record.state
        return iter(())

    # -- inside -------------------------------------------------------------------

    def _balance_news(self, at: int) -> BalanceNews:
        return BalanceNews(ASSET, self.state.wallet, at)

    def _book(
        self, kind: str, amount: Decimal, at: int, symbol: str, trade_id: str = ""
    ) -> PaperIncomeRow:
        row = PaperIncomeRow(kind, self.state.next_income, amount, at, symbol, trade_id)
        self.state.wallet += amount
        self.state.next_income += 1
        self.state.incomes.append(row)
        del self.state.incomes[:-ROWS_KEPT]
        return row

    def _to_past(self, order: PaperOrder) -> None:
        del self.state.orders[order.order.client_id]
        past = self.state.past
        past.pop(order.order.client_id, None)
        past[order.order.client_id] = order
        while len(past) > PAST_KEPT:
            del past[next(iter(past))]


def _place(symbol: str, side: PositionSide) -> str:
    return f"{symbol} {side}"


def _money(amount: Decimal) -> Decimal:
    """Return an amount as it is booked: eight decimals, as the exchange does it."""
    return amount.quantize(SMALLEST)
