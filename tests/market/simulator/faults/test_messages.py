"""What happens to messages: lost, doubled, strange, out of order."""

import asyncio
import itertools

import pytest

from tests.market.simulator.faults.conftest import BOOK, ask, frame, frames_of, quiet

ETHER = "ethusdt@bookTicker"


async def test_one_stream_falls_silent_and_the_other_speaks(wire):
    async with wire.connect(BOOK, ETHER) as socket:
        number = wire.arm("mute", stream=BOOK)
        in_a_row = 0
        while in_a_row < 15:
            heard = (await frame(socket))["stream"]
            in_a_row = in_a_row + 1 if heard == ETHER else 0
        wire.faults.disarm(number)
        await frames_of(socket, 1, BOOK)


async def test_one_class_falls_silent_on_every_connection(wire):
    wire.arm("mute", stream="*@bookTicker")
    async with (
        wire.connect(BOOK, ETHER) as first,
        wire.connect("btcusdt@trade") as other,
    ):
        assert await quiet(first)
        await frame(other)


async def test_one_connection_is_mute_while_another_hears_the_same(wire):
    async with wire.connect() as first, wire.connect() as second:
        await frame(second)
        wire.arm("mute", connection=min(wire.simulator.hub.connections))
        await asyncio.sleep(0.2)
        while not await quiet(first, 0.3):
            pass
        await frame(second)


async def test_a_number_of_messages_is_lost(wire):
    async with wire.connect("btcusdt@trade") as socket:
        first = await frames_of(socket, 1)
        number = wire.arm("mute", symbol="btcusdt", count=3)
        trades = [*first, *await frames_of(socket, 8)]
        ids = [trade["t"] for trade in trades if trade["X"] == "MARKET"]
        missing = set(range(ids[0], ids[-1])) - set(ids)
        assert 2 <= len(missing) <= 3
        assert wire.faults.hits(number) == 3


async def test_messages_are_lost_by_chance(wire):
    async with wire.connect() as socket:
        number = wire.arm("mute", probability=0.5)
        await frames_of(socket, 12)
        (entry,) = wire.faults.listing()
        assert 0 < wire.faults.hits(number) < entry["chances"]


async def test_an_acknowledged_stream_never_speaks(wire):
    wire.arm("ack_without_data", stream=BOOK)
    async with wire.connect(ETHER) as socket:
        assert await ask(socket, "SUBSCRIBE", BOOK) is None
        seen = {(await frame(socket))["stream"] for _ in range(15)}
        assert seen == {ETHER}
        assert await ask(socket, "LIST_SUBSCRIPTIONS") == [ETHER, BOOK]


async def test_a_moved_stream_speaks_on_the_other_class_only(wire):
    async with wire.connect(BOOK) as before:
        number = wire.arm("move_stream", stream=BOOK)
        async with (
            wire.connect(BOOK, ETHER) as public,
            wire.connect(BOOK, ETHER, route="market") as market,
        ):
            seen = {(await frame(public))["stream"] for _ in range(15)}
            assert seen == {ETHER}
            seen = {(await frame(market))["stream"] for _ in range(15)}
            assert seen == {BOOK}
            assert await ask(public, "LIST_SUBSCRIPTIONS") == [BOOK, ETHER]
        await frames_of(before, 1, BOOK)
        assert wire.faults.hits(number) == 2
    wire.faults.disarm(number)
    async with wire.connect(BOOK) as after:
        await frames_of(after, 1, BOOK)


async def test_messages_can_come_twice(wire):
    async with wire.connect("btcusdt@trade") as socket:
        wire.arm("duplicate")
        trades = await frames_of(socket, 8)
        ids = [trade["t"] for trade in trades if trade["X"] == "MARKET"]
        assert len(set(ids)) < len(ids)


async def test_unknown_fields_come_beside_the_known(wire):
    wire.arm("unknown_field")
    async with wire.connect(BOOK) as socket:
        (quote,) = await frames_of(socket, 1)
        assert quote["zz"] == {"new": [1, "2"]}
        assert quote["e"] == "bookTicker"


@pytest.mark.parametrize(
    ("stream", "field", "value"),
    [(BOOK, "e", "somethingNew"), ("btcusdt@trade", "X", "LUNAR")],
)
async def test_unknown_values_come_where_known_ones_were(wire, stream, field, value):
    wire.arm("unknown_enum", field=field, value=value)
    async with wire.connect(stream) as socket:
        (event,) = await frames_of(socket, 1)
        assert event[field] == value


@pytest.mark.parametrize("stream", ["!miniTicker@arr", "!markPrice@arr@1s"])
async def test_a_foreign_contract_shows_up_in_the_arrays(wire, stream):
    wire.arm("unknown_symbol")
    async with wire.connect(stream, route="market") as socket:
        (entries,) = await frames_of(socket, 1)
        assert entries[-1]["s"] == "NOBODYUSD_PERP"
        assert entries[-1]["st"] == 2


async def test_a_lost_diff_breaks_the_chain_once(wire):
    async with wire.connect("btcusdt@depth@100ms") as socket:
        await frame(socket)
        wire.arm("depth_gap", nth=2, count=1)
        diffs = await frames_of(socket, 8)
        breaks = [a["u"] != b["pu"] for a, b in itertools.pairwise(diffs)]
        assert breaks.count(True) == 1


async def test_an_old_diff_comes_back(wire):
    async with wire.connect("btcusdt@depth@100ms") as socket:
        wire.arm("depth_rewind")
        diffs = await frames_of(socket, 6)
        last = [diff["u"] for diff in diffs]
        assert last != sorted(set(last))


async def test_a_book_can_be_crossed(wire):
    wire.arm("depth_crossed")
    async with wire.connect("btcusdt@depth5@100ms") as socket:
        (top,) = await frames_of(socket, 1)
        assert float(top["b"][0][0]) > float(top["a"][0][0])


async def test_every_trade_has_a_shadow_without_price(wire):
    wire.arm("na_trade")
    async with wire.connect("btcusdt@trade") as socket:
        trades = await frames_of(socket, 4)
        shadows = [trade for trade in trades if trade["X"] == "NA"]
        assert shadows
        assert {trade["p"] for trade in shadows} == {"0"}


async def test_a_delisted_symbol_settles_and_falls_silent(wire):
    async with (
        wire.connect(BOOK, ETHER) as public,
        wire.connect("!contractInfo", "!miniTicker@arr", route="market") as market,
    ):
        await frame(public)
        number = wire.arm("delist", symbol="BTCUSDT")
        (news,) = await frames_of(market, 1, "!contractInfo")
        assert (news["e"], news["s"], news["cs"]) == (
            "contractInfo",
            "BTCUSDT",
            "SETTLING",
        )
        _, info, _ = await wire.client.get("/fapi/v1/exchangeInfo")
        assert info["symbols"][0]["status"] == "SETTLING"
        await asyncio.sleep(0.1)
        while not await quiet(public, 0.02):
            pass
        seen = {(await frame(public))["stream"] for _ in range(10)}
        assert seen == {ETHER}
        _, rows = await frames_of(market, 2, "!miniTicker@arr")
        assert "BTCUSDT" not in {row["s"] for row in rows}
        wire.faults.disarm(number)
        await frames_of(public, 1, BOOK)
        _, info, _ = await wire.client.get("/fapi/v1/exchangeInfo")
        assert info["symbols"][0]["status"] == "TRADING"
