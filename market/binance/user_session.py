"""What a private stream is owed: no subscription, and silence that says nothing. No I/O."""

from collections.abc import Iterable

from market.binance.session import StreamSession, StreamStatus


class UserSession(StreamSession):
    """The private stream of one account: subscribed by its address, quiet by nature.

    Whatever comes is of this one stream, with or without an envelope. As long as the
    exchange confirms the key, silence says nothing.
    """

    def __init__(self, streams: Iterable[str]) -> None:
        super().__init__(streams)
        self._confirmed_at: float | None = None

    def opened(self, now: float) -> None:
        """See ``StreamSession``: nothing is to be asked for."""
        super().opened(now)
        self._orders.clear()
        for status in self.streams.values():
            status.asked_at = status.acknowledged_at = now

    def confirmed(self, now: float) -> None:
        """The exchange knows the key of this connection."""
        self._confirmed_at = now

    def unnamed(self, raw: bytes) -> StreamStatus | None:
        """See ``StreamSession``."""
        return next(iter(self.streams.values()), None)

    def last_frame_at(self) -> float | None:
        """Return when it last spoke or its key was confirmed."""
        known = (super().last_frame_at(), self._confirmed_at)
        return max((at for at in known if at is not None), default=None)
