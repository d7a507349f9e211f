"""A paper account: what orders, prices and time do to it, to the last digit."""

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accounts.domain.exchange import (
    BalanceNews,
    FillNews,
    NewOrder,
    OrderNews,
    PositionNews,
)
from accounts.domain.paper import PaperBook, PaperCosts
from accounts.domain.paper_account import PaperAccount
from accounts.domain.paper_motion import (
    FUNDING_MS,
    advance,
    funding,
    liquidated,
    liquidation,
)
from accounts.domain.paper_news import order_news
from accounts.domain.paper_records import (
    Began,
    Configured,
    Ended,
    Kept,
    Settled,
    from_document,
    to_document,
)
from accounts.domain.paper_rules import amend, place
from accounts.domain.paper_terms import Glance, Refusal, Terms, Tick
from accounts.domain.rules import SymbolRules

D = Decimal
RULES = SymbolRules("BTCUSDT", tick=D("0.1"), step=D("0.001"), min_notional=D(5))
FREE = PaperCosts(D(0), D(0), D(0), 0)


def glance(
    bid=99, ask=101, *, depth=10, last=100, at=10, trades=(), mark=None, rate=None
):
    """A market with 10 units on each side, and deeper ones behind."""
    bids = [(D(bid), D(depth)), (D(bid) - 1, D(depth * 10))]
    asks = [(D(ask), D(depth)), (D(ask) + 1, D(depth * 10))]
    book = PaperBook(bids, asks, at)
    ticks = tuple(Tick(n, at, D(str(p)), D(str(q))) for n, at, p, q in trades)
    return Glance(book, D(last), None if mark is None else D(mark), rate, ticks)


class Desk:
    """An account with what was told of it; ``at`` is the time of the next decision."""

    def __init__(self, wallet=10_000, costs=FREE):
        self.account, self.costs, self.at = PaperAccount(), costs, 1
        self.records, self.told = [], []
        self.do([Began(1, D(wallet))])

    def terms(self, prices=None):
        return Terms(RULES, self.costs, self.at, prices or {})

    def do(self, decided):
        if isinstance(decided, Refusal):
            return decided
        for record in decided:
            self.records.append(record)
            self.told += self.account.apply(record)
        return decided

    def place(
        self,
        client_id="a",
        side="BUY",
        kind="LIMIT",
        quantity=1,
        price=0,
        where=None,
        prices=None,
        **more,
    ):
        order = NewOrder(
            client_id, "BTCUSDT", side, kind, D(str(quantity)), D(str(price)), **more
        )
        done = self.do(
            place(self.account, order, where or glance(), self.terms(prices))
        )
        return done if isinstance(done, Refusal) else self.account.order(client_id)

    def moves(self, where, prices=None):
        pool = {}
        for order in self.account.open_orders():
            self.do(advance(self.account, order, where, pool, self.terms(prices)))

    def of(self, kind):
        return [news for news in self.told if isinstance(news, kind)]

    @property
    def held(self):
        return self.account.position("BTCUSDT", "BOTH").quantity


# -- at once ------------------------------------------------------------------------------


def test_a_market_order_walks_the_book_and_pays_its_fee():
    desk = Desk(costs=PaperCosts(taker_bps=D(10), slippage_bps=D(0)))
    order = desk.place(kind="MARKET", quantity=12)
    assert (order.status, order.filled) == ("filled", D(12))
    assert order.cost == 10 * 101 + 2 * 102
    assert desk.account.state.wallet == D(10_000) - D("1.214")
    assert [fill.fee for fill in desk.of(FillNews)] == [D("1.01"), D("0.204")]
    assert desk.of(PositionNews)[-1].entry == D(1214) / 12
    kinds = [type(news) for news in desk.told[-4:]]
    assert kinds == [BalanceNews, PositionNews, OrderNews, FillNews]


def test_what_the_book_does_not_hold_expires():
    order = Desk(wallet=1_000_000).place(kind="MARKET", quantity=200)
    assert (order.status, order.filled) == ("expired", D(110))


def test_a_limit_order_takes_what_it_can_and_rests():
    desk = Desk()
    order = desk.place(quantity=15, price=101)
    assert (order.status, order.filled, order.left) == ("partially_filled", D(10), D(5))
    assert (
        desk.place("b", quantity=15, price=101, time_in_force="IOC").status == "expired"
    )


def test_profit_is_realised_against_the_average_cost():
    desk = Desk()
    desk.place("a", kind="MARKET", quantity=10)
    desk.place(
        "b", side="SELL", kind="MARKET", quantity=4, where=glance(bid=111, ask=112)
    )
    assert desk.account.state.wallet == D(10_000) + 4 * 10
    assert desk.of(FillNews)[-1].realised == D(40)
    kinds = [(row.kind, row.amount) for row in desk.account.state.incomes]
    assert kinds == [("REALIZED_PNL", D(40))]


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"kind": "LIMIT", "price": 0}, -1013),
        ({"kind": "LIMIT", "price": "100.05"}, -1013),
        ({"kind": "LIMIT", "price": 100, "quantity": "0.0001"}, -1013),
        ({"kind": "LIMIT", "price": 100, "quantity": "0.01"}, -1013),
        ({"kind": "MARKET", "position_side": "LONG"}, -4061),
        ({"kind": "MARKET", "reduce_only": True}, -2022),
        ({"kind": "MARKET", "quantity": 100_000}, -2019),
        ({"kind": "LIMIT", "price": 101, "time_in_force": "GTX"}, -5022),
        (
            {"kind": "LIMIT", "price": 101, "quantity": 11, "time_in_force": "FOK"},
            -5021,
        ),
        ({"kind": "STOP_MARKET", "stop_price": D(100)}, -2021),
        ({"kind": "TAKE_PROFIT_MARKET", "stop_price": D(100)}, -2021),
        ({"kind": "STOP_MARKET", "stop_price": D(0)}, -1013),
        ({"kind": "STOP", "stop_price": D(110)}, -1013),
        ({"kind": "TRAILING_STOP_MARKET", "callback_rate": D(11)}, -1013),
    ],
)
def test_what_an_exchange_refuses_is_refused_with_its_number(order, code):
    desk = Desk()
    refusal = desk.place(**order)
    assert isinstance(refusal, Refusal)
    assert refusal.code == code
    assert len(desk.records) == 1


def test_a_resting_order_binds_margin_until_it_ends():
    desk = Desk(wallet=100)
    desk.place("a", quantity=15, price=90)  # binds 67.5 at 20 times
    assert desk.account.available({}) == D("32.5")
    assert desk.place("b", quantity=15, price=90).code == -2019
    desk.do([Ended(2, "a", "canceled")])
    assert desk.place("b", quantity=15, price=90).status == "new"


def test_leverage_decides_how_much_margin_is_needed():
    desk = Desk(wallet=100)
    desk.do([Configured(1, "BTCUSDT", leverage=1)])
    assert desk.place(quantity=2, price=90).code == -2019


def test_in_hedge_mode_both_sides_are_held_and_neither_goes_beyond_zero():
    desk = Desk()
    desk.do([Configured(1, hedge=True)])
    assert desk.place(kind="MARKET").code == -4061
    desk.place("a", kind="MARKET", quantity=2, position_side="LONG")
    desk.place("b", side="SELL", kind="MARKET", quantity=3, position_side="SHORT")
    order = desk.place(
        "c", side="SELL", kind="MARKET", quantity=5, position_side="LONG"
    )
    assert (order.status, order.filled, order.reason) == (
        "expired",
        D(2),
        "the position is closed",
    )
    assert desk.account.position("BTCUSDT", "LONG").quantity == 0
    assert desk.account.position("BTCUSDT", "SHORT").quantity == D(-3)


# -- as the market moves --------------------------------------------------------------------


def test_trades_through_the_limit_fill_a_resting_order_at_its_price():
    desk = Desk(costs=PaperCosts(maker_bps=D(2), taker_bps=D(5), slippage_bps=D(0)))
    desk.place(quantity=3, price=95)
    desk.moves(glance(trades=[(1, 20, 95, 9), (2, 21, 94, 1), (3, 22, "94.9", 5)]))
    order = desk.account.order("a")
    assert (order.status, order.cost) == ("filled", D(285))
    fills = desk.of(FillNews)
    assert [(fill.quantity, fill.maker) for fill in fills] == [
        (D(1), True),
        (D(2), True),
    ]
    assert sum(fill.fee for fill in fills) == D(285) * D("0.0002")


def test_one_trade_does_not_fill_two_orders_twice():
    desk = Desk()
    desk.place("a", quantity=2, price=95)
    desk.place("b", quantity=2, price=95)
    desk.moves(glance(trades=[(1, 20, 94, 3)]))
    assert desk.account.order("a").filled == 2
    assert desk.account.order("b").filled == 1


def test_trades_from_before_the_order_fill_nothing():
    desk = Desk()
    desk.at = 50
    desk.place(quantity=1, price=95)
    desk.moves(glance(at=50, trades=[(1, 49, 90, 9)]))
    assert desk.account.order("a").filled == 0


def test_a_book_beyond_the_limit_means_that_all_was_filled():
    desk = Desk()
    desk.place(quantity=500, price=95)
    desk.moves(glance(bid=93, ask=94, at=20))
    order = desk.account.order("a")
    assert (order.status, order.cost) == ("filled", D(500 * 95))


def test_a_stop_becomes_a_market_order_when_its_price_is_reached():
    desk = Desk()
    desk.place("a", kind="MARKET", quantity=2)
    stop = desk.place(
        "s",
        side="SELL",
        kind="STOP_MARKET",
        quantity=2,
        stop_price=D(95),
        reduce_only=True,
    )
    assert order_news(stop).status == "held"
    desk.moves(glance(last=96, at=20))
    assert desk.account.order("s").status == "held"
    desk.moves(glance(bid=94, ask=95, last=96, at=21, trades=[(1, 21, 95, 1)]))
    news = order_news(desk.account.order("s"))
    assert (news.status, news.average_price) == ("filled", D(94))
    assert news.ref.algo
    assert news.ref.exchange_id == news.triggered_id != news.ref.algo_id
    assert desk.held == 0


def test_a_target_with_a_limit_rests_after_its_trigger():
    desk = Desk()
    desk.place("a", kind="MARKET", quantity=2)
    desk.place(
        "t", side="SELL", kind="TAKE_PROFIT", quantity=2, price=112, stop_price=D(110)
    )
    desk.moves(glance(bid=109, ask=111, last=110, at=20))
    assert desk.account.order("t").status == "new"
    desk.moves(glance(bid=113, ask=114, last=113, at=21))
    assert desk.account.order("t").status == "filled"
    assert desk.account.state.wallet == D(10_000) + 2 * (112 - 101)


def test_a_stop_that_closes_the_position_takes_all_of_it_or_ends():
    desk = Desk()
    desk.place("a", kind="MARKET", quantity=7)
    desk.place(
        "s",
        side="SELL",
        kind="STOP_MARKET",
        quantity=0,
        stop_price=D(95),
        close_position=True,
    )
    desk.place(
        "z",
        side="SELL",
        kind="STOP_MARKET",
        quantity=0,
        stop_price=D(95),
        close_position=True,
    )
    desk.moves(glance(bid=94, ask=95, last=94, at=20))
    assert desk.account.order("s").filled == D(7)
    assert desk.account.order("z").status == "expired"
    assert desk.held == 0


@pytest.mark.parametrize(("side", "prices", "filled"), [
    ("SELL", [100, 110, 120, 119], False),
    ("SELL", [100, 110, 120, 114], True),
    ("BUY", [100, 90, 80, 83], False),
    ("BUY", [100, 90, 80, 84], True),
])  # fmt: skip
def test_a_trailing_stop_follows_the_best_price(side, prices, filled):
    desk = Desk()
    desk.place(
        "t", side=side, kind="TRAILING_STOP_MARKET", quantity=1, callback_rate=D(5)
    )
    for at, price in enumerate(prices, 20):
        desk.moves(glance(bid=price - 1, ask=price + 1, last=price, at=at))
    assert (desk.account.order("t").status == "filled") is filled


def test_a_trailing_stop_waits_for_its_activation():
    desk = Desk()
    desk.place(
        "t",
        side="SELL",
        kind="TRAILING_STOP_MARKET",
        stop_price=D(110),
        callback_rate=D(5),
    )
    for at, price in enumerate([100, 90, 109], 20):
        desk.moves(glance(bid=price - 1, ask=price + 1, last=price, at=at))
    assert desk.account.order("t").extreme == 0
    desk.moves(glance(bid=110, ask=112, last=111, at=30))
    desk.moves(glance(bid=104, ask=106, last=105, at=31))
    assert desk.account.order("t").status == "filled"


def test_an_amended_order_keeps_what_was_filled_and_may_fill_at_once():
    desk = Desk()
    desk.place(quantity=5, price=95)
    order = desk.account.order("a")
    where, terms = glance(at=20), desk.terms()
    assert amend(desk.account, order, D(5), D(95), where, terms).code == -5027
    assert amend(desk.account, order, D(5), D("95.01"), where, terms).code == -1013
    desk.do(amend(desk.account, order, D(20), D(101), where, terms))
    assert (order.status, order.filled, order.price) == (
        "partially_filled",
        D(10),
        D(101),
    )
    assert amend(desk.account, order, D(10), D(101), where, terms).code == -4003


def test_a_reducing_order_ends_with_its_position():
    desk = Desk()
    desk.place("a", kind="MARKET", quantity=2)
    desk.place("r", side="SELL", quantity=5, price=110, reduce_only=True)
    desk.moves(glance(bid=111, ask=112, last=111, at=20))
    assert desk.account.order("r").filled == 2
    desk.moves(glance(bid=111, ask=112, last=111, at=21))
    assert desk.account.order("r").status == "expired"
    assert desk.held == 0


# -- time and losses -------------------------------------------------------------------------


def test_longs_pay_shorts_at_every_funding_time_once():
    desk = Desk()
    desk.place(kind="MARKET", quantity=10)
    market = {"BTCUSDT": glance(mark=100, rate=D("0.0001"))}
    assert funding(desk.account, market, FUNDING_MS - 1) == []
    desk.do(funding(desk.account, market, FUNDING_MS + 5))
    assert desk.account.state.wallet == D(10_000) - D("0.1")
    assert funding(desk.account, market, FUNDING_MS + 9) == []
    desk.do(funding(desk.account, market, 3 * FUNDING_MS))
    assert desk.account.state.wallet == D(10_000) - D("0.3")
    assert [row.kind for row in desk.account.state.incomes] == ["FUNDING_FEE"] * 3


def test_funding_waits_for_a_rate_but_not_for_ever():
    desk = Desk()
    desk.place(kind="MARKET", quantity=10)
    assert funding(desk.account, {}, FUNDING_MS + 5) == []
    assert funding(desk.account, {}, FUNDING_MS + 700_000) == [Settled(FUNDING_MS)]


def test_an_account_without_margin_is_closed_by_the_exchange():
    desk = Desk(wallet=60)
    desk.place(kind="MARKET", quantity=10, prices={"BTCUSDT": D(101)})
    assert liquidation(desk.account, {"BTCUSDT": D(97)}) == ()
    (order,) = liquidation(desk.account, {"BTCUSDT": D(95)})
    assert order.client_id.startswith("autoclose-")
    desk.do(liquidated(desk.account, order, glance(bid=95), desk.terms()))
    assert desk.held == 0
    assert desk.of(OrderNews)[-1].liquidation
    assert liquidation(desk.account, {"BTCUSDT": D(95)}) == ()


def test_a_reset_cancels_and_flattens_and_numbers_go_on():
    desk = Desk()
    desk.place("a", kind="MARKET", quantity=2)
    desk.place("b", quantity=2, price=90)
    numbers = desk.account.state.next_number, desk.account.state.next_trade
    desk.do([Began(9, D(500))])
    assert desk.account.state.wallet == D(500)
    assert desk.of(PositionNews)[-1].quantity == 0
    assert desk.of(OrderNews)[-1].status == "canceled"
    assert (desk.account.state.next_number, desk.account.state.next_trade) == numbers


# -- whatever happens ------------------------------------------------------------------------

KINDS = st.sampled_from(
    ["LIMIT", "MARKET", "STOP_MARKET", "TAKE_PROFIT", "TRAILING_STOP_MARKET"]
)
STEPS = st.lists(
    st.tuples(
        KINDS,
        st.sampled_from(["BUY", "SELL"]),
        st.integers(1, 40),
        st.integers(90, 110),
        st.integers(92, 108),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_records_make_the_same_account_again_and_money_adds_up(steps):
    desk = Desk(costs=PaperCosts(taker_bps=D(5), maker_bps=D(2), slippage_bps=D(1)))
    for number, (kind, side, quantity, price, last, reduce) in enumerate(steps):
        desk.at = at = 10 + 10 * number
        where = glance(
            last - 1,
            last + 1,
            last=last,
            at=at,
            trades=[(number, at, last, 7)],
            mark=last,
            rate=D("0.001"),
        )
        prices = {"BTCUSDT": D(last)}
        desk.place(
            f"o-{number}", side, kind, quantity, price, where, prices, reduce_only=reduce,
            stop_price=D(price), callback_rate=D(1),
        )  # fmt: skip
        desk.moves(where, prices)
        if number % 7 == 6:
            desk.do(funding(desk.account, {"BTCUSDT": where}, FUNDING_MS * number))
    state = desk.account.state
    assert state.wallet == D(10_000) + sum(row.amount for row in state.incomes)
    bought = sum(f.quantity if f.side == "BUY" else -f.quantity for f in state.fills)
    assert desk.held == bought
    assert [row.trade_id for row in state.fills] == list(range(1, len(state.fills) + 1))
    again, kept = PaperAccount(), PaperAccount()
    for record in desk.records:
        again.apply(from_document(json.loads(json.dumps(to_document(record)))))
    assert again.state == state
    kept.apply(from_document(json.loads(json.dumps(to_document(Kept(1, state))))))
    assert kept.state == state
