"""A process that records three trades and dies at a point, or tells what is stored."""

import asyncio
import os
import sys

import django

from quantai_site import config


def setup(folder):
    """An installation of its own in the folder, without Redis."""
    for name in set(config.variables()):
        os.environ.pop(name, None)
    os.environ["QUANTAI_VAR"] = folder
    os.environ["REDIS_URL"] = "unix:///nowhere/redis.sock"
    os.environ["DJANGO_SETTINGS_MODULE"] = "quantai_site.settings"
    django.setup()


async def record(point):
    from accounts import crash_points
    from accounts.recorder import EnhancedTradeRecorder

    async with EnhancedTradeRecorder() as recorder:
        recorder.record_entry(symbol="FIRST")
        await recorder.flush()
        crash_points.arm(point)
        recorder.batch_record_entries([{"symbol": "A"}, {"symbol": "B"}])
        await recorder.flush()


async def recover():
    from accounts.recorder import EnhancedTradeRecorder

    async with EnhancedTradeRecorder() as recorder:
        await recorder.flush()


def stored():
    from accounts.models import TradeRecord

    return ",".join(TradeRecord.objects.order_by("id").values_list("symbol", flat=True))


if __name__ == "__main__":
    setup(sys.argv[1])
    if sys.argv[2] == "recover":
        asyncio.run(recover())
        print(stored())
    else:
        asyncio.run(record(sys.argv[2]))
