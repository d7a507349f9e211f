"""Missing trades are fetched by id from a real exchange simulator."""

import pytest
from msgspec.structs import replace

from market.binance.rest import BinanceRestClient
from market.binance.rest_errors import RestUnavailable
from market.binance.rest_schemas import parse_agg_trades
from market.binance.urls import endpoints
from market.domain.state import MarketState
from market.simulator.config import SimulatorSettings
from market.simulator.server import running_simulator
from market.trade_fill import TradeFill

SYMBOL = "BTCUSDT"


class Ledger:
    def __init__(self):
        self.opened = []
        self.settled = []

    async def trades_opened(self, holes, cause):
        self.opened += [(hole, cause) for hole in holes]

    async def trades_settled(self, hole, found, note):
        self.settled.append((hole, found, note))


@pytest.fixture
async def rest(tmp_path):
    settings = SimulatorSettings(symbols=3)
    async with running_simulator(settings, tmp_path) as simulator:
        where = endpoints("simulator", simulator.base_url)
        client = BinanceRestClient(where, ca_file=str(simulator.ca_path))
        await client.initialize()
        yield client
        await client.aclose()


async def truth(rest, count):
    raw = await rest.get_raw(
        "/fapi/v1/aggTrades", weight=20, symbol=SYMBOL, limit=count
    )
    return parse_agg_trades(raw, symbol=SYMBOL)


def filler(rest, state, ledger):
    return TradeFill(
        rest,
        ledger,
        holes=state.holes,
        apply=lambda trade: state.apply(trade, 1),
        give_up=lambda hole: state.give_up(*hole),
        covers=lambda hole: state.covers(*hole),
    )


async def test_a_hole_is_fetched_whole_and_written_down(rest):
    trades = await truth(rest, 200)
    state, ledger = MarketState(), Ledger()
    for trade in [*trades[:50], *trades[130:]]:
        state.apply(trade, 1)
    fill = filler(rest, state, ledger)
    assert await fill.step("market-1: lost") == 0
    assert await fill.step("market-1: lost") == 80
    hole = (SYMBOL, trades[50].id, trades[129].id)
    assert ledger.opened == [(hole, "market-1: lost")]
    assert ledger.settled == [(hole, 80, "")]
    assert list(state.holes()) == []
    rows = next(i for i in state.symbol_items(SYMBOL) if i["k"] == "trades")["items"]
    assert [row[0] for row in rows] == [trade.id for trade in trades[-50:]]
    assert [row[2] for row in rows] == [trade.price for trade in trades[-50:]]


async def test_a_hole_that_closes_by_itself_is_not_fetched(rest):
    trades = await truth(rest, 20)
    state, ledger = MarketState(), Ledger()
    for trade in [*trades[:5], *trades[10:]]:
        state.apply(trade, 1)
    fill = filler(rest, state, ledger)
    await fill.step("")
    for trade in trades[5:10]:
        state.apply(trade, 1)
    assert await fill.step("") == 0
    assert ledger.opened == []


async def test_more_than_a_page_is_fetched_in_pages(rest):
    newest = (await truth(rest, 1))[0]
    state, ledger = MarketState(), Ledger()
    raw = await rest.get_raw(
        "/fapi/v1/aggTrades",
        weight=20,
        symbol=SYMBOL,
        fromId=newest.id - 2500,
        limit=1,
    )
    for trade in (*parse_agg_trades(raw, symbol=SYMBOL), newest):
        state.apply(trade, 1)
    fill = filler(rest, state, ledger)
    await fill.step("")
    assert await fill.step("") == 2499
    assert list(state.holes()) == []


async def test_ids_that_cannot_be_had_again_are_given_up_and_said(rest):
    newest = (await truth(rest, 1))[0]
    state, ledger = MarketState(), Ledger()
    state.apply(newest, 1)
    from msgspec.structs import replace

    ahead = replace(newest, id=newest.id + 5_000_000, event_time=newest.event_time + 1)
    state.apply(ahead, 1)
    fill = filler(rest, state, ledger)
    await fill.step("")
    await fill.step("")
    ((_, _, note),) = ledger.settled
    assert "could not be had again" in note
    assert list(state.holes()) == []


async def test_a_symbol_that_the_exchange_does_not_know_keeps_no_other_waiting(rest):
    trades = await truth(rest, 100)
    state, ledger = MarketState(), Ledger()
    for trade in [*trades[:30], *trades[40:]]:
        state.apply(replace(trade, symbol="NOBODYUSD_PERP"), 1)
        state.apply(trade, 1)
    fill = filler(rest, state, ledger)
    await fill.step("market-1: lost")
    assert await fill.step("market-1: lost") == 10
    first, last = trades[30].id, trades[39].id
    assert ledger.settled == [
        (("NOBODYUSD_PERP", first, last), 0, "10 ids could not be had again"),
        ((SYMBOL, first, last), 10, ""),
    ]
    assert list(state.holes()) == []


async def test_a_hole_that_the_stream_fills_while_rest_is_away_is_closed(
    rest, monkeypatch
):
    trades = await truth(rest, 60)
    state, ledger = MarketState(), Ledger()
    for trade in [*trades[:20], *trades[30:]]:
        state.apply(trade, 1)
    fill = filler(rest, state, ledger)
    await fill.step("outage")

    async def away(*args, **options):
        raise RestUnavailable("no answer")

    with monkeypatch.context() as change:
        change.setattr(rest, "get_raw", away)
        with pytest.raises(RestUnavailable):
            await fill.step("outage")
    hole = (SYMBOL, trades[20].id, trades[29].id)
    assert ledger.opened == [(hole, "outage")]
    for trade in trades[20:25]:
        state.apply(trade, 1)
    await fill.step("outage")
    assert ledger.settled[:1] != [(hole, 10, "")]
    for trade in trades[25:30]:
        state.apply(trade, 1)
    await fill.step("outage")
    assert (hole, 10, "") in ledger.settled


async def test_a_hole_of_a_symbol_that_is_not_watched_any_more_is_not_called_filled(
    rest, monkeypatch
):
    trades = await truth(rest, 60)
    state, ledger = MarketState(), Ledger()
    for trade in [*trades[:20], *trades[30:]]:
        state.apply(trade, 1)
    fill = filler(rest, state, ledger)
    await fill.step("outage")

    async def away(*args, **options):
        raise RestUnavailable("no answer")

    monkeypatch.setattr(rest, "get_raw", away)
    with pytest.raises(RestUnavailable):
        await fill.step("outage")
    state.unwatch(SYMBOL)
    await fill.step("outage")
    hole = (SYMBOL, trades[20].id, trades[29].id)
    assert ledger.settled == [(hole, 0, "nobody follows these trades any more")]
    state.give_up(*hole)
    state.drop([SYMBOL])
    state.give_up(*hole)
