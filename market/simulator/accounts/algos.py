"""Conditional orders: held until a price is reached, then an order of the desk."""

from decimal import Decimal

from market.simulator.accounts import events, ledger
from market.simulator.accounts.asked import Asked
from market.simulator.accounts.desk import Desk
from market.simulator.accounts.records import Account, Algo
from market.simulator.errors import ApiError

MOST_HELD = 200
TRAILING = "TRAILING_STOP_MARKET"
PERCENT = Decimal("0.01")
# What a triggered order is.
BECOMES = {"STOP": "LIMIT", "TAKE_PROFIT": "LIMIT"}


class Algos:
    """The conditional orders of all accounts."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._view = desk.view

    def place(self, account: Account, asked: Asked) -> Algo:
        """Hold it. Raises ApiError."""
        self._desk.check(account, asked)
        if len(account.open_algos()) >= MOST_HELD:
            raise ApiError(-2025, "Reach max open order limit.")
        if asked.client_id and any(
            one.client_id == asked.client_id for one in account.open_algos()
        ):
            raise ApiError(-4116, "ClientOrderId is duplicated.")
        if asked.type == TRAILING and not Decimal("0.1") <= asked.callback <= 10:
            raise ApiError(-2007, "Invalid callBack rate.")
        algo = self._new(asked)
        if asked.type != TRAILING and self._reached(algo):
            raise ApiError(-2021, "Order would immediately trigger.")
        account.add(algo)
        self._tell(account, algo)
        return algo

    def _new(self, asked: Asked) -> Algo:
        now, number = self._view.now_ms, self._desk.numbers("algo")
        algo = Algo(
            number=number,
            client_id=asked.client_id or f"sim-algo-{number}",
            symbol=asked.symbol,
            side=asked.side,
            position_side=asked.position_side,
            type=asked.type,
            time_in_force=asked.time_in_force,
            quantity=asked.quantity,
            price=asked.price,
            trigger=asked.trigger,
            working_type=asked.working_type,
            created_ms=now,
            updated_ms=now,
            reduce_only=asked.reduce_only,
            close_position=asked.close_position,
            activate=asked.activate,
            callback=asked.callback,
            good_till_ms=asked.good_till_ms,
        )
        return algo

    def cancel(self, account: Account, algo: Algo) -> None:
        """Raises ApiError for one that is not held any more."""
        if not algo.open:
            raise ApiError(-2011, "Unknown order sent.")
        self._end(account, algo, "CANCELED")

    def cancel_all(self, account: Account, symbol: str) -> None:
        for algo in account.open_algos(symbol):
            self._end(account, algo, "CANCELED")

    def look(self, account: Account, algo: Algo) -> None:
        """Trigger it when its price is reached; end it at its date."""
        if algo.good_till_ms and self._view.shown_ms >= algo.good_till_ms:
            self._end(account, algo, "EXPIRED")
            return
        if algo.type == TRAILING:
            best = algo.extreme
            self._follow(algo)
            if algo.extreme != best:
                account.touch(algo)
        if self._reached(algo):
            self._trigger(account, algo)

    def _price(self, algo: Algo) -> Decimal:
        if algo.working_type == "MARK_PRICE":
            return self._view.mark(algo.symbol)
        return self._view.last(algo.symbol)

    def _follow(self, algo: Algo) -> None:
        """Keep the best price since the activation, and the trigger behind it."""
        price = self._price(algo)
        sells = algo.side == "SELL"
        if not algo.extreme:
            inactive = price < algo.activate if sells else price > algo.activate
            if algo.activate and inactive:
                return
            algo.extreme = price
        algo.extreme = max(algo.extreme, price) if sells else min(algo.extreme, price)
        away = algo.callback * PERCENT
        algo.trigger = algo.extreme * (1 - away if sells else 1 + away)

    def _reached(self, algo: Algo) -> bool:
        if not algo.trigger:
            return False
        price = self._price(algo)
        rises = (algo.side == "BUY") != algo.type.startswith("TAKE_PROFIT")
        return price >= algo.trigger if rises else price <= algo.trigger

    def _trigger(self, account: Account, algo: Algo) -> None:
        algo.status, algo.triggered_ms = "TRIGGERING", self._view.now_ms
        self._tell(account, algo)
        quantity = algo.quantity
        if algo.close_position:
            quantity = ledger.closable(
                account, algo.symbol, algo.position_side, algo.side
            )
            if not quantity:
                self._end(account, algo, "EXPIRED")
                return
        asked = Asked(
            symbol=algo.symbol,
            side=algo.side,
            position_side=algo.position_side,
            type=BECOMES.get(algo.type, "MARKET"),
            time_in_force=algo.time_in_force if algo.type in BECOMES else "GTC",
            quantity=quantity,
            price=algo.price,
            reduce_only=not account.hedge and (algo.reduce_only or algo.close_position),
            close_position=False,
            client_id="",
            good_till_ms=algo.good_till_ms,
        )
        try:
            order = self._desk.place(account, asked, algo)
        except ApiError as error:
            self._end(account, algo, "REJECTED", str(error.message))
            return
        algo.order_number = order.number
        algo.status = "TRIGGERED"
        self._tell(account, algo)
        self._end(account, algo, "FINISHED")

    def _end(self, account: Account, algo: Algo, status: str, why: str = "") -> None:
        algo.status = status
        self._tell(account, algo, why)

    def _tell(self, account: Account, algo: Algo, why: str = "") -> None:
        algo.updated_ms = self._view.now_ms
        account.touch(algo)
        self._desk.publish(account, events.algo_update(algo, algo.updated_ms, why))
