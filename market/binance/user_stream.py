"""The private stream of one account, on the same machinery as market data.

The account's one listen key is asked for before every dial, confirmed once the socket
is open, and made to last while it is. Whoever deletes it, or lets it run out, leaves the
socket open and mute: an event of the exchange or, while nothing comes, a question a
minute finds out, and key and socket are replaced.

Source: Binance USD-M user data stream documentation.
"""

import asyncio
import logging
import random
from dataclasses import dataclass, field
from typing import Protocol

from core.cancellation import checkpoint
from core.clock import Clock
from market.binance import tls
from market.binance.config import WsSettings
from market.binance.connection import Connection
from market.binance.decode import DecodeFailure, decode
from market.binance.dial import DialGate
from market.binance.events import Report
from market.binance.failures import ListenKeyLost, StreamsSilent
from market.binance.lag import LoopLag
from market.binance.link import Link, Surroundings
from market.binance.order_errors import Action
from market.binance.private_rest import PrivateRest
from market.binance.rerouting import Rerouter
from market.binance.rest_errors import RestError
from market.binance.signed import action_of
from market.binance.sockets import Dialer, dialer
from market.binance.streams import USER_DATA_SUFFIX, Route, StreamKind
from market.binance.urls import Endpoints
from market.binance.user_session import UserSession
from market.domain.types import ServerShutdown
from market.domain.user_events import ListenKeyExpired, UserEvent

log = logging.getLogger(__name__)

CHECK_SECONDS = 0.25
ASK_AGAIN_SECONDS = 5.0


@dataclass(frozen=True)
class KeyCare:
    """Seconds: how long a stream may be quiet before its key is asked for, and how
    often a key is made to last (it lives for 3600).
    """

    quiet: float = 60.0
    renew: float = 1800.0


@dataclass(frozen=True)
class PrivateHall:
    """What the private streams of one process share."""

    where: Endpoints
    config: WsSettings
    gate: DialGate
    clock: Clock
    dial: Dialer | None = None
    rng: random.Random = field(default_factory=random.Random)
    rotation: asyncio.Lock = field(default_factory=asyncio.Lock)
    lag: LoopLag = field(default_factory=lambda: LoopLag(_stood_still))
    care: KeyCare = KeyCare()


class Hears(Protocol):
    """Who is told of one private stream; called in the event loop, must not block."""

    def event(self, event: UserEvent) -> None:
        """The exchange told something."""

    def not_understood(self, reason: str) -> None:
        """Something was told that nobody understands: look for yourself."""

    def up(self, reason: str) -> None:
        """From now on everything is told; what came before may be missing."""

    def down(self, reason: str) -> None:
        """Nothing is told until it is up again."""


class UserStream:
    """One account's stream from ``start`` to ``close``; ``name`` is its connection's."""

    def __init__(
        self,
        private: PrivateRest,
        hall: PrivateHall,
        *,
        name: str,
        account: str,
        hears: Hears,
        report: Report,
    ) -> None:
        self._hears = hears
        self._task: asyncio.Task[None] | None = None
        label = f"{account}{USER_DATA_SUFFIX}"
        secure = hall.where.stream.startswith("wss:")
        outside = self._outside = Surroundings(
            config=hall.config,
            dial=hall.dial or dialer(hall.config.transport),
            gate=hall.gate,
            context=tls.context(hall.config.ca_file) if secure else None,
            clock=hall.clock,
            rng=hall.rng,
            deliver=self._take,
            report=report,
            rotation=hall.rotation,
            lag=hall.lag,
            rerouter=Rerouter(_Nowhere()),
            session=UserSession,
        )
        self.connection = PrivateConnection(name, label, private, hall, outside, hears)

    @property
    def running(self) -> bool:
        """Whether it is followed, open or not."""
        return self._task is not None

    async def start(self) -> None:
        """Begin to follow; returns at once."""
        if self._task is None:
            self._task = asyncio.create_task(
                self.connection.run(), name=self.connection.id
            )

    async def close(self) -> None:
        """Close the socket within the close timeout; the key is left to others."""
        task, self._task = self._task, None
        if task is not None:
            self.connection.given_up("its account is not followed here any more")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def pause(self) -> None:
        """Stop reading: whoever hears is behind. What comes waits in the network."""
        self._outside.reading.paused = True
        self.connection.pause()

    def resume(self) -> None:
        """Read again."""
        self._outside.reading.paused = False
        self.connection.resume()

    def _take(
        self, name: bytes, kind: StreamKind, raw: bytes, received_ms: int
    ) -> None:
        decoded = decode(raw, received_ms=received_ms)
        if isinstance(decoded, DecodeFailure):
            self._hears.not_understood(f"{decoded.kind}: {decoded.reason}")
            return
        for event in decoded:
            if isinstance(event, ListenKeyExpired):
                self.connection.key_lost("the exchange says that its key expired")
            elif isinstance(event, UserEvent):
                self._hears.event(event)
            elif not isinstance(event, ServerShutdown):
                kind_of = type(event).__name__
                self._hears.not_understood(f"{kind_of} on a private stream")


class PrivateConnection(Connection):
    """A connection whose address holds a key that must be kept alive."""

    def __init__(
        self,
        name: str,
        label: str,
        private: PrivateRest,
        hall: PrivateHall,
        outside: Surroundings,
        hears: Hears,
    ) -> None:
        super().__init__(name, Route.PRIVATE, "", [label], outside)
        self._label = label
        self._private = private
        self._where = hall.where
        self._care = hall.care
        self._hears = hears
        self._key = ""
        self._confirmed_at: float | None = None
        self._ask_at = 0.0
        self._up = False

    async def run(self) -> None:
        """See ``Connection.run``."""
        keeper = asyncio.create_task(self._keep())
        try:
            await super().run()
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            self._down("it is closed")

    def key_lost(self, reason: str) -> None:
        """Replace key and socket."""
        self._link.give_up(ListenKeyLost(reason))

    def silent(self, reason: str) -> None:
        """Replace the socket: something that happened was not told on it."""
        self._link.give_up(StreamsSilent(reason))

    # -- what is different from market data --------------------------------------

    async def _address(self) -> str:
        self._key = await self._private.open_listen_key()
        return self._where.user_stream_url(self._key)

    def _take(self, link: Link) -> None:
        super()._take(link)
        self._confirmed_at, self._ask_at = None, 0.0

    def stream_proven(self, link: Link, stream: str, now: float) -> None:
        """A frame, or the exchange that knows the key, proves the stream."""
        known = link.proven
        super().stream_proven(link, stream, now)
        if not known and link is self._link:
            self._up = True
            self._hears.up("the private stream is open")

    async def _recover(self, error: Exception) -> None:
        self._down(str(error) or type(error).__name__)
        await super()._recover(error)

    def _down(self, reason: str) -> None:
        if self._up:
            self._up = False
            self._hears.down(reason)

    # -- the key -----------------------------------------------------------------

    async def _keep(self) -> None:
        while True:
            link, now = self._link, self._clock.monotonic()
            if (
                link.opened_at is not None
                and now >= self._ask_at
                and self._key_due(now)
            ):
                await self._confirm(link)
                checkpoint()
            await asyncio.sleep(CHECK_SECONDS)

    def _key_due(self, now: float) -> bool:
        """Whether the key is to be asked for: new, old, or nothing was heard."""
        if self._confirmed_at is None:
            return True
        heard = self.session.last_frame_at() or self._confirmed_at
        return (
            now - heard >= self._care.quiet
            or now - self._confirmed_at >= self._care.renew
        )

    async def _confirm(self, link: Link) -> None:
        """Make the key last; one that the exchange does not know is replaced."""
        try:
            key = await self._private.keep_listen_key()
        except RestError as error:
            if action_of(error) is Action.NEW_STREAM:
                link.give_up(ListenKeyLost("its key does not exist any more"))
            else:
                log.warning("%s: its key is not confirmed: %s", self.id, error)
            self._ask_at = self._clock.monotonic() + ASK_AGAIN_SECONDS
            return
        if link is not self._link:
            return
        if key and key != self._key:
            link.give_up(ListenKeyLost("somebody replaced its key by another one"))
            self._ask_at = self._clock.monotonic() + ASK_AGAIN_SECONDS
            return
        now = self._confirmed_at = self._clock.monotonic()
        if isinstance(link.session, UserSession):
            link.session.confirmed(now)
        if not link.proven:
            self.stream_proven(link, self._label, now)


class _Nowhere:
    """Private streams have no other class of paths to be tried on."""

    def try_on(self, stream: str, where: Route) -> str:
        raise LookupError(stream)

    def tried_since(self, stream: str, connection: str) -> float | None:
        raise LookupError(stream)

    def keep(self, stream: str, connection: str) -> None:
        raise LookupError(stream)

    def leave(self, stream: str, connection: str) -> None:
        raise LookupError(stream)

    def anything_live(self, now: float) -> bool:
        raise LookupError

    def tell(self, where: str, kind: str, reason: str, connection: str) -> None:
        raise LookupError(connection)


def _stood_still(seconds: float) -> None:
    log.warning("the event loop stood still for %.1f s", seconds)
