"""TLS records in a stream of bytes: where they end, and what can be done to one."""

from collections import deque
from collections.abc import Callable

_HEADER = 5
_APPLICATION_DATA = 23

# What becomes of one whole record, header included.
Damage = Callable[[bytes], bytes]


def flip(record: bytes) -> bytes:
    """One ciphertext bit differs: the receiver finds a bad record MAC."""
    return record[:-1] + bytes((record[-1] ^ 1,))


def duplicate(record: bytes) -> bytes:
    return record + record


def drop(_: bytes) -> bytes:
    return b""


class Records:
    """Follows the records of one direction; damages the next ones when asked to."""

    def __init__(self) -> None:
        self._damages: deque[Damage] = deque()
        self._header = b""
        self._left = 0
        self._kept = b""

    def damage_next(self, damage: Damage) -> None:
        """Do this to the next record of application data."""
        self._damages.append(damage)

    def pass_on(self, data: bytes) -> bytes:
        """What to send in place of ``data``; an incomplete record may be kept back."""
        if not self._damages:
            self._follow(data)
            return data
        at = 0
        while at < len(data) and (self._left or self._header):
            at = self._step(data, at)
        self._kept += data[at:]
        return data[:at] + self._damaged()

    def _damaged(self) -> bytes:
        sent = b""
        while self._damages and len(self._kept) >= _HEADER:
            end = _HEADER + int.from_bytes(self._kept[3:_HEADER], "big")
            if len(self._kept) < end:
                return sent
            record, self._kept = self._kept[:end], self._kept[end:]
            if record[0] == _APPLICATION_DATA:
                record = self._damages.popleft()(record)
            sent += record
        if not self._damages:
            rest, self._kept = self._kept, b""
            self._follow(rest)
            sent += rest
        return sent

    def _follow(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            at = self._step(data, at)

    def _step(self, data: bytes, at: int) -> int:
        """Move over one header or over the rest of one record; the new position."""
        if self._left:
            step = min(self._left, len(data) - at)
            self._left -= step
            return at + step
        need = _HEADER - len(self._header)
        self._header += data[at : at + need]
        if len(self._header) == _HEADER:
            self._left = int.from_bytes(self._header[3:], "big")
            self._header = b""
        return min(at + need, len(data))
