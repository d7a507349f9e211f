"""The publishing process: 2 kB of quotes ten times a second through ``core.push``."""

import asyncio
import time

import django

from benchmarks.child import hear, tell

TOPIC = "quotes"
ITEMS = 10
ITEM_BYTES = 200


def main(*, rate: float) -> None:
    """Publish until standard input ends."""
    django.setup()
    asyncio.run(_run(rate))


async def _run(rate: float) -> None:
    from core import redis as core_redis
    from core.push import NewestPublisher

    redis = core_redis.client()
    publisher = NewestPublisher(redis, "bench")
    job = asyncio.create_task(_publish(redis, publisher, rate))
    tell({"publishing": True})
    while await asyncio.get_running_loop().run_in_executor(None, hear):
        tell({"messages": publisher.seq(TOPIC)})
    job.cancel()
    await redis.aclose()


async def _publish(redis: object, publisher: object, rate: float) -> None:
    from core import wire

    due, number = time.perf_counter(), 0
    while True:
        number += 1
        items = []
        for place in range(ITEMS):
            item = {"k": f"S{place}USDT", "n": number, "at": time.monotonic_ns()}
            item["pad"] = "x" * (ITEM_BYTES - 10 - len(wire.encode(item)))
            items.append((f"S{place}USDT", wire.encode(item)))
        pipeline = redis.pipeline(transaction=False)  # type: ignore[attr-defined]
        publisher.stage(pipeline, TOPIC, items)  # type: ignore[attr-defined]
        await pipeline.execute()
        due += 1.0 / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
