"""Asking the exchange what the keys of accounts may do, and keeping the verdict."""

import logging
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from channels.db import database_sync_to_async
from django.conf import settings

from accounts import account_services, keys
from accounts.domain.key_check import Answer, Restrictions, Verdict, judge
from accounts.models import ExchangeAccount
from accounts.models.exchange_accounts import PositionMode
from core import redis as core_redis
from core.clock import SystemClock
from core.errors import Permanent
from market.address_hold import AddressHold
from market.binance.order_errors import Action
from market.binance.private_rest import PrivateRest
from market.binance.private_schemas import KeyBody
from market.binance.rest import BinanceRestClient
from market.binance.rest_errors import RestError
from market.binance.signed import SignedCaller, action_of
from market.binance.signing import BadKey
from market.binance.urls import Endpoints, endpoints
from market.budget import SharedWeightBudget

log = logging.getLogger(__name__)

SPOT_TIME = "/api/v3/time"


@dataclass(frozen=True)
class Checked:
    """The verdict of one account, or why there is none (``problem``)."""

    account: str
    verdict: Verdict | None = None
    problem: str = ""


async def keys_check(
    accounts: Iterable[ExchangeAccount], *, venue: str, actor: str
) -> list[Checked]:
    """Ask for each account that has a key; a verdict that is not reached is not kept.

    Raises ``RestError`` when the exchange cannot be asked at all.
    """
    wanted = [one for one in accounts if one.api_key_cipher]
    if not wanted:
        return []
    async with _exchange(venue) as (rest, spot):
        return [await _checked(one, rest, spot, actor) for one in wanted]


async def _checked(
    account: ExchangeAccount,
    rest: BinanceRestClient,
    spot: BinanceRestClient | None,
    actor: str,
) -> Checked:
    try:
        held = await database_sync_to_async(keys.credentials)(account)
        key = held.api_key.get_secret_value()
        private = PrivateRest(
            SignedCaller(rest, api_key=key, signer=held.signer),
            SignedCaller(spot, api_key=key, signer=held.signer) if spot else None,
        )
        answer = await ask(private, with_restrictions=spot is not None)
    except (RestError, BadKey, Permanent) as error:
        return Checked(account.name, problem=str(error))
    verdict = judge(
        answer,
        wanted_hedge=account.position_mode == PositionMode.HEDGE.value,
        now_ms=rest.server_now_ms(),
        real_money=account.venue == "binance",
    )
    stored = await database_sync_to_async(account_services.key_check_store)(
        account, verdict, actor=actor
    )
    if not stored:
        return Checked(account.name, problem="its key was changed meanwhile")
    return Checked(account.name, verdict)


async def ask(private: PrivateRest, *, with_restrictions: bool) -> Answer:
    """Return what the exchange says of a key; a refused key is an answer.

    Raises ``RestError`` when it cannot tell.
    """
    try:
        account = await private.account_config()
        told = await private.key_restrictions() if with_restrictions else None
    except RestError as error:
        if action_of(error) is Action.CREDENTIALS:
            return Answer(refusal=error.reason or str(error))
        raise
    return Answer(
        restrictions=None if told is None else restrictions_of(told),
        can_trade=account.can_trade,
        hedge=account.dual_side_position,
    )


def restrictions_of(body: KeyBody) -> Restrictions:
    """Return what the exchange's answer says, in our words."""
    return Restrictions(
        reading=body.enable_reading,
        futures=body.enable_futures,
        withdrawals=body.enable_withdrawals,
        transfers=body.enable_internal_transfer or body.permits_universal_transfer,
        ip_restricted=body.ip_restrict,
        expires_at=body.trading_authority_expiration_time,
    )


@asynccontextmanager
async def _exchange(
    venue: str,
) -> AsyncIterator[tuple[BinanceRestClient, BinanceRestClient | None]]:
    """Open the futures host, and the spot host where the venue has one."""
    quantai = settings.QUANTAI
    where = endpoints(venue, quantai.market.simulator_url)
    own = quantai.market.simulator_ca if venue == "simulator" else ""
    ca_file = quantai.ws.ca_file or own
    redis, clock = core_redis.client(), SystemClock()
    budget = SharedWeightBudget(AddressHold(redis, venue, clock=clock), venue)
    rest = BinanceRestClient(where, ca_file=ca_file, clock=clock, budget=budget)
    spot = None
    if where.spot:
        # The spot host counts by itself.
        spot = BinanceRestClient(
            Endpoints(where.spot, ""),
            ca_file=ca_file,
            clock=clock,
            time_path=SPOT_TIME,
        )
    try:
        await rest.initialize()
        if spot is not None:
            await spot.initialize()
        yield rest, spot
    finally:
        await rest.aclose()
        if spot is not None:
            await spot.aclose()
        await budget.aclose()
        await redis.aclose()
