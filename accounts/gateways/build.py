"""Which gateway an account gets, and what the gateways of one process share."""

import asyncio
import logging
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from weakref import WeakSet

from channels.db import database_sync_to_async
from redis.asyncio import Redis as AsyncRedis

from accounts import plan_selectors
from accounts.config import AccountsSettings
from accounts.domain.modes import Decision
from accounts.domain.paper import PaperCosts
from accounts.domain.rules import SymbolRules
from accounts.gateway import Gateway, GatewayRefused
from accounts.gateways.binance import BinanceGateway
from accounts.gateways.paper import PaperGateway
from accounts.gateways.paper_market import SnapshotMarket
from accounts.models import ExchangeAccount
from core.clock import Clock, SystemClock
from core.errors import InvalidInput
from core.patience import TRANSIENT
from market.address_hold import AddressHold
from market.binance.config import WsSettings
from market.binance.connection import Connection
from market.binance.dial import DialBucket, DialGate
from market.binance.order_rate import ORDER_LIMITS, OrderRate
from market.binance.private_rest import PrivateRest
from market.binance.rest import BinanceRestClient, RestError
from market.binance.rest_schemas import BadBody, parse_exchange_info
from market.binance.signed import SignedCaller
from market.binance.signing import Signer
from market.binance.urls import endpoints
from market.binance.user_stream import PrivateHall
from market.budget import SharedWeightBudget
from market.config import MarketSettings
from market.dials import SharedDialBucket
from market.private_connections import PrivateConnections

log = logging.getLogger(__name__)

TRADER = "trader"
RULES_SECONDS = 60.0
# What an account's requests are signed with: its API key and the signer of its secret.
KeyOf = Callable[[ExchangeAccount], tuple[str, Signer]]


class Gateways:
    """Makes gateways; they share the address's budget, its dials, and the prices.

    ``name`` is the process's, by which its private streams are called; ``folder`` holds
    the paper accounts, each in a folder of its own.
    """

    def __init__(
        self,
        *,
        venue: str,
        ws: WsSettings,
        market: MarketSettings,
        accounts: AccountsSettings,
        folder: Path,
        redis: "AsyncRedis",
        name: str = TRADER,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        where = endpoints(venue, market.simulator_url)
        simulated = venue == "simulator"
        ca_file = ws.ca_file or (market.simulator_ca if simulated else "")
        address = AddressHold(redis, venue, clock=clock)
        self._venue = venue
        self._clock = clock
        self._folder = folder
        self._name = name
        self._made: WeakSet[BinanceGateway] = WeakSet()
        self._telling: asyncio.Task[None] | None = None
        self._private = PrivateConnections(
            redis, venue, name=name, clock=clock, connections=self._connections
        )
        self._costs = costs(accounts)
        self._order_limits = dict(ORDER_LIMITS)
        self._budget = SharedWeightBudget(address, venue)
        self.rest = BinanceRestClient(
            where, ca_file=ca_file, clock=clock, budget=self._budget
        )
        dials = SharedDialBucket(
            redis,
            venue,
            limit=ws.dials_per_window,
            window_seconds=ws.dial_window,
            clock=clock,
            fallback=DialBucket(ws.dials_per_window, ws.dial_window, clock),
            address=address,
        )
        self._hall = PrivateHall(
            where=where,
            config=ws.model_copy(update={"ca_file": ca_file}),
            gate=DialGate(dials, ws.dial_concurrency),
            clock=clock,
        )
        self.market = SnapshotMarket(
            redis, venue, rules=KnownRules(venue, clock).of, clock=clock
        )

    async def start(self) -> None:
        """Begin to tell of private streams, and learn clock and limits."""
        self._telling = asyncio.create_task(self._private.run())
        await self._learn()

    async def _learn(self) -> None:
        """Learn the exchange's clock and limits; without them the documented ones hold.

        The clock is asked for again before the first order.
        """
        try:
            await self.rest.initialize()
            raw = await self.rest.get_raw("/fapi/v1/exchangeInfo", weight=1)
        except RestError as error:
            log.warning("the exchange's clock and limits are not known yet: %s", error)
            return
        info = parse_exchange_info(raw)
        if isinstance(info, BadBody):
            log.error("the exchange's limits are not understood: %s", info.reason)
            return
        for limit in info.rate_limits:
            if limit.kind == "REQUEST_WEIGHT" and limit.interval_seconds == 60:
                self.rest.weight_limit = limit.limit
            elif limit.kind == "ORDERS":
                self._order_limits[limit.interval_seconds] = limit.limit

    async def close(self) -> None:
        """Close what was shared, after the gateways, which are their owners' to close."""
        telling, self._telling = self._telling, None
        if telling is not None:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
        await self.rest.aclose()
        await self._budget.aclose()

    def build(
        self, account: ExchangeAccount, decision: Decision, key_of: KeyOf
    ) -> Gateway:
        """Return the account's gateway, not started yet.

        Raises ``GatewayRefused`` when its orders go nowhere, and what ``key_of`` raises.
        """
        if decision.way == "refused":
            raise GatewayRefused(f"account {account.name}: {decision.reason}")
        if decision.way == "paper":
            return PaperGateway(
                account.name,
                folder=self._folder / self._venue / str(account.pk),
                market=self.market,
                starting_balance=account.starting_balance,
                costs=self._costs,
                clock=self._clock,
            )
        api_key, signer = key_of(account)
        gateway = BinanceGateway(
            account.name,
            PrivateRest(
                SignedCaller(
                    self.rest,
                    api_key=api_key,
                    signer=signer,
                    order_rate=OrderRate(self._clock, self._order_limits),
                )
            ),
            self._hall,
            connection=f"{self._name}.private-{account.pk}",
            report=self._private.report,
        )
        self._made.add(gateway)
        return gateway

    def _connections(self) -> list[Connection]:
        """Return the connections of the gateways that are at work."""
        streams = (each.stream for each in self._made)
        return [each.connection for each in streams if each.running]


class KnownRules:
    """Rules of symbols from the database, remembered for a while."""

    def __init__(self, venue: str, clock: Clock) -> None:
        self._venue = venue
        self._clock = clock
        self._known: dict[str, tuple[float, SymbolRules | None]] = {}

    async def of(self, symbol: str) -> SymbolRules | None:
        """Return the rules of a symbol; None: it is no contract.

        A database that is away leaves what is remembered; ``django.db.Error`` where
        nothing is.
        """
        now = self._clock.monotonic()
        known = self._known.get(symbol)
        if known is not None and now - known[0] < RULES_SECONDS:
            return known[1]
        rules: SymbolRules | None
        try:
            rules = await database_sync_to_async(plan_selectors.symbol_rules)(
                self._venue, symbol
            )
        except InvalidInput:
            rules = None
        except TRANSIENT as error:
            if known is None:
                raise
            log.warning("the rules of %s are not read again: %s", symbol, error)
            return known[1]
        self._known[symbol] = (now, rules)
        return rules


def costs(accounts: AccountsSettings) -> PaperCosts:
    """Return what paper orders cost; the digits of the settings, not their floats."""
    return PaperCosts(
        taker_bps=Decimal(str(accounts.paper_taker_bps)),
        maker_bps=Decimal(str(accounts.paper_maker_bps)),
        slippage_bps=Decimal(str(accounts.paper_slippage_bps)),
        latency_ms=accounts.paper_latency_ms,
    )
