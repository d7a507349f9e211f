"""The way from the exchange to one client while something is wrong with it."""

import asyncio
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

_SLICES_PER_SECOND = 20


@dataclass(frozen=True)
class Trouble:
    """What a fault does to the way. ``hold_until`` in seconds of the loop."""

    lose: bool = False
    hold_until: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    bytes_per_second: int = 0


class TroubledPath:
    """Takes writes in place of the transport; what is late stays in order."""

    def __init__(self, transport: asyncio.Transport, rng: random.Random) -> None:
        self._transport = transport
        self._rng = rng
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._last = 0.0
        self.pending = 0
        self.troubles: dict[int, Trouble] = {}

    def write(self, data: bytes) -> None:
        for at, piece in self._late(data):
            self._queue.append((at, piece))
            self.pending += len(piece)
        self._send_due()

    def remove(self, number: int) -> bool:
        """One trouble is over: what waits goes out now. True when none is left."""
        self.troubles.pop(number, None)
        self._last = 0.0
        self._queue = deque((0.0, piece) for _, piece in self._queue)
        self._send_due()
        return not self.troubles

    def _late(self, data: bytes) -> Iterator[tuple[float, bytes]]:
        """When which part of the data arrives; nothing when it is lost."""
        troubles = list(self.troubles.values())
        if any(trouble.lose for trouble in troubles):
            return
        start = self._loop.time()
        rate = 0
        for trouble in troubles:
            start = max(start, trouble.hold_until)
            start += trouble.delay + trouble.jitter * self._rng.random()
            rate = trouble.bytes_per_second or rate
        self._last = max(self._last, start)
        step = max(1, rate // _SLICES_PER_SECOND) if rate else len(data)
        for at in range(0, len(data), step):
            piece = data[at : at + step]
            self._last += len(piece) / rate if rate else 0.0
            yield self._last, piece

    def _send_due(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport.is_closing():
            self._queue.clear()
            self.pending = 0
            return
        due: list[bytes] = []
        now = self._loop.time()
        while self._queue and self._queue[0][0] <= now:
            due.append(self._queue.popleft()[1])
        if due:
            data = b"".join(due)
            self.pending -= len(data)
            self._transport.write(data)
        if self._queue:
            self._timer = self._loop.call_at(self._queue[0][0], self._send_due)
