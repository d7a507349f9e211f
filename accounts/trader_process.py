"""The trader as a process: its settings, what its gateways share, where it writes."""

from channels.db import database_sync_to_async
from django.conf import settings

from accounts import keys
from accounts.gateway import Gateway, GatewayRefused
from accounts.gateways.build import Gateways
from accounts.messages import decision
from accounts.models import ExchangeAccount
from accounts.trader import Trader
from core import redis as core_redis
from core.clock import SystemClock
from core.errors import Permanent
from market.binance.signing import BadKey, Signer

# Every account asks for prices at once when an order goes over all of them.
CONNECTIONS = 1_000


class Maker:
    """Makes the gateway of an account, with its key where it needs one."""

    def __init__(self, gateways: Gateways) -> None:
        self._gateways = gateways

    async def __call__(self, account: ExchangeAccount) -> Gateway:
        """Return it, not started; raises ``GatewayRefused``, and what keys raise."""
        way = decision(account)
        found: keys.Credentials | None = None
        if way.way == "exchange":
            try:
                found = await database_sync_to_async(keys.credentials)(account)
            except (Permanent, BadKey) as error:
                raise GatewayRefused(f"{account.name}: {error}") from error

        def key_of(_: ExchangeAccount) -> tuple[str, Signer]:
            assert found is not None
            return found.api_key.get_secret_value(), found.signer

        return self._gateways.build(account, way, key_of)


async def run() -> None:
    """Trade the venue of this installation until cancelled."""
    quantai = settings.QUANTAI
    venue = quantai.site.exchange
    clock = SystemClock()
    redis = core_redis.client(CONNECTIONS)
    gateways = Gateways(
        venue=venue,
        ws=quantai.ws,
        market=quantai.market,
        accounts=quantai.accounts,
        folder=quantai.site.var / "paper",
        redis=redis,
        clock=clock,
    )
    trader = Trader(
        venue,
        Maker(gateways),
        folder=quantai.site.var / "journal" / f"trader-{venue}",
        clock=clock,
    )
    try:
        await gateways.start()
        await trader.run()
    finally:
        await gateways.close()
        await redis.aclose()
