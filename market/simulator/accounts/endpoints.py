"""The account endpoints: method and path, what they do, what they cost."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from market.simulator.accounts import money_endpoints as money
from market.simulator.accounts import order_endpoints as orders
from market.simulator.accounts.records import Account
from market.simulator.accounts.side import AccountSide
from market.simulator.errors import ApiError
from market.simulator.queries import Query

Act = Callable[[AccountSide, Account, Query], Any]
ORDERS_10S, ORDERS_MINUTE = 300, 1_200
LISTEN_KEY = "/fapi/v1/listenKey"


@dataclass(frozen=True)
class Private:
    """``weight_of_all`` is that of a request without a symbol; ``orders``: how many it
    counts among the orders of 10 s and of a minute.
    """

    act: Act
    weight: int = 1
    weight_of_all: int = 0
    orders: tuple[int, int] = (0, 0)
    signed: bool = True

    def cost(self, query: Query) -> int:
        whole = self.weight_of_all and query.symbol() is None
        return self.weight_of_all if whole else self.weight


PRIVATE: dict[tuple[str, str], Private] = {
    ("POST", "/fapi/v1/order"): Private(orders.place, 0, orders=(1, 1)),
    ("PUT", "/fapi/v1/order"): Private(orders.amend, 0, orders=(1, 1)),
    ("DELETE", "/fapi/v1/order"): Private(orders.cancel),
    ("GET", "/fapi/v1/order"): Private(orders.one_order),
    ("GET", "/fapi/v1/openOrder"): Private(orders.one_open),
    ("POST", "/fapi/v1/batchOrders"): Private(orders.place_many, 5, orders=(5, 1)),
    ("PUT", "/fapi/v1/batchOrders"): Private(orders.amend_many, 5, orders=(5, 1)),
    ("DELETE", "/fapi/v1/batchOrders"): Private(orders.cancel_many),
    ("DELETE", "/fapi/v1/allOpenOrders"): Private(orders.cancel_all),
    ("GET", "/fapi/v1/openOrders"): Private(orders.open_orders, 1, 40),
    ("GET", "/fapi/v1/allOrders"): Private(orders.all_orders, 5),
    ("POST", "/fapi/v1/countdownCancelAll"): Private(orders.countdown, 10),
    ("POST", "/fapi/v1/algoOrder"): Private(orders.place_algo, 0, orders=(1, 1)),
    ("DELETE", "/fapi/v1/algoOrder"): Private(orders.cancel_algo),
    ("GET", "/fapi/v1/algoOrder"): Private(orders.one_algo),
    ("DELETE", "/fapi/v1/algoOpenOrders"): Private(orders.cancel_all_algo),
    ("GET", "/fapi/v1/openAlgoOrders"): Private(orders.open_algos, 1, 40),
    ("GET", "/fapi/v1/allAlgoOrders"): Private(orders.all_algos, 5),
    ("GET", "/fapi/v2/balance"): Private(money.balance, 5),
    ("GET", "/fapi/v3/balance"): Private(money.balance, 5),
    ("GET", "/fapi/v2/account"): Private(money.account_v2, 5),
    ("GET", "/fapi/v3/account"): Private(money.account_v3, 5),
    ("GET", "/fapi/v2/positionRisk"): Private(money.positions_v2, 5),
    ("GET", "/fapi/v3/positionRisk"): Private(money.positions_v3, 5),
    ("GET", "/fapi/v1/userTrades"): Private(money.trades, 5),
    ("GET", "/fapi/v1/income"): Private(money.income, 30),
    ("POST", "/fapi/v1/leverage"): Private(money.set_leverage),
    ("POST", "/fapi/v1/marginType"): Private(money.set_margin_type),
    ("GET", "/fapi/v1/positionSide/dual"): Private(money.mode, 30),
    ("POST", "/fapi/v1/positionSide/dual"): Private(money.set_mode),
    ("GET", "/fapi/v1/symbolConfig"): Private(money.symbol_config, 5),
    ("GET", "/fapi/v1/accountConfig"): Private(money.account_config, 5),
    ("GET", "/fapi/v1/commissionRate"): Private(money.commission, 20),
    ("GET", "/fapi/v1/leverageBracket"): Private(money.brackets),
    ("GET", "/sapi/v1/account/apiRestrictions"): Private(money.restrictions),
    ("GET", "/sapi/v1/capital/config/getall"): Private(money.nothing, 10),
    ("GET", "/sapi/v1/margin/allPairs"): Private(money.nothing),
    ("POST", LISTEN_KEY): Private(money.open_key, signed=False),
    ("PUT", LISTEN_KEY): Private(money.extend_key, signed=False),
    ("DELETE", LISTEN_KEY): Private(money.close_key, signed=False),
}


class OrderCounts:
    """Orders of each account in 10 s and in a minute, real time."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._moments: dict[str, tuple[deque[float], deque[float]]] = {}

    def spend(self, account: str, counts: tuple[int, int]) -> None:
        """Raises ApiError over a limit; refused orders are not counted."""
        short, long = self._of(account)
        if len(short) + counts[0] > ORDERS_10S or len(long) + counts[1] > ORDERS_MINUTE:
            raise ApiError(-1015, "Too many new orders.", status=429, retry_after=10)
        short.extend([self._now()] * counts[0])
        long.extend([self._now()] * counts[1])

    def headers(self, account: str) -> dict[str, str]:
        short, long = self._of(account)
        return {
            "X-MBX-ORDER-COUNT-10S": str(len(short)),
            "X-MBX-ORDER-COUNT-1M": str(len(long)),
        }

    def _of(self, account: str) -> tuple[deque[float], deque[float]]:
        short, long = self._moments.setdefault(account, (deque(), deque()))
        now = self._now()
        while short and short[0] <= now - 10:
            short.popleft()
        while long and long[0] <= now - 60:
            long.popleft()
        return short, long
