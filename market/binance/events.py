"""What connections tell: states and events."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol


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


Report = Callable[[ConnectionEvent], None]


class Tell(Protocol):
    """Makes an event of something that the feed itself did or noticed."""

    def __call__(
        self, connection: str, kind: str, reason: str, route: str = "market"
    ) -> None: ...
