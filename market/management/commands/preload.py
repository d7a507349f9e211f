"""``preload``: fetch history now, within the limits of the exchange."""

import argparse
import logging
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import uvloop
from channels.db import database_sync_to_async
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError
from pydantic import ValidationError

from core import redis as core_redis
from core.clock import SystemClock
from core.loop import Loop
from market import selectors, services
from market.address_hold import AddressHold
from market.backfill import MAX_BARS, Pair
from market.binance.rest import BinanceRestClient, RestError, RestGarbled
from market.binance.rest_schemas import (
    BadBody,
    parse_day_tickers,
    parse_exchange_info,
)
from market.binance.urls import endpoints
from market.budget import SharedWeightBudget
from market.config import MarketSettings
from market.domain.candles import INTERVAL_MS, bar_open
from market.preload import CONCURRENCY, Loaded, Preload, Show
from market.universe import choose, tradable

log = logging.getLogger(__name__)

BAR_WIDTH = 30
LINE_EVERY = 10
SHOWN_FAILURES = 10


class Command(BaseCommand):
    help = "Fetch the history of all series now, with a progress bar."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--symbols", default="", metavar="N|A,B", help="how many, or which"
        )
        parser.add_argument("--intervals", default="", metavar="15m,1h")
        parser.add_argument("--bars", type=_bars, default=300, help="per series")
        parser.add_argument("--books", action="store_true", help="order books too")
        parser.add_argument("--trades", action="store_true", help="newest trades too")

    def handle(self, **options: Any) -> None:
        """Load and report; a part that failed is listed, nothing at all is an error."""
        began = time.monotonic()
        try:
            market = _market(options["symbols"], options["intervals"])
            results = uvloop.run(self._load(market, options), loop_factory=Loop)
        except (ValueError, RestError, DatabaseError) as error:
            raise CommandError(str(error)) from error
        for what, unit, loaded in results:
            self._report(what, unit, loaded)
        self.stdout.write(f"{time.monotonic() - began:.1f} s")
        if all(loaded.planned == len(loaded.failed) for *_, loaded in results):
            raise CommandError("nothing could be loaded")

    async def _load(
        self, market: MarketSettings, options: Mapping[str, Any]
    ) -> list[tuple[str, str, Loaded]]:
        venue = settings.QUANTAI.site.exchange
        redis, clock = core_redis.client(), SystemClock()
        budget = SharedWeightBudget(AddressHold(redis, venue, clock=clock), venue)
        rest = BinanceRestClient(
            endpoints(venue, market.simulator_url),
            ca_file=_ca_file(venue, market),
            clock=clock,
            budget=budget,
            concurrency=CONCURRENCY,
        )
        try:
            await rest.initialize()
            symbols, missing = await _universe(rest, market, options["symbols"])
            watched = await _watched(redis, venue)
            preload = Preload(rest, show=_progress(self))
            pairs = [(s, i) for s in symbols for i in market.intervals]
            candles = services.CandleStore(venue)
            await database_sync_to_async(candles.prepare)(pairs)
            bars = await preload.bars(
                pairs,
                options["bars"],
                store=database_sync_to_async(candles.store),
                stored=await _stored(venue, market, options["bars"], rest),
                first=watched,
            )
            bars.planned += len(missing)
            bars.failed |= dict.fromkeys(missing, "not traded on this exchange")
            results = [("series", "bars stored", bars)]
            if options["books"]:
                books = await preload.books(symbols)
                results.append(("books", "levels", books))
            if options["trades"]:
                trades = await preload.trades(symbols)
                results.append(("trades", "trades", trades))
            return results
        finally:
            await rest.aclose()
            await budget.aclose()
            await redis.aclose()

    def _report(self, what: str, unit: str, loaded: Loaded) -> None:
        done = loaded.planned - len(loaded.failed)
        self.stdout.write(
            f"{what}: {done} of {loaded.planned}, {loaded.found:,} {unit}"
        )
        for name, reason in list(loaded.failed.items())[:SHOWN_FAILURES]:
            self.stdout.write(f"  failed: {name}: {reason}")
        if len(loaded.failed) > SHOWN_FAILURES:
            self.stdout.write(f"  … and {len(loaded.failed) - SHOWN_FAILURES} more")


def _bars(text: str) -> int:
    count = int(text) if text.isdecimal() else 0
    if not 1 <= count < MAX_BARS:
        raise argparse.ArgumentTypeError(f"{text!r}: choose 1 to {MAX_BARS - 1}")
    return count


def _market(symbols: str, intervals: str) -> MarketSettings:
    """Return the market settings with what the command line changes."""
    market: MarketSettings = settings.QUANTAI.market
    changes: dict[str, Any] = {}
    if symbols.isdecimal():
        changes["symbols"] = int(symbols)
    if intervals:
        changes["intervals"] = tuple(intervals.split(","))
    try:
        return MarketSettings(**{**market.model_dump(), **changes})
    except ValidationError as error:
        raise CommandError(str(error)) from error


def _ca_file(venue: str, market: MarketSettings) -> str:
    own: str = settings.QUANTAI.ws.ca_file
    return own or (market.simulator_ca if venue == "simulator" else "")


async def _universe(
    rest: BinanceRestClient, market: MarketSettings, wanted: str
) -> tuple[list[str], list[str]]:
    """Return the symbols, most traded first, and those that do not trade."""
    info = parse_exchange_info(await rest.get_raw("/fapi/v1/exchangeInfo", weight=1))
    days = parse_day_tickers(await rest.get_raw("/fapi/v1/ticker/24hr", weight=40))
    if isinstance(info, BadBody) or isinstance(days, BadBody):
        raise RestGarbled("the exchange's answer is not understood", 200)
    for limit in info.rate_limits:
        if limit.kind == "REQUEST_WEIGHT" and limit.interval_seconds == 60:
            rest.weight_limit = limit.limit
    if wanted and not wanted.isdecimal():
        names = list(dict.fromkeys(wanted.upper().split(",")))
        known = tradable(info.instruments)
        found = [name for name in names if name in known]
        return found, [name for name in names if name not in known]
    volumes = {ticker.symbol: ticker.quote_volume for ticker in days}
    return choose(info.instruments, volumes, market), []


async def _watched(redis: Any, venue: str) -> list[str]:
    """Return what somebody looks at now; nothing when Redis is away."""
    key = services.interest_key(venue)
    try:
        found = await redis.zrangebyscore(key, SystemClock().now_ms(), "+inf")
    except core_redis.UNAVAILABLE as error:
        log.warning("what is looked at is not known: %s", error)
        return []
    return [name.decode() for name in found]


async def _stored(
    venue: str, market: MarketSettings, bars: int, rest: BinanceRestClient
) -> dict[Pair, Sequence[int]]:
    """Return the open times of what is stored already."""
    found: dict[Pair, Sequence[int]] = {}
    for interval in market.intervals:
        newest = bar_open(rest.server_now_ms(), interval)
        since = newest - bars * INTERVAL_MS[interval]
        known = await database_sync_to_async(selectors.open_times_since)(
            venue=venue, interval=interval, since=since
        )
        found |= {(symbol, interval): times for symbol, times in known.items()}
    return found


def _progress(command: BaseCommand) -> Show:
    """A bar that moves in a terminal; elsewhere a line now and then."""
    terminal = bool(getattr(command.stderr, "isatty", lambda: False)())
    show = _bar if terminal else _lines
    return partial(show, command, {})


def _bar(
    command: BaseCommand, last: dict[str, str], what: str, done: int, planned: int
) -> None:
    filled = BAR_WIDTH * done // max(1, planned)
    text = f"{what:7}[{'#' * filled:{BAR_WIDTH}}] {done}/{planned}"
    if last.get(what) != text:
        last[what] = text
        end = "\n" if planned and done == planned else ""
        command.stderr.write(f"\r{text}", ending=end)


def _lines(
    command: BaseCommand, last: dict[str, int], what: str, done: int, planned: int
) -> None:
    tenth = LINE_EVERY * done // max(1, planned)
    if planned and last.get(what) != tenth:
        last[what] = tenth
        command.stderr.write(f"{what} {done}/{planned}")
