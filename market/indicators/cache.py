"""Results of bars already seen, for a while and up to a number."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

from core.errors import InvalidInput

Value = TypeVar("Value")


@dataclass(frozen=True)
class CacheStatistics:
    """Counts since the cache was made; ``hit_rate`` is a share, None before any look."""

    hits: int
    misses: int
    expired: int
    evicted: int
    entries: int

    @property
    def hit_rate(self) -> float | None:
        """Share of looks that found a result."""
        looks = self.hits + self.misses
        return self.hits / looks if looks else None


class ResultCache(Generic[Value]):
    """Keeps values for ``ttl`` seconds of ``clock``, the last used ``entries`` of them.

    Safe for several threads.
    """

    def __init__(self, *, ttl: float, entries: int, clock: Callable[[], float]) -> None:
        if not ttl > 0:
            raise InvalidInput("cache_ttl", ttl, "must be above 0 seconds")
        if entries < 1:
            raise InvalidInput("cache_entries", entries, "must be at least 1")
        self._ttl = ttl
        self._most = entries
        self._clock = clock
        self._lock = Lock()
        self._kept: OrderedDict[Hashable, tuple[float, Value]] = OrderedDict()
        self._hits = self._misses = self._expired = self._evicted = 0

    def get(self, key: Hashable) -> Value | None:
        """Return the value kept under ``key``, or None."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and self._clock() < kept[0]:
                self._hits += 1
                self._kept.move_to_end(key)
                return kept[1]
            if kept is not None:
                self._expired += 1
                del self._kept[key]
            self._misses += 1
            return None

    def put(self, key: Hashable, value: Value) -> None:
        """Keep the value; what has expired goes first, then the longest unused."""
        with self._lock:
            now = self._clock()
            self._kept[key] = (now + self._ttl, value)
            self._kept.move_to_end(key)
            if len(self._kept) > self._most:
                self._drop_expired(now)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
                self._evicted += 1

    def clear(self) -> None:
        """Forget all values; the counts stay."""
        with self._lock:
            self._kept.clear()

    def statistics(self) -> CacheStatistics:
        """Return the counts."""
        with self._lock:
            return CacheStatistics(
                hits=self._hits,
                misses=self._misses,
                expired=self._expired,
                evicted=self._evicted,
                entries=len(self._kept),
            )

    def _drop_expired(self, now: float) -> None:
        old = [key for key, (until, _) in self._kept.items() if until <= now]
        for key in old:
            del self._kept[key]
        self._expired += len(old)
