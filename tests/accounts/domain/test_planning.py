"""What an order becomes: the gate's reasons, shares, and who gets none."""

from dataclasses import replace
from decimal import Decimal

import pytest

from accounts.domain.distribution import Participant
from accounts.domain.planning import (
    AccountFacts,
    Holding,
    Surroundings,
    Wanted,
    plan_order,
)
from accounts.domain.rules import SymbolRules
from core.errors import InvalidInput
from risk.domain.gate import AccountState, Limits, QuoteAge

RULES = SymbolRules(
    "BTCUSDT", tick=Decimal("0.1"), step=Decimal("0.001"), min_notional=Decimal(5)
)
AROUND = Surroundings(
    rules=RULES, quote=QuoteAge(Decimal(100), 0.5), state="ACTIVE", limits=Limits()
)
BUY = Wanted("BTCUSDT", "BUY", Decimal(1))
CLOSE = replace(BUY, side="SELL", reduce_only=True)


def account(name, weight=1, **changes):
    person = Participant(
        name, Decimal(str(weight)), free_margin=Decimal(1000), leverage=Decimal(10)
    )
    return AccountFacts(person, AccountState(name), **changes)


def shares(plan):
    return {one.account: one.quantity for one in plan.distribution.shares}


def test_weights_divide_as_published():
    plan = plan_order(BUY, [account("a", 1.5), account("b", 1.0)], AROUND)
    assert shares(plan) == {"a": Decimal("0.6"), "b": Decimal("0.4")}
    assert plan.codes == ()
    assert len(plan.takers) == 2


def test_what_holds_for_all_refuses_all_and_says_every_reason():
    around = replace(
        AROUND,
        state="HALTED",
        quote=QuoteAge(Decimal(100), 60),
        limits=Limits(max_notional=Decimal(50)),
        may_trade=False,
    )
    plan = plan_order(BUY, [account("a"), account("b")], around)
    assert set(plan.codes) == {"halted", "no_role", "stale_quote", "max_notional"}
    assert plan.takers == ()
    assert plan.distribution.left == 1


def test_an_account_that_may_not_leaves_its_share_to_the_others():
    shut = replace(account("b"), state=AccountState("b", reconciled=False))
    plan = plan_order(BUY, [account("a"), shut], AROUND)
    assert shares(plan) == {"a": Decimal(1), "b": Decimal(0)}
    assert plan.codes == ("account_not_reconciled",)


def test_a_position_mode_that_does_not_fit_is_told():
    plan = plan_order(BUY, [account("a"), account("b", hedge=True)], AROUND)
    assert shares(plan) == {"a": Decimal(1), "b": Decimal(0)}
    assert "hedge mode" in plan.distribution.shares[1].reason
    long = replace(BUY, position_side="LONG")
    plan = plan_order(long, [account("a"), account("b", hedge=True)], AROUND)
    assert shares(plan) == {"a": Decimal(0), "b": Decimal(1)}


def test_what_only_reduces_passes_a_halt_and_takes_no_more_than_is_held():
    around = replace(AROUND, state="HALTED", quote=QuoteAge(None, None))
    held = Holding("BOTH", Decimal("0.3"), Decimal(90))
    plan = plan_order(CLOSE, [account("a", holdings=(held,)), account("b")], around)
    assert shares(plan) == {"a": Decimal("0.3"), "b": Decimal(0)}
    assert plan.codes == ()
    assert plan.price == 90


def test_selling_a_long_in_hedge_mode_reduces_without_the_word():
    around = replace(AROUND, state="REDUCING")
    held = (Holding("LONG", Decimal("0.4")), Holding("SHORT", Decimal(-1)))
    person = account("a", hedge=True, holdings=held)
    wanted = Wanted("BTCUSDT", "SELL", Decimal(1), position_side="LONG")
    assert shares(plan_order(wanted, [person], around)) == {"a": Decimal("0.4")}
    opening = replace(wanted, side="BUY")
    assert plan_order(opening, [person], around).codes == ("reducing",)


def test_a_limit_order_is_worth_its_limit():
    around = replace(AROUND, limits=Limits(max_notional=Decimal(150)))
    limit = replace(BUY, price=Decimal(200))
    plan = plan_order(limit, [account("a")], around)
    assert plan.codes == ("max_notional",)
    assert plan.price == 200


def test_a_price_off_the_grid_is_refused_before_anybody_is_asked():
    with pytest.raises(InvalidInput, match="multiple"):
        plan_order(replace(BUY, price=Decimal("100.05")), [account("a")], AROUND)
