"""Takes, matches, changes and cancels orders of one account after the other."""

from collections.abc import Callable, Iterable
from decimal import Decimal

from market.simulator.accounts import events, ledger
from market.simulator.accounts.asked import Asked
from market.simulator.accounts.matching import Level, crosses, together, walk
from market.simulator.accounts.records import Account, Algo, IncomeRow, Order, TradeRow
from market.simulator.accounts.terms import (
    MAKER_RATE,
    MARKET_BOUND,
    TAKER_RATE,
    ZERO,
    cents,
    most_notional,
)
from market.simulator.accounts.view import MarketView
from market.simulator.errors import ApiError

MOST_OPEN = 200
# A good-till date must be later than this from now, and before the year 10000.
SHORTEST_DATE_MS, LAST_DATE_MS = 600_000, 253_402_300_799_000

Publish = Callable[[Account, events.Event], None]
Numbers = Callable[[str], int]


class Desk:
    """``publish`` hears every event in order; ``numbers`` counts ids by kind."""

    def __init__(self, view: MarketView, publish: Publish, numbers: Numbers) -> None:
        self.view = view
        self.publish = publish
        self.numbers = numbers

    # -- taking orders ----------------------------------------------------------

    def place(
        self, account: Account, asked: Asked, origin: Algo | None = None
    ) -> Order:
        """Take the order and fill what can be filled. Raises ApiError.

        ``origin``: the conditional order that it came from.
        """
        self.check(account, asked)
        price = asked.price or self.view.best(asked.symbol, asked.side)
        self._check_place(account, asked, price)
        fills = self._takes(asked)
        self._check_force(asked, fills)
        order = self._new(account, asked, origin)
        self._start(account, order, fills)
        return order

    def check(self, account: Account, asked: Asked) -> None:
        """What holds for plain and conditional orders alike. Raises ApiError."""
        terms = self.view.terms(asked.symbol)
        self.view.check_trades(asked.symbol)
        if not account.can_trade:
            raise ApiError(
                -2015, "Invalid API-key, IP, or permissions for action.", status=401
            )
        if (asked.position_side != "BOTH") != account.hedge:
            raise ApiError(
                -4061, "Order's position side does not match user's setting."
            )
        if account.hedge and asked.reduce_only:
            raise ApiError(-1106, "Parameter 'reduceonly' sent when not required.")
        mark = self.view.mark(asked.symbol)
        if not asked.close_position:
            market = "MARKET" in asked.type
            terms.check_quantity(asked.quantity, market=market)
        if asked.price:
            terms.check_price(asked.price, mark, asked.side)
        if asked.time_in_force == "GTD":
            soonest = self.view.shown_ms + SHORTEST_DATE_MS
            if not soonest < asked.good_till_ms < LAST_DATE_MS:
                raise ApiError(
                    -5040,
                    "The goodTillDate timestamp must be greater than the current time "
                    "plus 600 seconds and smaller than 253402300799000.",
                )
        self._check_id(account, asked.client_id)
        if len(account.open_orders(asked.symbol)) >= MOST_OPEN:
            raise ApiError(-2025, "Reach max open order limit.")

    def _check_id(self, account: Account, client_id: str) -> None:
        if client_id and any(
            one.client_id == client_id for one in account.open_orders()
        ):
            raise ApiError(-4116, "ClientOrderId is duplicated.")

    def _check_place(self, account: Account, asked: Asked, price: Decimal) -> None:
        closable = ledger.closable(
            account, asked.symbol, asked.position_side, asked.side
        )
        closes = asked.reduce_only or (
            account.hedge and (asked.side == "SELL") == (asked.position_side == "LONG")
        )
        if closes:
            if not closable or (account.hedge and asked.quantity > closable):
                raise ApiError(-2022, "ReduceOnly Order is rejected.")
            return
        worth = asked.quantity * price
        self.view.terms(asked.symbol).check_notional(worth)
        opening = max(asked.quantity - closable, ZERO)
        leverage = account.leverage(asked.symbol)
        holding = account.holding(asked.symbol, asked.position_side)
        held = ZERO if closable else abs(holding.amount)
        if (held + opening) * price > most_notional(leverage):
            raise ApiError(
                -2027, "Exceeded the maximum allowable position at current leverage."
            )
        needed = opening * price / leverage
        if needed > ledger.margin(account, self.view.mark).available:
            raise ApiError(-2019, "Margin is insufficient.")

    def _takes(self, asked: Asked) -> list[Level]:
        """What the book gives at once."""
        if asked.type == "MARKET":
            mark = self.view.mark(asked.symbol)
            away = MARKET_BOUND if asked.side == "BUY" else -MARKET_BOUND
            bound = mark * (1 + away)
        else:
            bound = asked.price
        levels = self.view.levels(asked.symbol, asked.side)
        return walk(asked.side, asked.quantity, levels, bound)

    def _check_force(self, asked: Asked, fills: list[Level]) -> None:
        if asked.time_in_force == "GTX" and fills:
            raise ApiError(
                -5022,
                "Due to the order could not be executed as maker, the Post Only order "
                "will be rejected.",
            )
        if asked.time_in_force == "FOK" and together(fills) < asked.quantity:
            raise ApiError(
                -5021,
                "Due to the order could not be filled immediately, the FOK "
                "order has been rejected.",
            )

    def _new(self, account: Account, asked: Asked, origin: Algo | None) -> Order:
        now, number = self.view.now_ms, self.numbers("order")
        order = Order(
            number=number,
            client_id=asked.client_id or f"sim-{number}",
            symbol=asked.symbol,
            side=asked.side,
            position_side=asked.position_side,
            type=asked.type,
            time_in_force=asked.time_in_force,
            quantity=asked.quantity,
            price=asked.price,
            created_ms=now,
            updated_ms=now,
            reduce_only=asked.reduce_only,
            good_till_ms=asked.good_till_ms,
        )
        if origin is not None:
            order.original_type, order.stop_price = origin.type, origin.trigger
            order.close_position = origin.close_position
        account.add(order)
        return order

    def _start(self, account: Account, order: Order, fills: list[Level]) -> None:
        """Tell of the order and its fills, as the exchange does."""
        told = False
        for price, quantity in self._allowed(account, order, fills):
            self.fill(account, order, price, quantity, maker=False, fresh=not told)
            told = True
        if not told:
            self.publish(account, events.order_update(order, "NEW", order.created_ms))
        if order.open and (order.type == "MARKET" or order.time_in_force == "IOC"):
            reason = "9" if order.type == "MARKET" else "2"
            self.end(account, order, "EXPIRED", reason=reason)

    def _allowed(
        self, account: Account, order: Order, fills: Iterable[Level]
    ) -> Iterable[Level]:
        """A reducing order fills no more than there is to close."""
        for price, quantity in fills:
            if order.reduce_only:
                room = ledger.closable(
                    account, order.symbol, order.position_side, order.side
                )
                quantity = min(quantity, room)
            if quantity > 0:
                yield price, quantity

    # -- fills --------------------------------------------------------------------

    def fill(
        self,
        account: Account,
        order: Order,
        price: Decimal,
        quantity: Decimal,
        *,
        maker: bool,
        fresh: bool = False,
        what: str = "TRADE",
    ) -> None:
        """Execute a part; ``fresh``: the order itself was not told of yet.

        ``what`` is the execution type.
        """
        now = self.view.now_ms
        holding = account.holding(order.symbol, order.position_side)
        profit = ledger.apply(account, holding, order.side, quantity, price)
        fee = cents(quantity * price * (MAKER_RATE if maker else TAKER_RATE))
        account.wallet -= fee
        holding.updated_ms = order.updated_ms = now
        trade = self._trade(account, order, price, quantity, profit, fee, maker, now)
        decimals = self.view.symbol(order.symbol).quantity_decimals
        self.publish(account, events.trade_lite(order, trade, decimals))
        if fresh:
            self.publish(account, events.order_update(order, "NEW", now))
        order.filled += quantity
        order.total += quantity * price
        order.status = "PARTIALLY_FILLED" if order.left else "FILLED"
        account.touch(order)
        update = events.account_update(
            account, "ORDER", [holding], ZERO, now, self.view.mark
        )
        self.publish(account, update)
        self.publish(account, events.order_update(order, what, now, trade))

    def _trade(
        self,
        account: Account,
        order: Order,
        price: Decimal,
        quantity: Decimal,
        profit: Decimal,
        fee: Decimal,
        maker: bool,  # noqa: FBT001 - a row's columns in order
        now: int,
    ) -> TradeRow:
        trade = TradeRow(
            number=self.numbers("trade"),
            order_number=order.number,
            symbol=order.symbol,
            side=order.side,
            position_side=order.position_side,
            price=price,
            quantity=quantity,
            profit=profit,
            fee=fee,
            maker=maker,
            time_ms=now,
        )
        account.add(trade)
        if profit:
            self.income(account, "REALIZED_PNL", profit, order.symbol, trade.number)
        self.income(account, "COMMISSION", -fee, order.symbol, trade.number)
        return trade

    def income(
        self,
        account: Account,
        kind: str,
        amount: Decimal,
        symbol: str = "",
        trade: int | None = None,
    ) -> None:
        """Note money that came or went."""
        account.add(
            IncomeRow(
                number=self.numbers("transaction"),
                kind=kind,
                amount=amount,
                symbol=symbol,
                time_ms=self.view.now_ms,
                trade="" if trade is None else str(trade),
            )
        )

    def rest(self, account: Account, order: Order) -> None:
        """Let the market come to a resting order: a maker's fill at its limit."""
        if not crosses(
            order.side, order.price, self.view.best(order.symbol, order.side)
        ):
            return
        levels = self.view.levels(order.symbol, order.side)
        offered = together(walk(order.side, order.left, levels, order.price))
        for price, quantity in self._allowed(account, order, [(order.price, offered)]):
            self.fill(account, order, price, quantity, maker=True)
        if (
            order.open
            and order.reduce_only
            and not ledger.closable(
                account, order.symbol, order.position_side, order.side
            )
        ):
            self.end(account, order, "EXPIRED", reason="4")

    # -- ends ---------------------------------------------------------------------

    def end(
        self, account: Account, order: Order, status: str, *, reason: str = "0"
    ) -> None:
        """CANCELED or EXPIRED."""
        order.status, order.expiry_reason = status, reason
        order.updated_ms = self.view.now_ms
        account.touch(order)
        self.publish(account, events.order_update(order, status, order.updated_ms))

    def cancel(self, account: Account, order: Order) -> None:
        """Raises ApiError for an order that is not open."""
        if not order.open:
            raise ApiError(-2011, "Unknown order sent.")
        self.end(account, order, "CANCELED")

    def cancel_all(self, account: Account, symbol: str) -> None:
        for order in account.open_orders(symbol):
            self.end(account, order, "CANCELED")

    def amend(
        self, account: Account, order: Order, quantity: Decimal, price: Decimal
    ) -> None:
        """Change a resting LIMIT order. Raises ApiError."""
        if not order.open:
            raise ApiError(-2013, "Order does not exist.")
        if order.type != "LIMIT":
            raise ApiError(-4143, "Only LIMIT orders can be modified.")
        if (quantity, price) == (order.quantity, order.price):
            raise ApiError(-5027, "No need to modify the order.")
        terms, mark = self.view.terms(order.symbol), self.view.mark(order.symbol)
        terms.check_quantity(quantity, market=False)
        terms.check_price(price, mark, order.side)
        if quantity <= order.filled:
            self.end(account, order, "CANCELED")
            return
        levels = list(
            walk(
                order.side,
                quantity - order.filled,
                self.view.levels(order.symbol, order.side),
                price,
            )
        )
        if order.time_in_force == "GTX" and levels:
            raise ApiError(-5022, "The Post Only order would be executed as taker.")
        order.quantity, order.price = quantity, price
        order.updated_ms = self.view.now_ms
        account.touch(order)
        self.publish(account, events.order_update(order, "AMENDMENT", order.updated_ms))
        for got, part in self._allowed(account, order, levels):
            self.fill(account, order, got, part, maker=False)
