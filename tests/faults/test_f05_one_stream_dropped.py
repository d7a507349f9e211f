"""F05: one stream is dropped inside a living connection, without any notice."""

NAMES = ("btcusdt@kline_1m", "ethusdt@kline_1m", "solusdt@kline_1m")


async def test_the_stream_that_is_no_longer_listed_is_subscribed_again(
    follow, simulator
):
    followed = await follow(*NAMES, swift=30)
    assert followed.hits(followed.arm("forget_stream", stream="eth*")) == 1
    assert "ethusdt@kline_1m" in (await followed.hears("silent")).reason
    assert "no longer lists" in (await followed.hears("lost")).reason
    await followed.live()
    assert not followed.told("disconnected")
    assert simulator.hub.opened == 1


async def test_a_listed_but_mute_stream_is_asked_for_again(follow, simulator):
    followed = await follow(*NAMES, swift=30)
    number = followed.arm("mute", stream="eth*")
    await followed.hears("resubscribed")
    simulator.faults.disarm(number)
    await followed.live()
    assert not followed.told("disconnected")
