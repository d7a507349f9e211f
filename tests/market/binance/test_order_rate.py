"""How many orders may go: never more in any window than the exchange allows."""

from hypothesis import given
from hypothesis import strategies as st

from market.binance.order_rate import OrderRate
from tests.clock import FakeClock


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5)), min_size=1, max_size=60)
)
def test_no_window_ever_has_more_orders_than_its_limit(steps):
    clock = FakeClock()
    rate = OrderRate(clock, {2: 6, 5: 10})
    sent = []
    for tenths, orders in steps:
        clock.move(tenths / 10)
        if rate.take(orders) == 0:
            sent.append((clock.monotonic(), orders))
    for end, _ in sent:
        for seconds, limit in ((2, 6), (5, 10)):
            inside = [n for at, n in sent if 0 <= end - at < seconds - 1e-9]
            assert sum(inside) <= limit


def test_after_the_wait_that_is_told_the_orders_go():
    clock = FakeClock()
    rate = OrderRate(clock, {10: 3})
    assert [rate.take(), rate.take(2)] == [0, 0]
    clock.move(4)
    assert rate.take(3) == 6
    clock.move(6)
    assert rate.take(3) == 0


def test_the_exchanges_higher_count_counts_and_a_lower_one_does_not():
    clock = FakeClock()
    rate = OrderRate(clock, {10: 5, 60: 100})
    assert rate.take() == 0
    rate.heard({"X-MBX-ORDER-COUNT-10S": "4", "X-MBX-ORDER-COUNT-1M": "1"})
    assert rate.take() == 0
    assert rate.take() == 10
    rate.heard({"X-MBX-ORDER-COUNT-10S": "many"})
