"""One connection kept alive: dial, serve, replace in time, lose, wait, dial again."""

import asyncio
import logging
from typing import Any

from core.cancellation import cancelled, checkpoint
from market.binance.events import ConnectionEvent, State
from market.binance.failures import (
    ADVICE,
    ReconnectAsked,
    WebSocketErrorType,
    fatal,
)
from market.binance.heartbeat import WebSocketHeartbeat
from market.binance.link import Link, Surroundings
from market.binance.rate import Rate
from market.binance.reconnect import ExponentialBackoffReconnector, ReconnectRecord
from market.binance.session import Finding, StreamSession
from market.binance.streams import Route

log = logging.getLogger(__name__)

COVER_SECONDS = 60.0
COVER_STEP_SECONDS = 1.0
ROTATION_RETRY_SECONDS = 60.0


class Connection:
    """The streams of one route on one socket at a time; ``run`` until cancelled.

    Before the exchange's 24-hour limit, or when it announces a shutdown, a second
    link is opened and proven by its own first frames before the first is closed.
    """

    def __init__(
        self,
        name: str,
        route: Route,
        url: str,
        streams: list[str],
        outside: Surroundings,
    ) -> None:
        self.id = name
        self.route = route
        self.state = State.STOPPED
        self.reconnector = ExponentialBackoffReconnector(outside.config, outside.rng)
        self.rotations = 0
        self._url = url
        self._outside = outside
        self._config = outside.config
        self._clock = outside.clock
        self._link = Link(streams, outside, self)
        self._next: Link | None = None
        self._dialling: Link | None = None
        self._frames = 0
        self._bytes = 0
        self._rate = Rate(outside.clock.monotonic())
        self._asked = asyncio.Event()
        self._flap_told = False

    @property
    def link(self) -> Link:
        """The present socket."""
        return self._link

    @property
    def session(self) -> StreamSession:
        """What is subscribed."""
        return self._link.session

    @property
    def heartbeat(self) -> WebSocketHeartbeat:
        """Ping and pong of the present socket."""
        return self._link.heartbeat

    @property
    def frames(self) -> int:
        """Frames of all sockets this connection ever had."""
        return self._frames + sum(link.frames for link in self._links())

    @property
    def bytes(self) -> int:
        """Bytes of all sockets this connection ever had."""
        return self._bytes + sum(link.bytes for link in self._links())

    def messages_per_second(self, now: float) -> float:
        """Return the frames per second lately; ``now`` is monotonic."""
        return self._rate.of(self.frames, now)

    def _links(self) -> list[Link]:
        """The present link, its successor and the one that is being dialled."""
        known = (self._link, self._next, self._dialling)
        return list(dict.fromkeys(link for link in known if link is not None))

    # -- life -------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the connection until cancelled; every failure is recorded."""
        try:
            while True:
                self.state = State.CONNECTING
                try:
                    self._take(await self._dial())
                    await self._serve()
                except Exception as error:  # the loop's boundary: whatever it was,
                    checkpoint()
                    await self._recover(error)  # it is recorded and the loop goes on
        finally:
            self._outside.gate.left(self.id)
            await self._link.close()
            self.state = State.STOPPED

    async def _address(self) -> str:
        """Return where to dial; asked before every dial."""
        return self._url

    async def _dial(self) -> Link:
        url = await self._address()
        async with self._outside.gate.turn(self.id):
            self._asked.clear()
            # Streams wanted while the dial is under way are told to this link too.
            link = self._dialling = Link(self.session.names, self._outside, self)
            link.session.add(self.session.trials, on_trial=True)
            try:
                await link.open(url)
            finally:
                self._dialling = None
        if cancelled():
            await link.close()
            raise asyncio.CancelledError
        return link

    def _take(self, link: Link) -> None:
        """Make a link the present one."""
        self._frames += self._link.frames
        self._bytes += self._link.bytes
        self._link = link
        if link.task is None:
            link.start()

    async def _serve(self) -> None:
        """Stay on the present link, or its successors, until one breaks."""
        try:
            while True:
                successor = await self._until_replaced(self._link)
                old = self._link
                self._next = None
                self._take(successor)
                self.rotations += 1
                await old.close()
        finally:
            await self._link.close()

    async def _until_replaced(self, link: Link) -> Link:
        """Return the successor; raises what broke the link, or that it was asked for."""
        assert link.task is not None
        rotating = asyncio.create_task(self._successor(link))
        asked = asyncio.create_task(self._asked.wait())
        try:
            await asyncio.wait(
                {link.task, rotating, asked}, return_when=asyncio.FIRST_COMPLETED
            )
            if link.task.done() and self._next is not None:
                # Its successor is open already and takes over, proven or not.
                await asyncio.wait(
                    {rotating, asked}, return_when=asyncio.FIRST_COMPLETED
                )
            if rotating.done() and not rotating.exception():
                return rotating.result()
        finally:
            for job in (rotating, asked):
                job.cancel()
            await asyncio.gather(rotating, asked, return_exceptions=True)
        if link.task.done():
            link.task.result()
        raise ReconnectAsked("reconnect asked for")

    # -- replacing in time ------------------------------------------------------

    async def _successor(self, link: Link) -> Link:
        """Wait until the link is due, then return one that covers it."""
        asked = await self._due(link)
        while True:
            try:
                if asked:
                    return await self._cover(link, link.renewal_reason)
                # One at a time, so that no two fail together.
                async with self._outside.rotation:
                    return await self._cover(link, "before the 24-hour limit")
            except Exception as error:  # the present link still works: try again
                log.warning("%s: no successor yet: %s", self.id, error)
                self._report("rotation_failed", str(error) or type(error).__name__)
                if link.ended:
                    raise
            await asyncio.sleep(ROTATION_RETRY_SECONDS)

    async def _due(self, link: Link) -> bool:
        """Wait for the planned time; True when the link asked for it before."""
        spread = self._config.rotate_spread
        seconds = self._config.rotate_after * (1 - spread * self._outside.rng.random())
        try:
            async with asyncio.timeout(seconds):
                await link.renewal.wait()
        except TimeoutError:
            return False
        return True

    async def _cover(self, old: Link, why: str) -> Link:
        """Open a second link; return it once it carries what the first carries.

        Or carried: one that ends meanwhile has nothing more to cover.
        """
        try:
            new = await self._dial()
        finally:
            # The first link's data flows all the time: nobody need wait for this one.
            self._outside.gate.left(self.id)
        self._next = new
        new.start()
        try:
            async with asyncio.timeout(COVER_SECONDS):
                while not (old.ended or self._covers(new, old)):
                    await new.first_frame(COVER_STEP_SECONDS)
        except BaseException:
            self._next = None
            self._frames += new.frames
            self._bytes += new.bytes
            await new.close()
            raise
        self._report("rotated", why)
        return new

    def _covers(self, new: Link, old: Link) -> bool:
        return new.session.covers(old.session, self._clock.monotonic())

    # -- what links tell --------------------------------------------------------

    def stream_proven(self, link: Link, stream: str, now: float) -> None:
        """The first frame of a link proves it."""
        self._outside.rerouter.spoke(stream, self.route)
        if link.proven:
            return
        link.proven = True
        if link is not self._link:
            return
        self._outside.gate.proven()
        recovered = self.reconnector.data_arrived(now)
        self._report(
            "connected", "data flows again" if recovered else "first data arrived"
        )

    def stream_found(self, finding: Finding) -> None:
        """Tell of a stream that fell silent, was asked for again or refused."""
        log.warning(
            "%s: %s %s: %s", self.id, finding.stream, finding.kind, finding.reason
        )
        self._report(finding.kind, f"{finding.stream}: {finding.reason}")
        if finding.never_spoke:
            self._outside.rerouter.never_spoke(finding.stream, self._clock.monotonic())

    def reviewed(self, link: Link, now: float) -> None:
        """Keep the state that the operator sees."""
        self._outside.rerouter.look(now)
        if link is not self._link or not link.proven:
            return
        self.reconnector.healthy(now)
        if self._flap_told and not self.reconnector.flapping(now):
            self._flap_told = False
            self._report("steady", "at most 3 failed reconnects in 5 minutes")
        expected, live, _ = link.session.counts(now)
        self.state = State.LIVE if live == expected else State.DEGRADED

    # -- losing -----------------------------------------------------------------

    async def _recover(self, error: Exception) -> None:
        """Record the loss, then wait for the delay or for the operator."""
        now = self._clock.monotonic()
        self._outside.gate.lost(self.id, now)
        record = self.reconnector.lost(error, now, self._clock.now_ms())
        final = fatal(error)
        self._log_loss(error, record, final=final)
        asked = isinstance(error, ReconnectAsked)
        kind = WebSocketErrorType(record.error_type)
        self._report(
            "reconnect_requested" if asked else "disconnected",
            record.reason,
            error_type=None if asked else kind.value,
            advice=None if asked else ADVICE[kind],
            delay_seconds=None if final else record.delay_seconds,
            since_previous_seconds=record.since_previous_seconds,
        )
        if final:
            self.state = State.FATAL
            self._report(
                "fatal", "no retry until asked: " + record.reason, advice=ADVICE[kind]
            )
            await self._asked.wait()
            return
        self._show_loss(record)
        try:
            async with asyncio.timeout(record.delay_seconds):
                await self._asked.wait()
        except TimeoutError:
            return

    def _show_loss(self, record: ReconnectRecord) -> None:
        self.state = State.RECONNECTING
        retries = self.reconnector.retries
        if self.reconnector.exhausted:
            self.state = State.FAILED
            if retries == self._config.reconnect_max_retries:
                log.critical("%s: %d dials without data, going on", self.id, retries)
                self._report(
                    "failed", f"{retries} dials without data; the last: {record.reason}"
                )
        if self.reconnector.flapping(self._clock.monotonic()) and not self._flap_told:
            self._flap_told = True
            log.error("%s: more than 3 failed reconnects in 5 minutes", self.id)
            self._report("flapping", "more than 3 failed reconnects in 5 minutes")

    def _log_loss(
        self, error: Exception, record: ReconnectRecord, *, final: bool
    ) -> None:
        if record.error_type == WebSocketErrorType.SSL.value:
            log.error(
                "%s: TLS failed (state %s, retry %d, at %d, TLS %s): %s",
                self.id,
                self.state.value,
                record.attempt,
                record.at,
                self._link.tls or "not negotiated",
                record.reason,
                exc_info=error,
            )
            return
        log.warning(
            "%s: lost (%s): %s; %s",
            self.id,
            record.error_type,
            record.reason,
            "no dial until asked"
            if final
            else f"next dial in {record.delay_seconds:.1f} s",
        )

    # -- control ----------------------------------------------------------------

    def given_up(self, reason: str) -> None:
        """Tell that nobody wants this connection any more."""
        self._report("stopped", reason)

    def reconnect(self) -> None:
        """Replace the connection now, or dial now when waiting."""
        self._asked.set()

    def add(self, names: list[str], *, on_trial: bool = False) -> None:
        """Carry these streams as well."""
        for link in self._links():
            link.session.add(names, on_trial=on_trial)

    def adopt(self, name: str) -> None:
        """A stream that was on trial here stays."""
        for link in self._links():
            link.session.adopt(name)

    def remove(self, names: set[str]) -> None:
        """Carry these streams no longer."""
        for link in self._links():
            link.session.remove(names)

    def pause(self) -> None:
        """Stop reading because the consumer is behind."""
        for link in self._links():
            link.pause()

    def resume(self) -> None:
        """Read again."""
        for link in self._links():
            link.resume()

    # -- telling ----------------------------------------------------------------

    def _report(self, kind: str, reason: str, **details: Any) -> None:
        self._outside.report(
            ConnectionEvent(
                at=self._clock.now_ms(),
                connection=self.id,
                route=self.route.value,
                kind=kind,
                reason=reason,
                **details,
            )
        )
