"""When to dial again, and the record of every time it was needed."""

import random
from collections import Counter, deque
from dataclasses import asdict, dataclass
from typing import Any

from market.binance.config import WsSettings
from market.binance.failures import (
    ReconnectAsked,
    WebSocketErrorType,
    classify_error,
    retry_after,
)

__all__ = [
    "ExponentialBackoffReconnector",
    "ReconnectRecord",
    "WebSocketErrorType",
    "classify_error",
]

LONG_DELAYS = (60.0, 120.0, 240.0, 300.0)
FLAP_WINDOW_SECONDS = 300.0
FLAP_LIMIT = 3
KEPT = 10


@dataclass(frozen=True)
class ReconnectRecord:
    """One loss of a connection: when (ms since the epoch), why, and what followed.

    ``since_previous_seconds`` is the time since the loss before, None for the first.
    ``success`` is None until the next dial has shown data or failed.
    """

    at: int
    reason: str
    error_type: str
    attempt: int
    delay_seconds: float
    since_previous_seconds: float | None
    success: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return asdict(self)


class ExponentialBackoffReconnector:
    """Delays between dials and their history; seconds, monotonic ``now`` given in.

    ``retries`` counts failures since the last data frame. The delay's exponent falls
    back only after ``reconnect_healthy_after`` seconds of data, so that a flapping
    socket cannot storm.
    """

    def __init__(self, config: WsSettings, rng: random.Random) -> None:
        self._config = config
        self._rng = rng
        self._exponent = 0
        self._first_data_at: float | None = None
        self._pending: ReconnectRecord | None = None
        self._last_loss_ms: int | None = None
        self._failed_at: deque[float] = deque(maxlen=64)
        self.retries = 0
        self.total = 0
        self.succeeded = 0
        self.delay_total = 0.0
        self.delay_max = 0.0
        self.errors: Counter[str] = Counter()
        self.history: deque[ReconnectRecord] = deque(maxlen=KEPT)
        self.failures: deque[ReconnectRecord] = deque(maxlen=KEPT)

    def base_delay(self, exponent: int, retries: int) -> float:
        """Return the delay before jitter: 1, 2, 4 … max, then the long delays."""
        config = self._config
        beyond = retries - config.long_delay_threshold
        if beyond >= 0:
            long_delay = LONG_DELAYS[min(beyond, len(LONG_DELAYS) - 1)]
            return min(long_delay, config.reconnect_max_delay)
        # Stops growing where the cap is reached anyway: no overflow after weeks.
        grown = config.reconnect_initial_delay
        for _ in range(exponent):
            grown *= config.reconnect_backoff_factor
            if grown >= config.reconnect_max_delay:
                return config.reconnect_max_delay
        return grown

    def lost(self, error: BaseException, now: float, now_ms: int) -> ReconnectRecord:
        """Record a loss and return what to do: wait ``delay_seconds``, then dial.

        A loss that was asked for costs no delay and counts as no failure.
        """
        asked = isinstance(error, ReconnectAsked)
        self._settle(success=False, now=now)
        healthy = self._config.reconnect_healthy_after
        proven_at = self._first_data_at
        if not asked and proven_at is not None and now - proven_at < healthy:
            self._failed_at.append(now)
        delay = 0.0
        if not asked:
            delay = self._jittered(self.base_delay(self._exponent, self.retries))
            delay = max(delay, retry_after(error) or 0.0)
        kind = classify_error(error)
        record = ReconnectRecord(
            at=now_ms,
            reason=describe(error),
            error_type=kind.value,
            attempt=self.retries + 1,
            delay_seconds=round(delay, 3),
            since_previous_seconds=(
                None
                if self._last_loss_ms is None
                else round((now_ms - self._last_loss_ms) / 1000, 3)
            ),
        )
        self._last_loss_ms = now_ms
        self._first_data_at = None
        self.total += 1
        self._pending = record
        if not asked:
            self._exponent += 1
            self.retries += 1
            self.errors[kind.value] += 1
            self.delay_total += delay
            self.delay_max = max(self.delay_max, delay)
            self.failures.append(record)
        return record

    def data_arrived(self, now: float) -> bool:
        """The first data frame of a dial: the counter starts anew.

        Returns True when this ended a reconnect (and was not the very first dial).
        """
        self._first_data_at = now
        self.retries = 0
        recovered = self._pending is not None
        self._settle(success=True, now=now)
        return recovered

    def healthy(self, now: float) -> None:
        """Called regularly while data flows; forgets the delay after enough of it."""
        if (
            self._exponent
            and self._first_data_at is not None
            and now - self._first_data_at >= self._config.reconnect_healthy_after
        ):
            self._exponent = 0

    def flapping(self, now: float) -> bool:
        """Return True after more than 3 failed reconnects in 5 minutes."""
        while self._failed_at and now - self._failed_at[0] > FLAP_WINDOW_SECONDS:
            self._failed_at.popleft()
        return len(self._failed_at) > FLAP_LIMIT

    @property
    def exhausted(self) -> bool:
        """True when MAX_RETRIES dials in a row brought no data."""
        return self.retries >= self._config.reconnect_max_retries

    @property
    def settled(self) -> int:
        """Reconnects whose outcome is known."""
        return self.total - (self._pending is not None)

    def _settle(self, *, success: bool, now: float) -> None:
        record = self._pending
        if record is None:
            return
        self._pending = None
        if success:
            self.succeeded += 1
        else:
            self._failed_at.append(now)
        settled = ReconnectRecord(**{**asdict(record), "success": success})
        self.history.append(settled)

    def _jittered(self, delay: float) -> float:
        jitter = self._config.reconnect_jitter
        return delay * self._rng.uniform(1 - jitter, 1 + jitter) if jitter else delay


def describe(error: BaseException) -> str:
    """Return the error in one line with its innermost cause."""
    text = str(error) or type(error).__name__
    cause = error
    while (following := cause.__cause__ or cause.__context__) is not None:
        cause = following
    if cause is not error and str(cause) and str(cause) not in text:
        text = f"{text} ({type(cause).__name__}: {cause})"
    return " ".join(text.split())[:500]
