"""What the gate lets pass."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput
from risk.domain.gate import STATES, AccountState, Limits, OrderIntent, QuoteAge, judge

D = Decimal
GOOD = QuoteAge(D(100), 1.0)


def codes(intent=None, account=None, quote=GOOD, state="ACTIVE", limits=None):
    return judge(
        intent or OrderIntent("BTCUSDT", D(1)),
        account=account or AccountState("a"),
        quote=quote,
        state=state,
        limits=limits or Limits(),
    ).codes


def test_an_ordinary_order_passes():
    assert codes() == ()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"state": "HALTED"}, "halted"),
        ({"state": "REDUCING"}, "reducing"),
        ({"intent": OrderIntent("X", D(1), may_trade=False)}, "no_role"),
        ({"account": AccountState("a", enabled=False)}, "account_disabled"),
        ({"account": AccountState("a", can_trade=False)}, "no_permission"),
        ({"account": AccountState("a", reconciled=False)}, "account_not_reconciled"),
        ({"account": AccountState("a", mode_refusal="not live")}, "mode_refused"),
        ({"quote": QuoteAge(None, None)}, "no_quote"),
        ({"quote": QuoteAge(D(0), 1.0)}, "no_quote"),
        ({"quote": QuoteAge(D(100), 5.1)}, "stale_quote"),
        ({"intent": OrderIntent("X", D("1000.01"))}, "max_notional"),
        ({"intent": OrderIntent("X", D("-1000.01"))}, "max_notional"),
    ],
)
def test_each_rule_has_its_code(given, code):
    assert codes(**given) == (code,)


def test_every_broken_rule_is_told_at_once():
    found = codes(
        intent=OrderIntent("X", D(10_000), may_trade=False),
        account=AccountState("a", enabled=False),
        quote=QuoteAge(D(100), 60.0),
        state="HALTED",
    )
    assert found == (
        "no_role",
        "account_disabled",
        "halted",
        "stale_quote",
        "max_notional",
    )


@given(st.sampled_from(STATES), st.booleans(), st.floats(0, 1e6))
def test_a_reducing_order_always_passes_the_state_and_the_price(state, enabled, age):
    found = codes(
        intent=OrderIntent("X", D(10_000), reduce_only=True),
        account=AccountState("a", enabled=enabled),
        quote=QuoteAge(D(100), age),
        state=state,
    )
    assert found == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_notional", D(0)),
        ("max_notional", D("NaN")),
        ("max_notional", D("1E+15")),
        ("quote_age_seconds", 0.0),
    ],
)
def test_a_limit_must_be_a_number_above_zero(name, value):
    with pytest.raises(InvalidInput) as caught:
        Limits(**{name: value})
    assert caught.value.field == name
