"""Funding and liquidation."""

import contextlib
from collections import Counter
from decimal import Decimal as D

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.simulator.accounts import asked
from market.simulator.accounts.terms import maintenance
from market.simulator.derivatives import FUNDING_PERIOD
from market.simulator.errors import ApiError, SimulatorError
from market.simulator.queries import Query
from tests.market.simulator.accounts.conftest import trader_of
from tests.market.simulator.stage import Stage


async def test_funding_is_paid_by_the_rate_at_the_mark_and_noted(trader, side):
    await trader.place(quantity="0.5")
    account = trader.account
    before = account.wallet
    account.funded_period -= 1
    period = account.funded_period + 1
    rate, mark = side.view.funding("BTCUSDT", period)
    side._upkeep.money(account)
    paid = (D("0.5") * mark * rate).quantize(D("0.00000001"))
    assert account.wallet == before - paid
    assert account.incomes[-1].amount == -paid
    assert (account.incomes[-1].kind, account.funded_period) == ("FUNDING_FEE", period)
    assert period == side.view.now_ms // FUNDING_PERIOD


async def test_a_position_without_margin_is_closed_by_an_order_of_the_exchange(client):
    trader = trader_of(client, balance=D(1_000))
    side = client.simulator.accounts
    async with trader.listening() as socket:
        await trader.place(quantity="0.1")
        account = trader.account
        await trader.hear(socket, "TRADE")
        notional = D("0.1") * side.view.mark("BTCUSDT")
        holding = account.holdings["BTCUSDT BOTH"]
        profit = holding.amount * side.view.mark("BTCUSDT") - holding.cost
        account.wallet = maintenance(notional) - profit - 1
        side._upkeep.money(account)
        heard = await trader.hear(socket, "CALCULATED")
    assert holding.amount == 0
    order = heard[-1]["o"]
    assert order["c"].startswith("autoclose-")
    assert (order["X"], order["l"], order["z"]) == ("FILLED", "0.1", "0.1")
    trade = account.trades[-1]
    assert (order["t"], D(order["rp"])) == (trade.number, trade.profit)


async def test_what_a_liquidation_takes_below_zero_the_insurance_pays_and_it_is_told(
    client,
):
    trader = trader_of(client, balance=D(1_000))
    side = client.simulator.accounts
    async with trader.listening() as socket:
        await trader.place(quantity="0.05")
        await trader.hear(socket, "TRADE")
        trader.account.holdings["BTCUSDT BOTH"].cost += 2_000
        side._upkeep.money(trader.account)
        side.save()
        heard = await trader.hear(socket, "CALCULATED")
        heard += await trader.hear(socket, "ACCOUNT_UPDATE")
    assert trader.account.wallet == 0
    last = trader.account.incomes[-1]
    assert last.kind == "INSURANCE_CLEAR"
    assert sum(one.amount for one in trader.account.incomes) == 0
    told = heard[-1]["a"]
    assert told["m"] == "INSURANCE_CLEAR"
    assert (told["B"][0]["wb"], D(told["B"][0]["bc"])) == ("0", last.amount)


async def test_a_gain_beside_a_loss_counts_before_the_insurance_does(client):
    trader = trader_of(client, balance=D(1_000), hedge=True)
    side, account = client.simulator.accounts, trader.account
    await trader.place(quantity="0.05", positionSide="LONG")
    await trader.place("SELL", quantity="0.05", positionSide="SHORT")
    account.holdings["BTCUSDT LONG"].cost += 3_000
    account.holdings["BTCUSDT SHORT"].cost -= 2_020
    side._upkeep.money(account)
    assert not any(one.amount for one in account.holdings.values())
    assert 0 < account.wallet < 20
    assert "INSURANCE_CLEAR" not in {one.kind for one in account.incomes}


async def test_an_isolated_position_takes_no_more_than_its_own_margin(client):
    trader = trader_of(client)
    side = client.simulator.accounts
    await trader.ok(
        "POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED"
    )
    await trader.place(quantity="0.1")
    holding = trader.account.holdings["BTCUSDT BOTH"]
    others = trader.account.wallet - holding.isolated
    holding.cost += 2 * holding.isolated
    side._upkeep.money(trader.account)
    assert holding.amount == 0
    assert trader.account.wallet == others
    assert trader.account.incomes[-1].kind == "INSURANCE_CLEAR"


async def test_a_margin_call_is_said_once(client):
    trader = trader_of(client, balance=D(1_000))
    side = client.simulator.accounts
    async with trader.listening() as socket:
        await trader.place(quantity="0.1")
        holding = trader.account.holdings["BTCUSDT BOTH"]
        mark = side.view.mark("BTCUSDT")
        profit = holding.amount * mark - holding.cost
        trader.account.wallet = maintenance(holding.amount * mark) * D("1.1") - profit
        side._upkeep.money(trader.account)
        side._upkeep.money(trader.account)
        heard = await trader.hear(socket, "MARGIN_CALL")
        trader.account.wallet = D(1_000)
        await trader.place(quantity="0.01")
        heard += await trader.hear(socket, "TRADE")
    (call,) = [one for one in heard if one["e"] == "MARGIN_CALL"]
    (row,) = call["p"]
    assert D(row["mm"]) == maintenance(D("0.1") * D(row["mp"]))


async def test_money_brought_in_is_told_and_noted(trader, side):
    async with trader.listening() as socket:
        side.transfer(trader.account.key, D(-2_500))
        (told,) = await trader.hear(socket, "ACCOUNT_UPDATE")
    assert (told["a"]["m"], told["a"]["P"]) == ("WITHDRAW", [])
    assert told["a"]["B"] == [{"a": "USDT", "wb": "7500", "cw": "7500", "bc": "-2500"}]
    with pytest.raises(SimulatorError, match="the wallet has 7500"):
        side.transfer(trader.account.key, D(-7_501))


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["BUY", "SELL", "fund", "in"]),
        st.integers(1, 80),
        st.integers(0, 2),
    ),
    max_size=12,
)


@given(ACTS)
@settings(max_examples=25, deadline=None)
def test_a_wallet_is_all_that_its_income_tells_of(acts):
    """Start + realised + funding - fees (+ transfers), to the last digit."""
    stage = Stage(symbols=3)
    side = stage.engine.accounts
    account = side.open(balance=D(100_000))
    names = list(side.view.names)
    for kind, size, which in acts:
        name = names[which]
        if kind == "in":
            side.transfer(account.key, D(size))
        elif kind == "fund":
            account.funded_period -= 1
            side._upkeep.money(account)
        else:
            step = side.view.terms(name).step
            count = (D(size * 100) / side.view.mark(name) / step).to_integral_value()
            order = {"symbol": name, "side": kind, "type": "MARKET"}
            with contextlib.suppress(ApiError):
                wanted = asked.order(Query({**order, "quantity": str(count * step)}))
                side.desk.place(account, wanted)
    assert account.wallet == sum(one.amount for one in account.incomes)
    fees = sum(one.fee for one in account.trades)
    profits = sum(one.profit for one in account.trades)
    by_kind = Counter()
    for one in account.incomes:
        by_kind[one.kind] += one.amount
    assert (by_kind["COMMISSION"], by_kind["REALIZED_PNL"]) == (-fees, profits)
