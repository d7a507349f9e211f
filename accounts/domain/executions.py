"""How much orders are told to have filled, and by which executions. Pure.

An exchange tells both: that an order has filled so much, and each execution. Whatever is
told of an order without its executions is a debt; whatever its private stream did not say
of them is a sign that it has dropped more than that.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from decimal import Decimal

from accounts.domain.exchange import FillNews, OrderNews
from accounts.domain.rules import ZERO

KEPT = 1_000


@dataclass(frozen=True)
class Key:
    """An order by the exchange's number, which is unique per symbol."""

    symbol: str
    number: int


@dataclass
class _Order:
    """``turn``: when it was last told of; ``known`` and ``heard`` are sums of what
    ``trades`` and those from the stream have; ``excused``: cannot be had.
    """

    filled: Decimal = ZERO
    turn: int = 0
    trades: set[int] = field(default_factory=set)
    known: Decimal = ZERO
    from_stream: set[int] = field(default_factory=set)
    heard: Decimal = ZERO
    excused: Decimal = ZERO


class Executions:
    """The newest ``KEPT`` orders of one account."""

    def __init__(self) -> None:
        self._orders: OrderedDict[Key, _Order] = OrderedDict()
        self.turn = 0

    def told(self, news: OrderNews) -> Key | None:
        """Take the state of an order; returns its key while executions are owed."""
        number = news.triggered_id or news.ref.exchange_id
        if number is None or not news.filled:
            return None
        key = Key(news.ref.symbol, number)
        order = self._order(key)
        self.turn += 1
        if news.filled > order.filled:
            order.filled, order.turn = news.filled, self.turn
        return key if self.owed(key) or self.unheard(key) else None

    def add(self, fill: FillNews, *, heard: bool) -> None:
        """Take an execution; ``heard``: from the private stream."""
        order = self._order(Key(fill.symbol, fill.exchange_id))
        if fill.trade_id not in order.trades:
            order.trades.add(fill.trade_id)
            order.known += fill.quantity
        if heard and fill.trade_id not in order.from_stream:
            order.from_stream.add(fill.trade_id)
            order.heard += fill.quantity

    def owed(self, key: Key) -> bool:
        """Whether executions of the order are not known."""
        order = self._orders.get(key)
        return order is not None and order.filled > order.known + order.excused

    def unheard(self, key: Key) -> bool:
        """Whether the stream has not told of all executions of the order."""
        order = self._orders.get(key)
        return order is not None and order.filled > order.heard + order.excused

    def compared(self, turn: int) -> None:
        """Everything told up to this turn was compared: nothing more follows of it."""
        for order in self._orders.values():
            if order.turn <= turn:
                order.from_stream |= order.trades
                order.heard = order.known

    def excuse(self, key: Key) -> None:
        """What is owed of the order cannot be had."""
        order = self._order(key)
        order.excused = max(order.filled - order.known, ZERO)

    def _order(self, key: Key) -> _Order:
        found = self._orders.setdefault(key, _Order())
        self._orders.move_to_end(key)
        if len(self._orders) > KEPT:
            self._orders.popitem(last=False)
        return found
