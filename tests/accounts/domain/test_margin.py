"""What can still be bound: exact, and rather too little than too much."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from accounts.domain.margin import Bound, free_margin

D = Decimal
money = st.decimals("0", "100000", places=2)
bounds = st.builds(
    Bound,
    notional=money,
    leverage=st.integers(1, 125),
    profit=st.decimals("-1000", "1000", places=2),
    isolated=money,
)


def test_positions_and_orders_bind_by_their_leverage():
    bound = [Bound(D(1000), 20), Bound(D(500), 5)]
    assert free_margin(D(300), bound) == 150


def test_a_loss_counts_a_profit_does_not():
    assert free_margin(D(100), [Bound(D(0), 1, profit=D(-30))]) == 70
    assert free_margin(D(100), [Bound(D(0), 1, profit=D(30))]) == 100


def test_margin_that_was_put_aside_counts_when_it_is_more():
    assert free_margin(D(100), [Bound(D(100), 10, isolated=D(25))]) == 75


@given(money, st.lists(bounds, max_size=5), bounds)
def test_binding_more_never_frees_anything(wallet, bound, more):
    before = free_margin(wallet, bound)
    lossless = Bound(more.notional, more.leverage, isolated=more.isolated)
    assert 0 <= free_margin(wallet, [*bound, lossless]) <= before <= wallet
