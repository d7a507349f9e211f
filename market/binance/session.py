"""What is subscribed on one connection and whether it really flows; does no I/O.

An acknowledged subscription proves nothing: a wrong route or an upper-case symbol is
acknowledged and then silent for ever. Only data proves a stream, so each stream has a
deadline for its first frame and an expected interval after it.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from market.binance.control import Answer
from market.binance.streams import StreamKind, stream_kind

# Seconds a stream of this kind may be quiet before it is called silent; None: any.
EXPECTED_SECONDS: dict[StreamKind, float] = {
    StreamKind.BOOK_TICKER: 60.0,
    StreamKind.BOOK_TICKER_ALL: 30.0,
    StreamKind.KLINE: 60.0,
    StreamKind.CONTINUOUS_KLINE: 60.0,
    StreamKind.MARK_PRICE: 15.0,
    StreamKind.MARK_PRICE_ALL: 15.0,
    StreamKind.MINI_TICKER_ALL: 15.0,
    StreamKind.TICKER_ALL: 15.0,
    StreamKind.MINI_TICKER: 60.0,
    StreamKind.TICKER: 60.0,
    StreamKind.DEPTH_PARTIAL: 60.0,
    StreamKind.DEPTH_DIFF: 60.0,
    StreamKind.AGG_TRADE: 120.0,
    StreamKind.TRADE: 120.0,
}
FIRST_FRAME_SECONDS = 20.0
RESUBSCRIBE_SECONDS = (20.0, 600.0)
# After a stream fell silent: time for the exchange to list what it sends us.
PROBE_SECONDS = 3.0
STUBBORN_ASKS = 2
# A stream that does not speak on a second connection for so long need not: longer than
# data is on its way, and than most streams are quiet.
COVER_QUIET_SECONDS = 2.0
# The exchange allows 10 incoming messages a second, pongs included.
CONTROL_INTERVAL = 0.25
CONTROL_BYTES = 3800
CONTROL_NAMES = 200


_answers = msgspec.json.Decoder(Answer, strict=False)
_encoder = msgspec.json.Encoder()


@dataclass(slots=True)
class StreamStatus:
    """One stream of this connection; times are monotonic seconds.

    A stream on trial has its home on another connection: it is subscribed here and
    nothing more is expected of it.
    """

    name: str
    kind: StreamKind
    on_trial: bool = False
    asked_at: float | None = None
    acknowledged_at: float | None = None
    first_at: float | None = None
    last_at: float | None = None
    frames: int = 0
    silent: bool = False
    asked_again: int = 0
    next_ask_at: float | None = None

    def reset(self) -> None:
        """Forget the connection it was on."""
        self.asked_at = self.acknowledged_at = self.first_at = None
        self.next_ask_at = None
        self.asked_again = 0

    def overdue(self, now: float) -> bool:
        """Return True when a first or next frame is later than expected."""
        expected = EXPECTED_SECONDS.get(self.kind)
        if expected is None or self.asked_at is None:
            return False
        if self.first_at is None or self.last_at is None:
            return now - self.asked_at > FIRST_FRAME_SECONDS
        return now - self.last_at > expected

    def live(self, now: float) -> bool:
        """Return True when data came in time (or may be absent by its nature)."""
        if self.first_at is None:
            return (
                self.kind not in EXPECTED_SECONDS and self.acknowledged_at is not None
            )
        return not self.overdue(now)


@dataclass(frozen=True, slots=True)
class Finding:
    """A stream changed: ``kind`` is ``silent``, ``resubscribed``, ``lost`` or ``refused``.

    ``never_spoke`` marks one that was acknowledged and asked for again in vain.
    """

    kind: str
    stream: str
    reason: str
    never_spoke: bool = False


class StreamSession:
    """Subscriptions of one connection: what to say, what was answered, what flows."""

    def __init__(self, streams: Iterable[str]) -> None:
        self.streams: dict[bytes, StreamStatus] = {}
        self._orders: deque[tuple[str, list[str]]] = deque()
        self._asked: dict[int, tuple[str, list[str]]] = {}
        self._next_id = 1
        self._next_control_at = 0.0
        self._open = False
        for name in streams:
            self._learn(name)

    def _learn(self, name: str, *, on_trial: bool = False) -> None:
        if name.encode() not in self.streams:
            status = StreamStatus(name, stream_kind(name), on_trial)
            self.streams[name.encode()] = status

    @property
    def names(self) -> list[str]:
        """The streams that have their home on this connection."""
        return [status.name for status in self._expected()]

    @property
    def trials(self) -> list[str]:
        """The streams that are tried on this connection."""
        return [each.name for each in self.streams.values() if each.on_trial]

    def _expected(self) -> list[StreamStatus]:
        return [each for each in self.streams.values() if not each.on_trial]

    def opened(self, now: float) -> None:
        """A new connection is open: subscribe everything again."""
        self._open = True
        self._orders.clear()
        self._asked.clear()
        self._next_control_at = now
        for status in self.streams.values():
            status.reset()
        self._order("SUBSCRIBE", [status.name for status in self.streams.values()])

    def closed(self) -> None:
        """The connection is gone."""
        self._open = False
        self._orders.clear()
        for status in self.streams.values():
            status.reset()

    def resumed(self, now: float) -> None:
        """Our reader stood still and reads again: every deadline starts anew."""
        for status in self.streams.values():
            if status.asked_at is not None:
                status.asked_at = now
            if status.first_at is not None:
                status.last_at = now

    def extend(self, seconds: float, now: float) -> None:
        """We stood still for so long until ``now``: deadlines are that much later."""
        for status in self.streams.values():
            status.asked_at = _later(status.asked_at, seconds, now)
            status.acknowledged_at = _later(status.acknowledged_at, seconds, now)
            status.last_at = _later(status.last_at, seconds, now)
            if status.next_ask_at is not None:
                status.next_ask_at += seconds

    def add(self, names: Iterable[str], *, on_trial: bool = False) -> None:
        """Want these streams as well."""
        new = [name for name in names if name.encode() not in self.streams]
        for name in new:
            self._learn(name, on_trial=on_trial)
        if self._open and new:
            self._order("SUBSCRIBE", new)

    def adopt(self, name: str) -> None:
        """A stream that was on trial has its home here from now on."""
        for status in self._known([name]):
            status.on_trial = False

    def remove(self, names: Iterable[str]) -> None:
        """Want these streams no longer."""
        gone = [name for name in names if self.streams.pop(name.encode(), None)]
        if self._open and gone:
            self._order("UNSUBSCRIBE", gone)

    def _order(self, method: str, names: list[str]) -> None:
        """Cut the names into control messages the exchange takes."""
        batch: list[str] = []
        size = 0
        for name in names:
            if batch and (
                size + len(name) + 3 > CONTROL_BYTES or len(batch) >= CONTROL_NAMES
            ):
                self._orders.append((method, batch))
                batch, size = [], 0
            batch.append(name)
            size += len(name.encode()) + 3
        if batch:
            self._orders.append((method, batch))

    def outgoing(self, now: float) -> str | None:
        """Return the next control message, or None while none may be sent."""
        if not self._orders or now < self._next_control_at:
            return None
        method, names = self._orders.popleft()
        self._next_control_at = now + CONTROL_INTERVAL
        message_id = self._next_id
        self._next_id += 1
        self._asked[message_id] = (method, names)
        if method == "SUBSCRIBE":
            for status in self._known(names):
                if status.asked_at is None:
                    status.asked_at = now
                if status.next_ask_at is None:
                    status.next_ask_at = now + RESUBSCRIBE_SECONDS[0]
        request: dict[str, object] = {"method": method, "id": message_id}
        if names:
            request["params"] = names
        return _encoder.encode(request).decode()

    def answered(self, raw: bytes, now: float) -> list[Finding] | None:
        """Take a control answer; None when ``raw`` is none."""
        try:
            answer = _answers.decode(raw).control_answer()
        except ValueError:
            return None
        if not isinstance(answer.id, int):
            return None
        method, names = self._asked.pop(answer.id, ("", []))
        if not answer.ok:
            text = f"{method}: {answer.code} {answer.message}"
            return [Finding("refused", name, text) for name in names]
        if method == "SUBSCRIBE":
            for status in self._known(names):
                status.acknowledged_at = now
        if answer.streams is not None:
            return self._probed(set(answer.streams))
        return []

    def _probed(self, listed: set[str]) -> list[Finding]:
        """Judge the silent streams by what the exchange says it sends us."""
        lost = [
            status.name
            for status in self._expected()
            if status.silent and status.name not in listed
        ]
        self._order("SUBSCRIBE", lost)
        why = "the exchange no longer lists the subscription; asked again"
        return [Finding("lost", name, why) for name in lost]

    def _known(self, names: list[str]) -> Iterable[StreamStatus]:
        for name in names:
            status = self.streams.get(name.encode())
            if status is not None:
                yield status

    def review(self, now: float) -> list[Finding]:
        """Find streams that fell silent and ask for them again, ever more rarely."""
        findings: list[Finding] = []
        again: list[StreamStatus] = []
        probe = False
        for status in self._expected():
            overdue = status.overdue(now)
            if overdue and not status.silent:
                findings.append(Finding("silent", status.name, _why(status, now)))
                probe = True
                later = now + PROBE_SECONDS
                status.next_ask_at = max(status.next_ask_at or later, later)
            if status.silent and not overdue:
                status.asked_again = 0
            status.silent = overdue
            if overdue and status.next_ask_at is not None and now >= status.next_ask_at:
                again.append(status)
                status.asked_again += 1
                low, high = RESUBSCRIBE_SECONDS
                status.next_ask_at = now + min(low * 2**status.asked_again, high)
        if probe and self._open:
            self._orders.append(("LIST_SUBSCRIPTIONS", []))
        if again and self._open:
            names = [status.name for status in again]
            findings += [
                Finding(
                    "resubscribed",
                    status.name,
                    "listed but no data; asked again",
                    never_spoke=status.first_at is None
                    and status.acknowledged_at is not None,
                )
                for status in again
            ]
            self._order("UNSUBSCRIBE", names)
            self._order("SUBSCRIBE", names)
        return findings

    def mute(self, now: float) -> bool:
        """Return True when every stream that should speak is silent, asked again or not.

        A stream alone on its connection has to be asked for twice: its market may be
        quiet.
        """
        expecting = [
            status
            for status in self._expected()
            if status.kind in EXPECTED_SECONDS and status.asked_at is not None
        ]
        patience = 1 if len(expecting) > 1 else 2
        return bool(expecting) and all(
            status.overdue(now) and status.asked_again >= patience
            for status in expecting
        )

    def stubborn(self, now: float) -> list[str]:
        """Return the streams that stay silent however often they are asked for."""
        return [
            status.name
            for status in self._expected()
            if status.asked_again >= STUBBORN_ASKS and status.overdue(now)
        ]

    def counts(self, now: float) -> tuple[int, int, int]:
        """Return the numbers of streams (expected, live, silent)."""
        expected = self._expected()
        live = sum(status.live(now) for status in expected)
        silent = sum(status.silent for status in expected)
        return len(expected), live, silent

    def covers(self, other: "StreamSession", now: float) -> bool:
        """Return True when this connection carries all that the other one carries.

        A stream that was quiet on both since it was acknowledged here, for
        ``COVER_QUIET_SECONDS`` at least, counts as carried.
        """
        for name, theirs in other.streams.items():
            ours = self.streams.get(name)
            if (
                theirs.on_trial
                or ours is None
                or ours.first_at is not None
                or theirs.last_at is None
            ):
                continue
            acknowledged = ours.acknowledged_at
            if (
                acknowledged is None
                or theirs.last_at > acknowledged
                or now - acknowledged < COVER_QUIET_SECONDS
            ):
                return False
        return True

    def unnamed(self, raw: bytes) -> StreamStatus | None:
        """Return the stream of a frame that names none that is known, or None."""
        return None

    def last_frame_at(self) -> float | None:
        """Return when any stream last spoke on this connection, monotonic seconds."""
        times = [s.last_at for s in self.streams.values() if s.first_at is not None]
        return max((at for at in times if at is not None), default=None)


def _later(at: float | None, seconds: float, now: float) -> float | None:
    """Move a time that is past, but not into the future."""
    return None if at is None else min(at + seconds, max(at, now))


def _why(status: StreamStatus, now: float) -> str:
    if status.first_at is not None and status.last_at is not None:
        return f"no frame for {now - status.last_at:.0f} s"
    asked = now - (status.asked_at or now)
    if status.acknowledged_at is None:
        return f"not acknowledged {asked:.0f} s after the subscription"
    return (
        f"acknowledged but no first frame after {asked:.0f} s: wrong route, unknown "
        "or upper-case name, or a market without trades"
    )
