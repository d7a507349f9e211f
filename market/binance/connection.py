"""One connection kept alive: dial, serve, lose, wait, dial again."""

import asyncio
import logging
import random
import ssl
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from core.clock import Clock
from market.binance.config import WsSettings
from market.binance.dial import DialGate
from market.binance.failures import (
    ADVICE,
    PongMissing,
    ReconnectAsked,
    StreamsSilent,
    WebSocketErrorType,
    fatal,
)
from market.binance.heartbeat import WebSocketHeartbeat
from market.binance.reconnect import ExponentialBackoffReconnector, ReconnectRecord
from market.binance.session import Finding, StreamSession
from market.binance.sockets import Dialer, Socket
from market.binance.streams import Route, StreamKind

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
NAME_START = len(b'{"stream":"')


class State(StrEnum):
    """What the operator sees of a connection."""

    CONNECTING = "connecting"
    LIVE = "live"
    DEGRADED = "degraded"
    RECONNECTING = "reconnecting"
    FAILED = "failed"
    FATAL = "fatal"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """Something worth telling: ``at`` in ms since the epoch, delays in seconds."""

    at: int
    connection: str
    route: str
    kind: str
    reason: str
    error_type: str | None = None
    advice: str | None = None
    delay_seconds: float | None = None
    since_previous_seconds: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the event as plain values."""
        return asdict(self)


Deliver = Callable[[bytes, StreamKind, bytes, int], None]
Report = Callable[[ConnectionEvent], None]


@dataclass(frozen=True)
class Surroundings:
    """What a connection needs from outside."""

    config: WsSettings
    dial: Dialer
    gate: DialGate
    context: ssl.SSLContext | None
    clock: Clock
    rng: random.Random
    deliver: Deliver
    report: Report


class Connection:
    """One websocket of one route with its streams; ``run`` until cancelled."""

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
        self.session = StreamSession(streams)
        self.heartbeat = WebSocketHeartbeat(outside.config)
        self.reconnector = ExponentialBackoffReconnector(outside.config, outside.rng)
        self.frames = 0
        self.bytes = 0
        self._url = url
        self._outside = outside
        self._config = outside.config
        self._monotonic = outside.clock.monotonic
        self._now_ms = outside.clock.now_ms
        self._deliver = outside.deliver
        self._asked = asyncio.Event()
        self._socket: Socket | None = None
        self._opened_at: float | None = None
        self._tls: dict[str, str] | None = None
        self._paused = False
        self._proven = False
        self._warned_quiet = False
        self._flap_told = False
        self._by_name = self.session.streams

    # -- hot path ---------------------------------------------------------------

    def on_message(self, raw: bytes) -> None:
        """Stamp a message and hand it on; nothing here may take long."""
        end = raw.find(b'"', NAME_START)
        name = raw[NAME_START:end]
        status = self._by_name.get(name)
        self.frames += 1
        self.bytes += len(raw)
        if status is None:
            self._other(raw)
            return
        now = self._monotonic()
        status.last_at = now
        status.frames += 1
        if status.first_at is None:
            status.first_at = now
            self._stream_proven(status.name, now)
        self._deliver(name, status.kind, raw, self._now_ms())

    def on_pong(self, payload: bytes) -> None:
        """Take the answer to a ping."""
        self.heartbeat.pong(payload, self._monotonic(), self._now_ms())

    # -- life -------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the connection until cancelled; every failure is recorded."""
        try:
            while True:
                self.state = State.CONNECTING
                try:
                    await self._connect_and_serve()
                except Exception as error:  # the loop's boundary: whatever it was,
                    await self._recover(error)  # it is recorded and the loop goes on
        finally:
            self._forget_socket()
            self.state = State.STOPPED

    async def _connect_and_serve(self) -> None:
        self._tls = None
        async with self._outside.gate.turn():
            self._asked.clear()
            socket = await self._outside.dial(
                self._url, self, self._config, self._outside.context
            )
        self._opened(socket)
        try:
            await self._serve(socket)
        finally:
            self._forget_socket()
            await socket.close()

    def _opened(self, socket: Socket) -> None:
        now = self._monotonic()
        self._socket = socket
        self._tls = socket.tls
        self._paused = False
        self._opened_at = now
        self._proven = False
        self._warned_quiet = False
        self.session.opened(now)
        self.heartbeat.start(now)

    def _forget_socket(self) -> None:
        if self._socket is None:
            return
        for status in self.session.streams.values():
            if status.first_at is not None:
                log.info("🔌 WebSocket已关闭: %s", status.name)
        self._socket = None
        self._opened_at = None
        self.session.closed()
        self.heartbeat.stop()

    async def _serve(self, socket: Socket) -> None:
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
            now = self._monotonic()
            if self._asked.is_set():
                raise ReconnectAsked("reconnect asked for")
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
                self._review(now)
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._asked.wait()
            except TimeoutError:
                continue

    def _review(self, now: float) -> None:
        for finding in self.session.review(now):
            self._report_finding(finding)
        if self.session.mute(now):
            raise StreamsSilent("the socket is open but all its streams are silent")
        expected, live, _ = self.session.counts(now)
        if self._proven:
            self.reconnector.healthy(now)
            self.state = State.LIVE if live == expected else State.DEGRADED
        quiet = now - (self.session.last_frame_at() or self._opened_at or now)
        if quiet > self._config.message_timeout:
            raise StreamsSilent(f"no message for {quiet:.0f} s")
        if quiet > self._config.message_warning_timeout and not self._warned_quiet:
            self._warned_quiet = True
            log.warning("%s: no message for %.0f s", self.id, quiet)

    def _stream_proven(self, stream: str, now: float) -> None:
        log.info("✅ WebSocket连接成功: %s", stream)
        if self._proven:
            return
        self._proven = True
        recovered = self.reconnector.data_arrived(now)
        self._flap_told = False
        self._report(
            "connected", "data flows again" if recovered else "first data arrived"
        )

    async def _recover(self, error: Exception) -> None:
        """Record the loss, then wait for the delay or for the operator."""
        record = self.reconnector.lost(error, self._monotonic(), self._now_ms())
        self._log_loss(error, record)
        kind = WebSocketErrorType(record.error_type)
        asked = isinstance(error, ReconnectAsked)
        self._report(
            "reconnect_requested" if asked else "disconnected",
            record.reason,
            error_type=None if asked else kind.value,
            advice=None if asked else ADVICE[kind],
            delay_seconds=record.delay_seconds,
            since_previous_seconds=record.since_previous_seconds,
        )
        if fatal(error):
            self.state = State.FATAL
            self._report("failed", "no retry until asked: " + record.reason)
            await self._asked.wait()
            return
        self.state = State.RECONNECTING
        if self.reconnector.exhausted:
            self.state = State.FAILED
            if self.reconnector.retries == self._config.reconnect_max_retries:
                log.critical("🚨 告警触发: websocket - critical - WebSocket未连接")
                self._report("failed", f"{self.reconnector.retries} dials without data")
        self._warn_flapping()
        try:
            async with asyncio.timeout(record.delay_seconds):
                await self._asked.wait()
        except TimeoutError:
            return

    def _warn_flapping(self) -> None:
        if self.reconnector.flapping(self._monotonic()) and not self._flap_told:
            self._flap_told = True
            log.error("🚨 %s: more than 3 failed reconnects in 5 minutes", self.id)

    def _log_loss(self, error: Exception, record: ReconnectRecord) -> None:
        if record.error_type == WebSocketErrorType.SSL.value:
            log.error(
                "%s: TLS failed (state %s, retry %d, at %d, TLS %s): %s",
                self.id,
                self.state.value,
                record.attempt,
                record.at,
                self._tls or "not negotiated",
                record.reason,
                exc_info=error,
            )
            return
        log.warning(
            "%s: lost (%s): %s; next dial in %.1f s",
            self.id,
            record.error_type,
            record.reason,
            record.delay_seconds,
        )

    # -- control ----------------------------------------------------------------

    def reconnect(self) -> None:
        """Replace the connection now, or dial now when waiting."""
        self._asked.set()

    def pause(self) -> None:
        """Stop reading because the consumer is behind; no deadline runs meanwhile."""
        if self._socket is not None:
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

    # -- other messages and reports ---------------------------------------------

    def _other(self, raw: bytes) -> None:
        """A control answer, or a stream nobody asked for (which the decoder counts)."""
        findings = self.session.answered(raw, self._monotonic())
        if findings is None:
            self._deliver(b"", StreamKind.UNKNOWN, raw, self._now_ms())
            return
        for finding in findings:
            self._report_finding(finding)

    def _report_finding(self, finding: Finding) -> None:
        log.warning(
            "%s: %s %s: %s", self.id, finding.stream, finding.kind, finding.reason
        )
        self._report(finding.kind, f"{finding.stream}: {finding.reason}")

    def _report(self, kind: str, reason: str, **details: Any) -> None:
        self._outside.report(
            ConnectionEvent(
                at=self._now_ms(),
                connection=self.id,
                route=self.route.value,
                kind=kind,
                reason=reason,
                **details,
            )
        )

    def statistics(self) -> dict[str, Any]:
        """Return what pages, REST and scripts show of this connection."""
        now = self._monotonic()
        expected, live, silent = self.session.counts(now)
        last = self.session.last_frame_at()
        reconnector = self.reconnector
        return {
            "id": self.id,
            "route": self.route.value,
            "state": self.state.value,
            "streams_expected": expected,
            "streams_live": live,
            "streams_silent": silent,
            "streams": self.session.names,
            "uptime_seconds": None
            if self._opened_at is None
            else now - self._opened_at,
            "reconnects": reconnector.total,
            "reconnect_count": reconnector.total,
            "consecutive_failures": reconnector.retries,
            "rtt_ms": self.heartbeat.rtt_ms(),
            "last_pong_time": self.heartbeat.last_pong_time,
            "messages": self.frames,
            "bytes": self.bytes,
            "last_message_age_seconds": None if last is None else now - last,
            "tls": self._tls,
            "errors": {
                kind.value: reconnector.errors[kind.value]
                for kind in WebSocketErrorType
            },
            "history": [record.as_dict() for record in reconnector.history],
            "failures": [record.as_dict() for record in reconnector.failures],
        }
