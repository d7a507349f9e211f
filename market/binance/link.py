"""One open socket with what is subscribed on it."""

import asyncio
import logging
import random
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from core.clock import Clock
from market.binance.config import WsSettings
from market.binance.dial import DialGate
from market.binance.events import Report
from market.binance.failures import PongMissing, StreamsSilent
from market.binance.heartbeat import WebSocketHeartbeat
from market.binance.lag import LoopLag
from market.binance.rerouting import Rerouter
from market.binance.session import Finding, StreamSession, StreamStatus
from market.binance.sockets import Dialer, Socket
from market.binance.streams import StreamKind

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
QUESTION_SECONDS = 15.0
NAME_START = len(b'{"stream":"')
SHUTDOWN = b"serverShutdown"

Deliver = Callable[[bytes, StreamKind, bytes, int], None]
Moving = Callable[[list[str], float], Awaitable[bool]]


@dataclass
class Reading:
    """Whether the consumer keeps up; links that open while it does not read nothing."""

    paused: bool = False


@dataclass(frozen=True)
class Surroundings:
    """What connections need from outside.

    ``moving(streams, quiet_seconds)`` asks another source whether the market moved
    while these streams were quiet; without one it is taken that it did.
    """

    config: WsSettings
    dial: Dialer
    gate: DialGate
    context: ssl.SSLContext | None
    clock: Clock
    rng: random.Random
    deliver: Deliver
    report: Report
    rotation: asyncio.Lock
    lag: LoopLag
    rerouter: Rerouter
    moving: Moving | None = None
    session: Callable[[list[str]], StreamSession] = StreamSession
    reading: Reading = field(default_factory=Reading)


class Hearer(Protocol):
    """Who is told what happens on a link."""

    def stream_proven(self, link: "Link", stream: str, now: float) -> None:
        """The first frame of a stream arrived."""

    def stream_found(self, finding: Finding) -> None:
        """A stream fell silent, was asked for again, was refused or lost."""

    def reviewed(self, link: "Link", now: float) -> None:
        """The link was looked after; called a few times a second."""


class Link:
    """One socket from its dial to its end; not used again."""

    def __init__(self, names: list[str], outside: Surroundings, hearer: Hearer) -> None:
        self.session = outside.session(names)
        self.heartbeat = WebSocketHeartbeat(outside.config)
        self.frames = 0
        self.bytes = 0
        self.tls: dict[str, str] | None = None
        self.opened_at: float | None = None
        self.proven = False
        self.renewal = asyncio.Event()
        self.renewal_reason = ""
        self.task: asyncio.Task[None] | None = None
        self._outside = outside
        self._config = outside.config
        self._hearer = hearer
        self._monotonic = outside.clock.monotonic
        self._now_ms = outside.clock.now_ms
        self._deliver = outside.deliver
        self._read_at = 0.0
        self._read_ms = 0
        self._by_name = self.session.streams
        self._socket: Socket | None = None
        self._first_frame = asyncio.Event()
        self._paused = False
        self._warned_quiet = False
        self._next_question_at = 0.0
        self._quiet_since = 0.0
        self._broken: Exception | None = None

    # -- hot path ---------------------------------------------------------------

    def on_read(self) -> None:
        """Note the time, once for all messages that were read together."""
        self._read_at = self._monotonic()
        self._read_ms = self._now_ms()

    def on_message(self, raw: bytes) -> None:
        """Stamp a message and hand it on; nothing here may take long."""
        end = raw.find(b'"', NAME_START)
        name = raw[NAME_START:end]
        status = self._by_name.get(name)
        self.frames += 1
        self.bytes += len(raw)
        if status is None:
            self._other(raw)
        else:
            self._hear(status, name, raw)

    def _hear(self, status: StreamStatus, name: bytes, raw: bytes) -> None:
        now = self._read_at
        status.last_at = now
        status.frames += 1
        if status.first_at is None:
            status.first_at = now
            self._first_frame.set()
            log.info("✅ WebSocket连接成功: %s", status.name)
            self._hearer.stream_proven(self, status.name, now)
        self._deliver(name, status.kind, raw, self._read_ms)

    def on_pong(self, payload: bytes) -> None:
        """Take the answer to a ping."""
        self.heartbeat.pong(payload, self._monotonic(), self._now_ms())

    # -- life -------------------------------------------------------------------

    async def open(self, url: str) -> None:
        """Dial; raises what the edge raises."""
        self._socket = await self._outside.dial(
            url, self, self._config, self._outside.context
        )
        now = self._monotonic()
        self.tls = self._socket.tls
        self.opened_at = self._quiet_since = now
        self.session.opened(now)
        self.heartbeat.start(now)
        if self._outside.reading.paused:
            self.pause()

    def start(self) -> None:
        """Begin to read and watch in a task of its own, which ends with the failure."""
        self.task = asyncio.create_task(self._run(self._open_socket()))

    @property
    def ended(self) -> bool:
        """Whether it was started and broke."""
        return self.task is not None and self.task.done()

    async def _run(self, socket: Socket) -> None:
        """Read and watch at the same time; the first of them to end says why."""
        jobs = [
            asyncio.create_task(socket.run()),
            asyncio.create_task(self._watch(socket)),
        ]
        try:
            done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
        for job in done:
            job.result()

    async def _watch(self, socket: Socket) -> None:
        while True:
            if self._broken is not None:
                raise self._broken
            now = self._monotonic()
            while (text := self.session.outgoing(now)) is not None:
                socket.send(text)
            payload = self.heartbeat.ping(now)
            if payload is not None:
                socket.ping(payload)
            if self.heartbeat.overdue(now):
                raise PongMissing(
                    f"no pong within {self._config.pong_timeout:g} s of a ping"
                )
            if not self._paused:  # else nothing can be said of silence
                await self._review(now)
            await self._sleep()

    async def _sleep(self) -> None:
        """Sleep until the next look; what we oversleep moves every deadline.

        Nothing was read meanwhile: what came from the exchange still waits for us.
        """
        lag = self._outside.lag
        before, since = self._monotonic(), lag.monotonic()
        await asyncio.sleep(TICK_SECONDS)
        late = lag.woke(since + TICK_SECONDS)
        if late:
            # Deadlines run on the given clock, which may be faster than the machine's.
            now = self._monotonic()
            lost = (now - before) * late / (late + TICK_SECONDS)
            self._quiet_since += lost
            self.heartbeat.extend(lost)
            self.session.extend(lost, now)

    async def _review(self, now: float) -> None:
        for finding in self.session.review(now):
            self._hearer.stream_found(finding)
        self._hearer.reviewed(self, now)
        quiet = self._quiet(now)
        if quiet > self._config.message_timeout:
            raise StreamsSilent(f"no message for {quiet:.0f} s")
        if quiet > self._config.message_warning_timeout and not self._warned_quiet:
            self._warned_quiet = True
            log.warning(
                "no message for %.0f s on %d streams", quiet, len(self._by_name)
            )
        if self.session.mute(now):
            if await self._market_moved(self.session.names, quiet):
                raise StreamsSilent("the socket is open but all its streams are silent")
            self.session.resumed(self._monotonic())
            return
        stubborn = self.session.stubborn(now)
        if (
            stubborn
            and not self.renewal.is_set()
            and await self._market_moved(stubborn, quiet)
        ):
            self._renew(f"{len(stubborn)} streams stay silent: {stubborn[0]}")

    def _renew(self, reason: str) -> None:
        """Ask for a successor now."""
        self.renewal_reason = reason
        self.renewal.set()

    def _quiet(self, now: float) -> float:
        return now - (self.session.last_frame_at() or self._quiet_since)

    async def _market_moved(self, names: list[str], quiet: float) -> bool:
        """Ask elsewhere before a connection is replaced for its silence."""
        if self._outside.moving is None:
            return True
        now = self._monotonic()
        if now < self._next_question_at:
            return False
        self._next_question_at = now + QUESTION_SECONDS
        return await self._outside.moving(names, quiet)

    async def first_frame(self, seconds: float) -> None:
        """Wait until another stream shows its first frame, or for ``seconds``.

        Raises what ended the link, if it ends meanwhile.
        """
        if self.task is None:
            raise RuntimeError("the link was not started")
        self._first_frame.clear()
        waiter = asyncio.create_task(self._first_frame.wait())
        try:
            await asyncio.wait(
                {waiter, self.task},
                timeout=seconds,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            waiter.cancel()
        if self.task.done():
            self.task.result()

    def give_up(self, error: Exception) -> None:
        """End with this error at the next look."""
        self._broken = error

    async def close(self) -> None:
        """End the task and close the socket within the close timeout."""
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        socket, self._socket = self._socket, None
        if socket is None:
            return
        for status in self.session.streams.values():
            if status.first_at is not None:
                log.info("🔌 WebSocket已关闭: %s", status.name)
        self.opened_at = None
        self.session.closed()
        self.heartbeat.stop()
        await socket.close()

    def pause(self) -> None:
        """Stop reading because the consumer is behind; no deadline runs meanwhile."""
        if self._socket is not None and not self._paused:
            self._paused = True
            self.heartbeat.suspend()
            self._socket.pause()

    def resume(self) -> None:
        """Read again."""
        if self._socket is not None and self._paused:
            now = self._monotonic()
            self._paused = False
            self._socket.resume()
            self.heartbeat.resume(now)
            self.session.resumed(now)

    def _open_socket(self) -> Socket:
        if self._socket is None:
            raise ConnectionError("the link is not open")
        return self._socket

    def _other(self, raw: bytes) -> None:
        """A control answer, a notice, or a stream nobody asked for."""
        findings = self.session.answered(raw, self._monotonic())
        if findings is None:
            self._unasked(raw)
            return
        for finding in findings:
            self._hearer.stream_found(finding)

    def _unasked(self, raw: bytes) -> None:
        if SHUTDOWN in raw:
            self._renew("the exchange announced a shutdown")
        elif (status := self.session.unnamed(raw)) is not None:
            self._hear(status, status.name.encode(), raw)
            return
        self._deliver(b"", StreamKind.UNKNOWN, raw, self._now_ms())
