"""Ping, pong deadline and round-trip times of one connection; does no I/O."""

from collections import deque

from market.binance.config import WsSettings
from market.binance.quantiles import quantile

SAMPLES = 256


class WebSocketHeartbeat:
    """Decides when to ping and when a missing pong means the connection is dead.

    Times are monotonic seconds given by the caller; ``last_pong_time`` is wall clock
    milliseconds. While our own reader is stalled (``suspend``) no pong can be seen,
    so no deadline runs: a slow consumer must not kill its own connection.
    """

    def __init__(self, config: WsSettings) -> None:
        self._interval = config.ping_interval
        self._timeout = config.pong_timeout
        self._waiting: dict[bytes, float] = {}
        self._next_at: float | None = None
        self._count = 0
        self._suspended = False
        self._rtts: deque[float] = deque(maxlen=SAMPLES)
        self.last_pong_time: int | None = None
        self._missed = False

    def start(self, now: float) -> None:
        """A new connection is open."""
        self._waiting.clear()
        self._suspended = False
        self._missed = False
        self._next_at = now

    def stop(self) -> None:
        """The connection is gone."""
        self._waiting.clear()
        self._next_at = None

    def ping(self, now: float) -> bytes | None:
        """Return the payload of a ping to send now, or None when none is due."""
        if self._next_at is None or self._suspended or now < self._next_at:
            return None
        self._count += 1
        payload = b"%d" % self._count
        self._waiting[payload] = now
        self._next_at = now + self._interval
        return payload

    def pong(self, payload: bytes, now: float, now_ms: int) -> None:
        """Take a pong; an answer to a later ping settles the earlier ones too."""
        sent = self._waiting.pop(payload, None)
        if sent is None:
            return
        self._rtts.append(now - sent)
        self.last_pong_time = now_ms
        for other in [key for key, at in self._waiting.items() if at <= sent]:
            del self._waiting[other]

    def overdue(self, now: float) -> bool:
        """Return True when a pong is later than allowed."""
        if self._suspended or not self._waiting:
            return False
        self._missed = now - min(self._waiting.values()) > self._timeout
        return self._missed

    def suspend(self) -> None:
        """Our reader stopped reading."""
        self._suspended = True

    def resume(self, now: float) -> None:
        """Our reader reads again: deadlines start anew."""
        self._suspended = False
        self._waiting = dict.fromkeys(self._waiting, now)

    def extend(self, seconds: float) -> None:
        """We stood still for so long: a pong may have come and waits to be read."""
        for payload in self._waiting:
            self._waiting[payload] += seconds

    @property
    def is_alive(self) -> bool:
        """True while the connection is open and no pong is overdue."""
        return self._next_at is not None and not self._missed

    def rtt_ms(self) -> dict[str, float | None]:
        """Return the median and the 99th percentile of the last round trips, in ms."""
        return {
            "p50": _ms(quantile(self._rtts, 0.5)),
            "p99": _ms(quantile(self._rtts, 0.99)),
        }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
