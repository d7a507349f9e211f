"""F03: the socket is open and answers pings, but its data stops."""

NAMES = ("btcusdt@kline_1m", "ethusdt@kline_1m", "solusdt@kline_1m")


async def test_silence_of_all_streams_replaces_the_socket(follow, simulator):
    followed = await follow(*NAMES, swift=40)
    opened = simulator.hub.opened
    number = followed.arm("mute", route="market")
    await followed.hears("silent", 3)
    lost = await followed.hears("disconnected")
    assert lost.error_type == "TIMEOUT"
    assert "silent" in lost.reason
    simulator.faults.disarm(number)
    await followed.hears("connected", 2)
    await followed.live()
    assert simulator.hub.opened > opened
