import numpy as np

from market.indicators.market_structure import MarketStructure
from market.indicators.order_blocks import count_order_blocks
from tests.market.indicators.series import plain

UP, DOWN = (10, 12, 9, 11), (11, 12, 9, 10)


def counts(rows, breaks, life=100):
    """Breaks by bar: (event, bar of the broken swing)."""
    events, origins = np.zeros(len(rows), np.int8), np.full(len(rows), -1)
    for bar, (event, origin) in breaks.items():
        events[bar], origins[bar] = event, origin
    structure = MarketStructure(np.sign(events), events, origins)
    found = count_order_blocks(plain(rows), structure, life)
    return found.bullish.tolist(), found.bearish.tolist()


def test_the_last_down_bar_before_a_break_upwards_is_a_block():
    assert counts([UP, DOWN, UP, UP], {3: (1, 0)}) == ([0, 0, 0, 1], [0, 0, 0, 0])


def test_the_last_up_bar_before_a_break_downwards_is_a_block():
    assert counts([DOWN, UP, DOWN, DOWN], {3: (-2, 0)}) == ([0] * 4, [0, 0, 0, 1])


def test_a_down_bar_before_the_broken_swing_is_none():
    assert counts([DOWN, UP, UP, UP], {3: (1, 1)})[0] == [0, 0, 0, 0]


def test_the_breaking_bar_itself_is_none():
    assert counts([UP, UP, UP, DOWN], {3: (1, 0)})[0] == [0, 0, 0, 0]


def test_a_block_lasts_until_a_close_below_it():
    wick, below = (10, 12, 8, 11), (10, 11, 8, 8.5)
    rows = [UP, DOWN, UP, UP, wick, below, UP]
    assert counts(rows, {3: (1, 0)})[0] == [0, 0, 0, 1, 1, 0, 0]


def test_a_block_is_forgotten_in_time():
    assert counts([UP, DOWN, UP, UP, UP, UP], {3: (1, 0)}, life=2)[0][3:] == [1, 1, 0]


def test_two_breaks_that_lead_to_one_bar_make_one_block():
    rows = [UP, DOWN, UP, UP, UP]
    assert counts(rows, {2: (1, 0), 4: (1, 1)})[0] == [0, 0, 1, 1, 1]
