"""All connections are replaced while the whole market trades."""

import asyncio

import pytest

from tests.waiting import until


@pytest.fixture
def exchange_settings():
    return {"symbols": 140}


@pytest.mark.parametrize("transport", ["picows", "websockets"])
async def test_no_trade_is_lost_and_none_is_handed_on_twice(
    follow, simulator, transport
):
    symbols = [symbol.lower for symbol in simulator.exchange.symbols]
    busy = symbols[:40]
    names = [f"{name}@bookTicker" for name in symbols]
    names += [f"{name}@{what}" for what in ("aggTrade", "kline_1m") for name in busy]
    followed = await follow(
        *names,
        transport=transport,
        streams_per_connection=40,
        rotate_after=3.0,
        rotate_spread=0.5,
    )

    async def decode():
        while True:
            followed.ingest.drain()
            await asyncio.sleep(0.05)

    decoding = asyncio.create_task(decode())
    connections = followed.client.connections.values()
    assert len(connections) == 3
    await until(lambda: all(c.rotations >= 2 for c in connections), 120)
    decoding.cancel()
    followed.understood()

    tapes = {
        symbol: record.tapes[True]
        for symbol, record in followed.state.records.items()
        if True in record.tapes
    }
    assert len(tapes) == len(busy)
    assert {s: tape.holes for s, tape in tapes.items() if tape.holes} == {}
    passed = sum(tape.newest - tape.first + 1 for tape in tapes.values())
    assert followed.state.counts.applied["Trade"] == passed > 100
    # Twice on the wire, once for everybody else: else nothing was proven.
    assert sum(tape.duplicates for tape in tapes.values()) > 0
    assert not followed.told("disconnected")
    assert not followed.told("rotation_failed")
