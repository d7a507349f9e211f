"""What happens to accounts by itself: fills of resting orders, triggers, countdowns,
funding, liquidation.
"""

from collections.abc import Iterable
from decimal import Decimal

from market.simulator.accounts import events, ledger
from market.simulator.accounts.algos import Algos
from market.simulator.accounts.desk import Desk
from market.simulator.accounts.records import Account, Holding, Order
from market.simulator.accounts.terms import ZERO, cents, maintenance

# Share of the margin at which MARGIN_CALL is said, once until it is better again.
CALL_SHARE = Decimal("0.8")


class Upkeep:
    """One look at an account after every step of the market."""

    def __init__(self, desk: Desk, algos: Algos) -> None:
        self._desk = desk
        self._algos = algos
        self._view = desk.view
        self._called: set[str] = set()

    def orders(self, account: Account) -> None:
        """Fill what the market reached; cancel what a countdown or date ends."""
        now = self._view.shown_ms
        for symbol, due in list(account.countdowns.items()):
            if now >= due:
                del account.countdowns[symbol]
                self._desk.cancel_all(account, symbol)
                self._algos.cancel_all(account, symbol)
        for order in account.open_orders():
            if order.good_till_ms and now >= order.good_till_ms:
                self._desk.end(account, order, "EXPIRED", reason="3")
            else:
                self._desk.rest(account, order)
        for algo in account.open_algos():
            self._algos.look(account, algo)

    def money(self, account: Account) -> None:
        """Funding that is due, then whether the margin holds."""
        self._fund(account)
        held = [one for one in account.holdings.values() if one.amount]
        for holding in held:
            if account.isolated.get(holding.symbol):
                self._isolated(account, holding)
        if any(not account.isolated.get(one.symbol) for one in held):
            self._cross(account)

    def _fund(self, account: Account) -> None:
        period = self._view.funding_period
        if not account.funded_period:
            account.funded_period = period
        while account.funded_period < period:
            account.funded_period += 1
            for holding in list(account.holdings.values()):
                if holding.amount:
                    self._pay(account, holding, account.funded_period)

    def _pay(self, account: Account, holding: Holding, period: int) -> None:
        """A long pays the rate on its notional at the mark, a short receives it."""
        rate, mark = self._view.funding(holding.symbol, period)
        amount = cents(-holding.amount * mark * rate)
        account.wallet += amount
        if account.isolated.get(holding.symbol):
            holding.isolated += amount
        self._desk.income(account, "FUNDING_FEE", amount, holding.symbol)
        told = [holding] if account.isolated.get(holding.symbol) else []
        self._tell(account, "FUNDING_FEE", amount, told)

    def _isolated(self, account: Account, holding: Holding) -> None:
        mark = self._view.mark(holding.symbol)
        left = holding.isolated + ledger.open_profit(holding, mark)
        if left <= maintenance(abs(holding.amount) * mark):
            others = account.wallet - holding.isolated
            self._liquidate(account, holding)
            self._insure(account, others)

    def _cross(self, account: Account) -> None:
        found = ledger.margin(account, self._view.mark)
        left = found.cross_wallet + found.cross_profit
        if left <= found.maintenance:
            for order in account.open_orders():
                self._desk.end(account, order, "CANCELED")
            for holding in list(account.holdings.values()):
                if holding.amount and not account.isolated.get(holding.symbol):
                    self._liquidate(account, holding)
            self._insure(account, account.apart)
        elif found.maintenance > left * CALL_SHARE:
            if account.key not in self._called:
                self._called.add(account.key)
                call = events.margin_call(account, self._view.mark, self._view.now_ms)
                self._desk.publish(account, call)
        else:
            self._called.discard(account.key)

    def _liquidate(self, account: Account, holding: Holding) -> None:
        """Close the position by an order of the exchange's own, at the mark."""
        now, number = self._view.now_ms, self._desk.numbers("order")
        terms = self._view.terms(holding.symbol)
        mark = self._view.mark(holding.symbol)
        price = (mark / terms.tick).to_integral_value() * terms.tick
        order = Order(
            number=number,
            client_id=f"autoclose-{now}{number}",
            symbol=holding.symbol,
            side="SELL" if holding.amount > 0 else "BUY",
            position_side=holding.side,
            type="LIMIT",
            time_in_force="IOC",
            quantity=abs(holding.amount),
            price=price,
            created_ms=now,
            updated_ms=now,
            reduce_only=holding.side == "BOTH",
        )
        account.add(order)
        self._desk.publish(account, events.order_update(order, "NEW", now))
        self._desk.fill(
            account, order, price, order.quantity, maker=False, what="CALCULATED"
        )

    def _insure(self, account: Account, least: Decimal) -> None:
        """The insurance fund pays what a liquidation took below the least wallet."""
        missing = least - account.wallet
        if missing <= ZERO:
            return
        account.wallet += missing
        self._desk.income(account, "INSURANCE_CLEAR", missing)
        self._tell(account, "INSURANCE_CLEAR", missing)

    def _tell(
        self,
        account: Account,
        reason: str,
        change: Decimal,
        holdings: Iterable[Holding] = (),
    ) -> None:
        now, mark_of = self._view.now_ms, self._view.mark
        self._desk.publish(
            account,
            events.account_update(account, reason, holdings, change, now, mark_of),
        )
