import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.scanner.outcomes import Fees, net_return

prices = st.floats(0.01, 1e6)


def test_a_round_trip_costs_both_sides():
    assert Fees(5, 1).round_trip == pytest.approx(0.0012)
    assert Fees(0, 0).round_trip == 0


@given(prices, prices, st.floats(0, 50), st.floats(0, 50))
def test_long_and_short_together_lose_both_their_fees(entry, leave, fee, slip):
    fees = Fees(fee, slip)
    both = net_return("long", entry, leave, fees) + net_return(
        "short", entry, leave, fees
    )
    assert both == pytest.approx(-2 * fees.round_trip, abs=1e-9 * (1 + leave / entry))


def test_by_hand():
    assert net_return("long", 200.0, 210.0, Fees(5, 1)) == pytest.approx(0.05 - 0.0012)
    assert net_return("short", 200.0, 210.0, Fees(5, 1)) == pytest.approx(
        -0.05 - 0.0012
    )
