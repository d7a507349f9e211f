import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.simulator.intervals import DAY, MINUTE
from market.simulator.prices import EPOCH_MS, PricePaths
from market.simulator.symbols import Symbol, list_symbols
from market.simulator.trades import TradeTape, first_trade_id, trade_minute

SEED = 7
_tapes: dict[float, tuple[TradeTape, tuple[Symbol, ...]]] = {}


def tape_of(speed):
    if speed not in _tapes:
        symbols = list_symbols(seed=SEED, speed=speed, count=140)
        _tapes[speed] = TradeTape(SEED, symbols, PricePaths(SEED, symbols)), symbols
    return _tapes[speed]


ranks = st.integers(0, 139)
minutes = st.integers(EPOCH_MS // MINUTE, (EPOCH_MS + 4000 * DAY) // MINUTE)
speeds = st.sampled_from([1.0, 2.5, 60.0, 600.0])


def added_up(trades):
    taken = ~trades.buyer_is_maker
    values = trades.prices * trades.quantities
    return [
        trades.prices[0],
        trades.prices.max(),
        trades.prices.min(),
        trades.prices[-1],
        trades.quantities.sum(),
        values.sum(),
        trades.quantities[taken].sum(),
        values[taken].sum(),
    ]


@settings(max_examples=150, deadline=None)
@given(rank=ranks, minute=minutes, speed=speeds)
def test_a_minute_bar_is_the_sum_of_its_trades(rank, minute, speed):
    tape, symbols = tape_of(speed)
    symbol = symbols[rank]
    bar = tape.minute_bars(symbol, minute // 1440)[minute % 1440]
    assert bar.tolist() == [int(v) for v in added_up(tape.minute(symbol, minute))]


@settings(max_examples=60, deadline=None)
@given(rank=ranks, minute=minutes, speed=speeds)
def test_trades_are_in_order_on_the_grid_and_inside_their_minute(rank, minute, speed):
    tape, symbols = tape_of(speed)
    symbol = symbols[rank]
    trades = tape.minute(symbol, minute)
    assert len(trades.times) == symbol.trades_per_minute
    assert (np.diff(trades.times) > 0).all()
    assert minute * MINUTE <= trades.times[0]
    assert trades.times[-1] < (minute + 1) * MINUTE
    assert (trades.prices % symbol.tick_units == 0).all()
    assert (trades.quantities > 0).all()
    spread = symbol.spread_ticks * symbol.tick_units
    sides = np.where(trades.buyer_is_maker, trades.bids, trades.bids + spread)
    assert (trades.prices == sides).all()


@given(rank=ranks, minute=minutes, speed=speeds)
@settings(max_examples=60, deadline=None)
def test_trade_ids_are_dense_over_minutes(rank, minute, speed):
    _, symbols = tape_of(speed)
    symbol = symbols[rank]
    first = first_trade_id(symbol, minute)
    length = symbol.trades_per_minute
    assert first + length == first_trade_id(symbol, minute + 1)
    assert trade_minute(symbol, first) == (minute, 0)
    assert trade_minute(symbol, first + length - 1) == (minute, length - 1)


def test_a_range_of_ids_is_read_across_minutes():
    tape, symbols = tape_of(1.0)
    symbol = symbols[50]
    first = first_trade_id(symbol, 29_900_000)
    rows = list(tape.trades(symbol, first - 5, first + 70))
    assert [row[0] for row in rows] == list(range(first - 5, first + 71))
    times = [row[3] for row in rows]
    assert times == sorted(times)
    assert rows[5][3] // MINUTE == 29_900_000
    assert rows[4][3] // MINUTE == 29_899_999


def test_another_process_draws_the_same_trades():
    symbols = list_symbols(seed=SEED, speed=1.0, count=140)
    other = TradeTape(SEED, symbols, PricePaths(SEED, symbols))
    tape, _ = tape_of(1.0)
    for rank in (0, 30, 139):
        ours = tape.minute(symbols[rank], 29_913_111)
        theirs = other.minute(symbols[rank], 29_913_111)
        assert added_up(ours) == added_up(theirs)
        assert (ours.times == theirs.times).all()


def test_another_seed_draws_another_market():
    symbols = list_symbols(seed=8, speed=1.0, count=3)
    other = TradeTape(8, symbols, PricePaths(8, symbols))
    tape, ours = tape_of(1.0)
    minute = 29_913_111
    assert added_up(tape.minute(ours[0], minute)) != added_up(
        other.minute(symbols[0], minute)
    )


def test_rising_minutes_have_more_taker_buys():
    tape, symbols = tape_of(1.0)
    bars = tape.minute_bars(symbols[0], 20_777).astype(float)
    returns = np.log(bars[:, 3] / bars[:, 0])
    share = bars[:, 6] / bars[:, 4]
    assert np.corrcoef(returns, share)[0, 1] > 0.3


@pytest.mark.parametrize("speed", [1.0, 10.0, 60.0])
def test_trades_per_real_second_hardly_depend_on_the_speed(speed):
    symbols = list_symbols(seed=SEED, speed=speed, count=20)
    per_second = sum(s.trades_per_minute for s in symbols) / 60 * speed
    assert 43 <= per_second <= 60
