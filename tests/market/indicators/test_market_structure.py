import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.indicators.market_structure import (
    NO_BAR,
    STRUCTURE_EVENTS,
    find_structure,
)
from market.indicators.swings import Swings

NAN = float("nan")


def found(close, highs=None, lows=None):
    """Structure of closes; swings by confirming bar, standing one bar earlier."""
    prices = [np.full(len(close), NAN) for _ in range(2)]
    for column, swings in zip(prices, (highs or {}, lows or {}), strict=True):
        for bar, price in swings.items():
            column[bar] = price
    return find_structure(np.array(close, float), Swings(1, *prices))


def events(structure):
    return [STRUCTURE_EVENTS[code] for code in structure.events.tolist()]


def test_without_a_break_the_structure_is_neutral():
    structure = found([5, 6, 7, 6], highs={1: 9})
    assert structure.directions.tolist() == [0, 0, 0, 0]
    assert events(structure) == ["none"] * 4


def test_the_first_break_is_a_break_of_structure():
    structure = found([5, 6, 10, 11], highs={1: 9})
    assert events(structure) == ["none", "none", "bos_up", "none"]
    assert structure.directions.tolist() == [0, 0, 1, 1]
    assert structure.origins.tolist() == [NO_BAR, NO_BAR, 0, NO_BAR]


def test_a_close_at_the_level_breaks_nothing():
    assert events(found([5, 6, 9], highs={1: 9})) == ["none"] * 3


def test_a_break_against_the_structure_is_a_change_of_character():
    structure = found([5, 6, 10, 8, 6], highs={1: 9}, lows={3: 7})
    assert events(structure)[2:] == ["bos_up", "none", "choch_down"]
    assert structure.directions.tolist() == [0, 0, 1, 1, -1]
    assert structure.origins[4] == 2


def test_a_break_with_the_structure_is_one_of_structure_again():
    assert events(found([5, 6, 10, 8, 12], highs={1: 9, 3: 11}))[4] == "bos_up"


def test_the_newest_swing_is_the_level():
    assert events(found([5, 6, 6, 8], highs={1: 9, 2: 7}))[3] == "bos_up"


def test_of_two_broken_levels_the_newer_swing_counts_and_both_are_used_up():
    # The low of 9 stands at bar 1, the high of 7 at bar 2; bar 3 closes between them.
    up = found([9, 9, 9, 8, 8], highs={3: 7}, lows={2: 9})
    assert events(up) == ["none", "none", "none", "bos_up", "none"]
    down = found([6, 6, 6, 8, 8], highs={2: 7}, lows={3: 9})
    assert events(down) == ["none", "none", "none", "bos_down", "none"]


@settings(deadline=None)
@given(st.lists(st.integers(1, 9), min_size=5, max_size=40), st.data())
def test_mirrored_prices_give_the_mirrored_structure(close, data):
    bars = st.dictionaries(st.integers(0, len(close) - 1), st.integers(1, 9))
    highs, lows = data.draw(bars), data.draw(bars)
    # A bar that confirms both would make "newer" a tie.
    lows = {bar: price for bar, price in lows.items() if bar not in highs}
    up = found(close, highs, lows)
    down = found(
        [-x for x in close],
        {bar: -price for bar, price in lows.items()},
        {bar: -price for bar, price in highs.items()},
    )
    assert (up.directions == -down.directions).all()
    assert (up.events == -down.events).all()


@pytest.mark.parametrize("side", [1, -1])
def test_a_level_is_broken_once(side):
    structure = found(
        [side * x for x in (5, 6, 10, 8, 10)],
        **{"highs" if side > 0 else "lows": {1: side * 9}},
    )
    assert np.count_nonzero(structure.events) == 1
