from decimal import Decimal

from accounts.domain.equity import together, with_flows
from accounts.domain.performance import Equity, performance

D = Decimal


def test_money_paid_in_stands_at_the_next_value():
    assert with_flows(
        [(10, D(100)), (20, D(150)), (30, D(155))], [(5, D(100)), (15, D(50))]
    ) == [Equity(10, D(100)), Equity(20, D(150), D(50)), Equity(30, D(155))]


def test_an_account_that_joins_later_is_no_profit():
    curve = together(
        [
            [Equity(1, D(100)), Equity(2, D(110)), Equity(3, D(110))],
            [Equity(2, D(1000)), Equity(3, D(1112))],
        ]
    )
    assert curve == [
        Equity(1, D(100)),
        Equity(2, D(1110), D(1000)),
        Equity(3, D(1222)),
    ]
    told = performance(curve)
    assert round(told.total_return, 12) == round(1.1 * 1222 / 1110 - 1, 12)


def test_an_account_that_was_not_looked_at_keeps_its_last_value():
    curve = together([[Equity(1, D(5)), Equity(3, D(7))], [Equity(2, D(1), D(0))]])
    assert [(one.at, one.value, one.flow) for one in curve] == [
        (1, D(5), D(0)),
        (2, D(6), D(1)),
        (3, D(8), D(0)),
    ]


def test_nothing_is_nothing():
    assert together([]) == []
    assert with_flows([], [(1, D(1))]) == []
