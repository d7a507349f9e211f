"""Events of what conditional orders became, in whatever order the exchange tells them."""

from decimal import Decimal
from itertools import permutations

import pytest

from accounts.domain.exchange import BalanceNews, FillNews, OrderNews, OrderRef
from accounts.gateways.children import WAIT_SECONDS, Children

D = Decimal


def algo(status, child=None, symbol="BTCUSDT"):
    ref = OrderRef(symbol, "stop", child, algo=True, algo_id=9)
    return OrderNews(
        ref, status, "SELL", "STOP_MARKET", D(1), D(0), D(0), 1, triggered_id=child
    )


def order(status="filled", client_id="theirs", number=72, side="SELL"):
    ref = OrderRef("BTCUSDT", client_id, number)
    return OrderNews(ref, status, side, "MARKET", D(1), D(1), D(90), 2)


FILL = FillNews("BTCUSDT", 5, 72, "SELL", D(1), D(90), 2, client_id="theirs")


def names(told):
    return {
        one.client_id if isinstance(one, FillNews) else one.ref.client_id
        for one in told
        if not isinstance(one, BalanceNews)
    }


@pytest.mark.parametrize(
    "news", list(permutations([algo("new", 72), order("new"), order(), FILL]))
)
def test_whatever_comes_first_all_of_it_is_the_conditionals(news):
    children = Children()
    told = children.told(algo("held"), 0.0)
    for one in news:
        told += children.told(one, 0.5)
    assert len(told) + len(children.overdue(9.0)) == 5
    if news[0] is not FILL:
        assert names(told) == {"stop"}


def test_other_news_does_not_wait():
    children = Children()
    children.told(algo("held"), 0.0)
    balance = BalanceNews("USDT", D(1), 1)
    buy = order(side="BUY", client_id="else", number=80)
    assert children.told(balance, 0.0) == [balance]
    assert children.told(buy, 0.0) == [buy]


def test_our_own_orders_do_not_wait_beside_a_stop():
    children = Children()
    children.told(algo("held"), 0.0)
    children.know("ours")
    mine = order(client_id="ours", number=73)
    assert children.told(mine, 0.0) == [mine]


def test_what_nobody_names_is_somebody_elses_after_a_moment():
    children = Children()
    children.told(algo("held"), 0.0)
    news = [order("new"), order(), FILL]
    assert [told for one in news for told in children.told(one, 0.0)] == []
    assert children.overdue(WAIT_SECONDS / 2) == []
    assert children.overdue(WAIT_SECONDS) == news
    again = order("canceled")
    assert children.told(again, 2.0) == [again]


def test_without_a_conditional_nothing_ever_waits():
    children = Children()
    children.told(algo("held"), 0.0)
    children.told(algo("canceled"), 0.0)
    assert children.told(order(), 0.0) == [order()]
