"""F21: 1001 about every 24 hours, and announced shutdowns."""

from tests.waiting import until


async def test_1001_is_dialled_anew_at_once(follow):
    followed = await follow("btcusdt@bookTicker")
    followed.arm("close", code=1001)
    await followed.hears("connected", 2)
    (lost,) = followed.told("disconnected")
    assert lost.delay_seconds == 0.1


async def test_an_announced_shutdown_is_covered_before_the_old_socket_closes(
    follow, simulator
):
    followed = await follow("btcusdt@aggTrade", "btcusdt@kline_1m")
    await until(lambda: len(followed.trades) > 3)
    followed.arm("server_shutdown", seconds=8)
    assert "shutdown" in (await followed.hears("rotated")).reason
    seen = len(followed.trades)
    await until(lambda: len(followed.trades) > seen + 5)
    ids = sorted(set(followed.trades))
    assert ids == list(range(ids[0], ids[-1] + 1))
    assert not followed.told("disconnected")


async def test_no_bar_is_missing_over_short_lives(feed):
    feed.arm("life", seconds=1.5, **{"for": 5.0})
    await until(lambda: feed.simulator.faults.listing()[-1]["active"] is False)
    await feed.live()
    assert feed.losses() > 2
    await feed.has_everything()
