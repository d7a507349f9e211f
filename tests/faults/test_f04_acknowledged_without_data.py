"""F04: subscriptions are acknowledged and stay without data."""

NAMES = ("btcusdt@kline_1m", "ethusdt@kline_1m")


async def test_a_stream_without_a_first_frame_is_told_and_asked_for_again(
    follow, simulator
):
    followed = await follow(*NAMES, swift=30)
    number = followed.arm("ack_without_data", stream="xrpusdt@*")
    followed.client.subscribe(["xrpusdt@kline_1m"])
    silent = await followed.hears("silent")
    assert "acknowledged but no first frame" in silent.reason
    assert "wrong route" in silent.reason
    assert followed.totals["streams_silent"] == 1
    assert followed.totals["streams_live"] == 2
    simulator.faults.disarm(number)
    await followed.hears("resubscribed")
    await followed.live()
    assert not followed.told("disconnected")
