"""What is followed: the contracts, their streams, and what somebody looks at."""

import logging
from collections.abc import Iterable
from math import inf
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from redis.asyncio import Redis as AsyncRedis

from core.clock import Clock
from market import selectors, services
from market.address_hold import AddressHold
from market.binance.client import BinanceWebSocketClient
from market.binance.config import WsSettings
from market.binance.dial import DialBucket
from market.binance.events import Report
from market.binance.link import Deliver
from market.binance.plan import default_streams
from market.binance.rest import BinanceRestClient, RestError
from market.binance.rest_schemas import (
    BadBody,
    parse_day_tickers,
    parse_exchange_info,
)
from market.binance.streams import (
    agg_trade_stream,
    depth_stream,
    partial_depth_stream,
    stream_symbol,
)
from market.binance.urls import Endpoints
from market.config import MarketSettings
from market.dials import SharedDialBucket
from market.shares import Shares, prefix
from market.universe import choose, tradable

log = logging.getLogger(__name__)

# Asked when a silent stream names no symbol.
PROBE_SYMBOL = "BTCUSDT"
PROBE_SYMBOLS = 3
# What a stopped feed has none of.
COUNTED = (
    "connections",
    "connections_live",
    "streams_expected",
    "streams_live",
    "streams_silent",
    "kline_streams_live",
    "messages_per_second",
    "loop_lag_ms",
)
RENEW_SECONDS = 86_400.0
Body = TypeVar("Body")


class Follower:
    """The contracts of one venue and the client that follows their streams.

    ``universe`` is what all feeds of the venue follow together, ``symbols`` the part
    of it that ``shares`` give to this one.
    """

    def __init__(
        self,
        *,
        venue: str,
        where: Endpoints,
        ws: WsSettings,
        market: MarketSettings,
        rest: BinanceRestClient,
        redis: "AsyncRedis",
        clock: Clock,
        deliver: Deliver,
        report: Report,
        shares: Shares,
        address: AddressHold | None = None,
    ) -> None:
        self._venue = venue
        self._shares = shares
        self._where = where
        self._ws = ws
        self._market = market
        self._rest = rest
        self._redis = redis
        self._clock = clock
        self._deliver = deliver
        self._report = report
        self._address = address or AddressHold(redis, venue, clock=clock)
        self._learned_at: float | None = None
        self.wanted: set[str] = set()
        self._watched: set[str] = set()
        self._known: set[str] = set()
        self.client: BinanceWebSocketClient | None = None
        self.universe: list[str] = []
        self.symbols: list[str] = []

    # -- which contracts --------------------------------------------------------

    async def learn(self) -> None:
        """Ask the exchange what trades and choose; raises ``RestError``."""
        info = _understood(
            parse_exchange_info(
                await self._rest.get_raw("/fapi/v1/exchangeInfo", weight=1)
            )
        )
        days = _understood(
            parse_day_tickers(
                await self._rest.get_raw("/fapi/v1/ticker/24hr", weight=40)
            )
        )
        for limit in info.rate_limits:
            if limit.kind == "REQUEST_WEIGHT" and limit.interval_seconds == 60:
                self._rest.weight_limit = limit.limit
        volumes = {ticker.symbol: ticker.quote_volume for ticker in days}
        self._known = set(tradable(info.instruments))
        self.universe = choose(
            info.instruments,
            volumes,
            self._market,
            kept=self.wanted & self._known,
        )
        self._learned_at = self._clock.monotonic()
        ranks = {name: rank for rank, name in enumerate(self.universe, 1)}
        await database_sync_to_async(services.instruments_store)(
            venue=self._venue,
            instruments=tradable(info.instruments).values(),
            ranks=ranks,
        )

    async def recall(self) -> None:
        """Follow what was chosen before, or by the feed that leads."""
        stored = await database_sync_to_async(selectors.instruments)(venue=self._venue)
        self.universe = [row.symbol for row in stored][: self._market.symbols]
        self._known = await database_sync_to_async(selectors.tradable_symbols)(
            venue=self._venue
        )

    @property
    def outdated(self) -> bool:
        """True when the choice is older than a day or was only recalled."""
        at = self._learned_at
        return at is None or self._clock.monotonic() - at >= RENEW_SECONDS

    def due(self) -> list[str]:
        """Return this feed's part of the universe, as it is now."""
        return [name for name in self.universe if self._shares.owns(name)]

    def follow(self, symbols: list[str]) -> None:
        """Change the streams to those of these symbols."""
        before = self._streams()
        self.symbols = symbols
        after = self._streams()
        if self.client is not None:
            self.client.subscribe(name for name in after if name not in before)
            self.client.unsubscribe(before.keys() - after.keys())
        self.watch(self.wanted)

    def _streams(self) -> dict[str, None]:
        if not self.symbols:
            return {}
        return dict.fromkeys(default_streams(self.symbols, self._market.intervals))

    # -- sockets ----------------------------------------------------------------

    async def start(self) -> None:
        """Open the sockets; raises ``OSError`` when the CA file cannot be read."""
        if self.client is not None:
            return
        ws = self._ws
        own = DialBucket(ws.dials_per_window, ws.dial_window, self._clock)
        client = BinanceWebSocketClient(
            self._streams(),
            name=prefix(self._shares.name),
            venue=self._venue,
            config=ws,
            where=self._where,
            deliver=self._deliver,
            report=self._report,
            moving=self._moving,
            budget=SharedDialBucket(
                self._redis,
                self._venue,
                limit=ws.dials_per_window,
                window_seconds=ws.dial_window,
                clock=self._clock,
                fallback=own,
                address=self._address,
            ),
            clock=self._clock,
        )
        client.subscribe(self._watch_streams(self._watched))
        self.client = client
        await client.start_websocket()

    async def _moving(self, streams: list[str], quiet_seconds: float) -> bool:
        """Ask REST whether anything traded while these streams were quiet.

        When REST does not answer either, a new connection can do no harm.
        """
        named = (stream_symbol(name) for name in streams)
        symbols = list(dict.fromkeys(symbol or PROBE_SYMBOL for symbol in named))
        since = self._rest.server_now_ms() - quiet_seconds * 1000
        try:
            for symbol in symbols[:PROBE_SYMBOLS]:
                last = await self._rest.get(
                    "/fapi/v1/ticker/price", weight=1, symbol=symbol
                )
                if int(last["time"]) > since:
                    return True
        except (RestError, KeyError, TypeError, ValueError) as error:
            log.warning("the probe of silent streams failed: %s", error)
            return True
        return False

    async def stop(self) -> list[dict[str, Any]]:
        """Close the sockets and return what the connections were."""
        if self.client is None:
            return []
        client, self.client = self.client, None
        rows: list[dict[str, Any]] = client.get_connection_stats()["connections"]
        await client.stop_websocket()
        return rows

    def unseen(self, symbols: set[str]) -> set[str]:
        """Return which of these would be watched from now on."""
        return self._watchable(symbols) - self._watched

    def watch(self, symbols: set[str]) -> set[str]:
        """Follow book and trades of these symbols, and of no others.

        What the exchange does not trade is left out: a page may ask for anything.
        Returns the symbols that are followed no longer.
        """
        self.wanted = symbols
        before, self._watched = self._watched, self._watchable(symbols)
        if self.client is not None:
            self.client.subscribe(self._watch_streams(self._watched - before))
            self.client.unsubscribe(self._watch_streams(before - self._watched))
        return before - self._watched

    def _watchable(self, symbols: set[str]) -> set[str]:
        return {name for name in symbols & self._known if self._shares.owns(name)}

    @property
    def kept_books(self) -> list[str]:
        """The symbols whose books are kept from diffs, the most traded first."""
        if self.client is None or self._market.book_source != "diff":
            return []
        ranks = {symbol: rank for rank, symbol in enumerate(self.symbols)}
        return sorted(self._watched, key=lambda each: (ranks.get(each, inf), each))

    def _watch_streams(self, symbols: Iterable[str]) -> list[str]:
        diff = self._market.book_source == "diff"
        return [
            name
            for symbol in sorted(symbols)
            for name in (
                depth_stream(symbol, speed="100ms")
                if diff
                else partial_depth_stream(symbol, levels=20, speed="500ms"),
                agg_trade_stream(symbol),
            )
        ]

    def pause(self) -> None:
        """Stop reading: decoding is behind."""
        if self.client is not None:
            self.client.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self.client is not None:
            self.client.resume_reading()

    def statistics(self) -> dict[str, Any]:
        """Return what pages and REST show; empty while stopped."""
        if self.client is None:
            return {
                "connections": [],
                "totals": dict.fromkeys(COUNTED, 0),
                "reconnect_statistics": {},
            }
        return self.client.get_connection_stats()


def _understood(body: Body | BadBody) -> Body:
    if isinstance(body, BadBody):
        raise RestError(f"the exchange's answer is not understood: {body.reason}")
    return body
