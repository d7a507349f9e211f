"""What the trader tells of itself: every second to Redis, every minute to the log."""

import logging
import time
from typing import Any

from redis.asyncio import Redis as AsyncRedis

from accounts.desks import Desks
from accounts.recorder import EnhancedTradeRecorder
from core import redis as core_redis
from core import snapshot, wire

log = logging.getLogger(__name__)

TABLE = "trader"
PROCESS = "|trader"


class StatusBoard:
    """Writes the snapshot table ``trader``: a field per account, one for the process."""

    def __init__(
        self,
        venue: str,
        redis: "AsyncRedis",
        desks: Desks,
        recorder: EnhancedTradeRecorder,
    ) -> None:
        self._venue = venue
        self._redis = redis
        self._desks = desks
        self._recorder = recorder

    async def tell(self, done: int) -> None:
        """Write it; without Redis nobody reads it either."""
        rows: dict[str, dict[str, Any]] = {
            name: {"account": name, "ready": False, "problem": problem}
            for name, problem in self._desks.problems.items()
        }
        rows |= {desk.name: desk.status() for desk in self._desks.open.values()}
        rows[PROCESS] = {
            "at": time.time_ns() // 1_000_000,
            "intents": done,
            **self._recorder.statistics(),
        }
        pipeline: Any = self._redis.pipeline(transaction=True)
        items = [(name, wire.encode(row)) for name, row in rows.items()]
        snapshot.stage_replace(pipeline, self._venue, TABLE, items)
        try:
            await pipeline.execute()
        except core_redis.UNAVAILABLE as error:
            log.debug("the trader's status is not told: %s", error)

    def log(self, done: int, doing: int) -> None:
        """Say in the log that it is alive."""
        desks = self._desks.open.values()
        log.info(
            "💓 trader: %d of %d accounts open, %d intents done, %d under way, "
            "%d records wait",
            sum(desk.ready for desk in desks),
            len(desks) + len(self._desks.problems),
            done,
            doing,
            self._recorder.waiting,
        )


def accounts_open(venue: str) -> set[str]:
    """Return the names of the accounts that are open for trading; none without Redis."""
    try:
        with core_redis.sync_client() as redis:
            rows = snapshot.read(redis, venue, TABLE)
    except core_redis.UNAVAILABLE:
        return set()
    return {name for name, raw in rows.items() if wire.decode(raw).get("ready")}
