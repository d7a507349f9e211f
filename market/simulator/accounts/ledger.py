"""What a fill does to positions and money, and what margin is left. Exact.

Average cost: closing leaves the entry as it was; beyond zero a one-way position turns
at the fill's price. Money moves in whole hundred-millionths; what a part's profit lost or
won by that stays in the cost of the rest. So a wallet is, to the last digit, its beginning
+ profits + funding - fees.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from market.simulator.accounts.records import Account, Holding, Order
from market.simulator.accounts.terms import ZERO, cents, maintenance

# Mark price by name of the symbol.
MarkOf = Callable[[str], Decimal]


def apply(
    account: Account, holding: Holding, side: str, quantity: Decimal, price: Decimal
) -> Decimal:
    """Change the position and return the profit that was realised (before fees)."""
    signed = quantity if side == "BUY" else -quantity
    closed = ZERO
    if holding.amount * signed < 0:
        closed = min(abs(holding.amount), quantity)
    profit = ZERO
    if closed:
        part = closed.copy_sign(holding.amount)
        share = closed / abs(holding.amount)
        cost = holding.cost if share == 1 else holding.cost * share
        profit = cents(part * price - cost)
        freed = holding.isolated if share == 1 else cents(holding.isolated * share)
        holding.amount -= part
        holding.cost -= part * price - profit
        holding.isolated -= freed
        holding.collected += profit
        if not holding.amount:
            holding.cost = holding.collected = ZERO
    opened = quantity - closed
    if opened:
        holding.amount += opened.copy_sign(signed)
        holding.cost += opened.copy_sign(signed) * price
        if account.isolated.get(holding.symbol):
            margin_set = opened * price / account.leverage(holding.symbol)
            holding.isolated += cents(margin_set)
    account.wallet += profit
    return profit


def open_profit(holding: Holding, mark: Decimal) -> Decimal:
    """Profit that is not realised."""
    return holding.amount * mark - holding.cost


@dataclass(frozen=True)
class Margin:
    """Money of an account at the present marks, USDT."""

    wallet: Decimal
    profit: Decimal
    cross_profit: Decimal
    positions: Decimal
    orders: Decimal
    maintenance: Decimal
    isolated: Decimal

    @property
    def cross_wallet(self) -> Decimal:
        return self.wallet - self.isolated

    @property
    def available(self) -> Decimal:
        free = self.cross_wallet + self.cross_profit - self.positions - self.orders
        return max(free, ZERO)


def margin(account: Account, mark_of: MarkOf) -> Margin:
    """Add up what an account has and what is bound."""
    profit = cross_profit = bound = needed = apart = ZERO
    for holding in account.holdings.values():
        if not holding.amount:
            continue
        mark = mark_of(holding.symbol)
        gained = open_profit(holding, mark)
        notional = abs(holding.amount) * mark
        profit += gained
        if account.isolated.get(holding.symbol):
            apart += holding.isolated
        else:
            cross_profit += gained
            bound += notional / account.leverage(holding.symbol)
            needed += maintenance(notional)
    return Margin(
        wallet=account.wallet,
        profit=profit,
        cross_profit=cross_profit,
        positions=bound,
        orders=orders_margin(account),
        maintenance=needed,
        isolated=apart,
    )


def orders_margin(account: Account) -> Decimal:
    """What open orders that may open positions bind."""
    return sum(
        (
            order.left * order.price / account.leverage(order.symbol)
            for order in account.open_orders()
            if not order.reduce_only and not reduces(account, order)
        ),
        ZERO,
    )


def reduces(account: Account, order: Order) -> bool:
    """Whether the whole of the order closes what is held now."""
    return (
        closable(account, order.symbol, order.position_side, order.side) >= order.left
    )


def closable(account: Account, symbol: str, position_side: str, side: str) -> Decimal:
    """How much of a position an order of that side could close."""
    holding = account.holdings.get(f"{symbol} {position_side}")
    if holding is None:
        return ZERO
    against = holding.amount < 0 if side == "BUY" else holding.amount > 0
    return abs(holding.amount) if against else ZERO


def liquidation_price(account: Account, holding: Holding, mark_of: MarkOf) -> Decimal:
    """Mark price at which the position's margin is used up, others as they are; 0: none.

    At price p the money left is backing + amount × p - cost, what must stay is
    amount × p × rate: solved for p with the rate of the present notional.
    """
    if not holding.amount:
        return ZERO
    mark = mark_of(holding.symbol)
    notional = abs(holding.amount) * mark
    must = maintenance(notional)
    if account.isolated.get(holding.symbol):
        backing, others = holding.isolated, ZERO
    else:
        whole = margin(account, mark_of)
        backing = whole.cross_wallet + whole.cross_profit - open_profit(holding, mark)
        others = whole.maintenance - must
    rate = must / notional if notional else ZERO
    across = holding.amount - abs(holding.amount) * rate
    price = (holding.cost + others - backing) / across if across else ZERO
    return max(price, ZERO)
