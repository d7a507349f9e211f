"""People, exchange accounts, what they want, what they did and what they hold.

Money, prices and quantities are exact decimals; times are ms since the epoch. Every row
that depends on an exchange says its venue, most through its account.
"""

from accounts.models.exchange_accounts import AccountGroup, ExchangeAccount, KeyCanary
from accounts.models.orders import Fill, Intent, Order, ParentOrder
from accounts.models.people import ApiToken, User
from accounts.models.records import (
    Balance,
    EquitySnapshot,
    Income,
    Position,
    Reconciliation,
    TradeRecord,
)

__all__ = [
    "AccountGroup",
    "ApiToken",
    "Balance",
    "EquitySnapshot",
    "ExchangeAccount",
    "Fill",
    "Income",
    "Intent",
    "KeyCanary",
    "Order",
    "ParentOrder",
    "Position",
    "Reconciliation",
    "TradeRecord",
    "User",
]
