"""The back-fill of one series with all that it needs: budget, client, database."""

import numpy as np
from channels.db import database_sync_to_async

from core import redis as core_redis
from core.clock import SystemClock
from market import selectors, services
from market.address_hold import AddressHold
from market.binance.rest import BinanceRestClient, RestGarbled
from market.binance.rest_schemas import BadBody, parse_exchange_info
from market.binance.urls import endpoints
from market.budget import SharedWeightBudget
from market.config import MarketSettings
from market.history.columns import Ints
from market.history_backfill import Filled, HistoryBackfill, Show, wanted

Pair = tuple[str, str]


async def fetch_history(
    *,
    venue: str,
    market: MarketSettings,
    ca_file: str,
    pair: Pair,
    days: int,
    show: Show,
    result: Filled,
) -> None:
    """Fetch what is not stored of the last ``days`` into ``result``.

    Raises ``RestError``, ``django.db.Error``, and ``ValueError`` for a venue without
    an address.
    """
    redis, clock = core_redis.client(), SystemClock()
    budget = SharedWeightBudget(AddressHold(redis, venue, clock=clock), venue)
    rest = BinanceRestClient(
        endpoints(venue, market.simulator_url),
        ca_file=ca_file,
        clock=clock,
        budget=budget,
    )
    try:
        await rest.initialize()
        await _learn_limit(rest)
        times = wanted(pair[1], days, rest.server_now_ms())
        missing = await _missing(venue, pair, times)
        result.wanted = len(times)
        store = database_sync_to_async(services.CandleStore(venue).store)
        await HistoryBackfill(rest, pair, store=store, show=show, result=result).run(
            missing
        )
    finally:
        await rest.aclose()
        await budget.aclose()
        await redis.aclose()


async def _learn_limit(rest: BinanceRestClient) -> None:
    info = parse_exchange_info(await rest.get_raw("/fapi/v1/exchangeInfo", weight=1))
    if isinstance(info, BadBody):
        raise RestGarbled("the exchange's answer is not understood", 200)
    for limit in info.rate_limits:
        if limit.kind == "REQUEST_WEIGHT" and limit.interval_seconds == 60:
            rest.weight_limit = limit.limit


async def _missing(venue: str, pair: Pair, times: Ints) -> Ints:
    """Return those of these open times of which no bar is stored."""
    if not len(times):
        return times
    symbol, interval = pair
    stored = await database_sync_to_async(selectors.open_times_between)(
        venue=venue,
        symbol=symbol,
        interval=interval,
        first=int(times[0]),
        last=int(times[-1]),
    )
    return times[~np.isin(times, np.array(stored, dtype=np.int64))]
