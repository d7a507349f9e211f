"""Dividing one order over accounts."""

from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.domain.distribution import (
    STRATEGIES,
    Participant,
    distribute,
)
from accounts.domain.rules import SymbolRules
from core.errors import InvalidInput

D = Decimal
RULES = SymbolRules(
    "BTCUSDT",
    tick=D("0.1"),
    step=D("0.001"),
    min_quantity=D("0.001"),
    min_notional=D(5),
)
RICH = {"equity": D(1_000_000), "free_margin": D(1_000_000), "leverage": D(10)}


def split(quantity, *people, strategy="weighted", price="50000", **given):
    given.setdefault("rules", RULES)
    return distribute(
        quantity=D(quantity),
        price=D(price),
        participants=people,
        strategy=strategy,
        **given,
    )


def quantities(found):
    return {share.account: share.quantity for share in found.shares}


def reasons(found):
    return {share.account: share.reason for share in found.shares if share.reason}


def test_weights_of_three_to_two_give_sixty_and_forty_percent():
    found = split(
        "1.0", Participant("a", weight=D("1.5"), **RICH), Participant("b", **RICH)
    )
    assert quantities(found) == {"a": D("0.6"), "b": D("0.4")}
    assert found.left == 0


def test_equal_shares_give_the_odd_step_to_the_first_name():
    found = split(
        "0.1", *(Participant(name, **RICH) for name in "cab"), strategy="equal"
    )
    assert quantities(found) == {"a": D("0.034"), "b": D("0.033"), "c": D("0.033")}


def test_risk_based_follows_free_money_and_takes_from_who_has_lost():
    calm = Participant("calm", **RICH)
    lossy = Participant("lossy", drawdown=D("0.5"), **RICH)
    found = split("0.3", calm, lossy, strategy="risk_based")
    assert quantities(found) == {"calm": D("0.2"), "lossy": D("0.1")}


def test_an_account_without_enough_margin_takes_what_it_can_and_the_others_the_rest():
    poor = Participant("poor", equity=D(1000), free_margin=D(500), leverage=D(10))
    found = split("1", poor, Participant("rich", **RICH))
    assert quantities(found) == {"poor": D("0.1"), "rich": D("0.9")}
    assert found.shares[0].margin == D(500)
    assert found.shares[0].margin_after == 0


def test_a_share_below_the_least_order_goes_to_the_others():
    tiny = Participant("tiny", weight=D("0.00001"), **RICH)
    found = split("0.5", Participant("big", **RICH), tiny)
    assert quantities(found) == {"big": D("0.5"), "tiny": D(0)}
    assert "least order" in reasons(found)["tiny"]


def test_when_every_share_is_too_small_one_account_takes_all():
    found = split("0.001", *(Participant(name, **RICH) for name in "ab"))
    assert quantities(found) == {"a": D("0.001"), "b": D(0)}


def test_the_least_order_by_worth_is_kept_unless_it_only_reduces():
    people = [Participant("a", reducible=D(1), **RICH)]
    assert split("0.002", *people, price="1000").left == D("0.002")
    found = split("0.002", *people, price="1000", reduce_only=True)
    assert quantities(found) == {"a": D("0.002")}
    assert found.shares[0].margin == 0


def test_reducing_is_bounded_by_what_each_account_holds():
    found = split(
        "1",
        Participant("a", reducible=D("0.2"), **RICH),
        Participant("b", reducible=D("0.3"), **RICH),
        Participant("c", **RICH),
        reduce_only=True,
    )
    assert quantities(found) == {"a": D("0.2"), "b": D("0.3"), "c": D(0)}
    assert found.left == D("0.5")
    assert reasons(found) == {"c": "it has nothing to reduce"}


def test_a_blocked_account_gets_nothing_and_says_why():
    people = [Participant("a", blocked="no key", **RICH), Participant("b", **RICH)]
    found = split("1", *people)
    assert quantities(found) == {"a": D(0), "b": D(1)}
    assert reasons(found) == {"a": "no key"}


def test_nobody_able_leaves_everything():
    found = split("1", Participant("a", weight=D(0), **RICH), Participant("b"))
    assert found.left == 1
    assert reasons(found) == {"a": "its weight is 0", "b": "it has no free margin"}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"quantity": "0"}, "quantity"),
        ({"quantity": "NaN"}, "quantity"),
        ({"quantity": "1", "price": "0"}, "price"),
        ({"quantity": "1", "strategy": "lucky"}, "strategy"),
    ],
)
def test_bad_input_names_the_field(given, field):
    quantity = given.pop("quantity")
    with pytest.raises(InvalidInput) as caught:
        split(quantity, Participant("a", **RICH), **given)
    assert caught.value.field == field


def test_an_account_named_twice_is_refused():
    with pytest.raises(InvalidInput, match="twice"):
        split("1", Participant("a", **RICH), Participant("a", **RICH))


money = st.decimals(0, 100_000, places=2, allow_nan=False, allow_infinity=False)
shares = st.decimals(0, 1, places=3, allow_nan=False, allow_infinity=False)
people = st.lists(
    st.builds(
        Participant,
        account=st.sampled_from([f"account-{n}" for n in range(12)]),
        weight=st.decimals(0, 10, places=3, allow_nan=False, allow_infinity=False),
        equity=money,
        free_margin=money,
        leverage=st.integers(1, 50).map(D),
        drawdown=shares,
        blocked=st.sampled_from(["", "", "", "paused"]),
        reducible=st.decimals(0, 5, places=3, allow_nan=False, allow_infinity=False),
    ),
    max_size=12,
    unique_by=lambda one: one.account,
)
rules = st.builds(
    SymbolRules,
    symbol=st.just("X"),
    tick=st.just(D("0.1")),
    step=st.sampled_from([D("0.001"), D("0.01"), D("0.1"), D(1), D("0.05")]),
    min_quantity=st.sampled_from([D(0), D("0.001"), D("0.1"), D(1)]),
    max_quantity=st.sampled_from([D(0), D(2), D(50)]),
    min_notional=st.sampled_from([D(0), D(5), D(100)]),
)
orders = {
    "quantity": st.decimals("0.001", 100, places=4, allow_nan=False),
    "price": st.decimals("0.1", 60_000, places=1, allow_nan=False),
    "people": people,
    "rules": rules,
    "strategy": st.sampled_from(STRATEGIES),
    "reduce_only": st.booleans(),
}


@given(**orders)
def test_nothing_is_lost_and_every_rule_is_kept(
    quantity, price, people, rules, strategy, reduce_only
):
    found = distribute(
        quantity=quantity,
        price=price,
        participants=people,
        rules=rules,
        strategy=strategy,
        reduce_only=reduce_only,
    )
    assert found.placed + found.left == quantity
    assert found.left >= 0
    by_name = {one.account: one for one in people}
    for share in found.shares:
        person = by_name[share.account]
        assert rules.quantity_down(share.quantity) == share.quantity
        assert (share.quantity == 0) == bool(share.reason) or share.quantity == 0
        if share.quantity:
            rules_hold = share.quantity >= rules.smallest(
                price, reduce_only=reduce_only
            )
            assert rules_hold
            assert not rules.max_quantity or share.quantity <= rules.max_quantity
            assert not person.blocked
            if reduce_only:
                assert share.quantity <= person.reducible
            else:
                assert share.margin <= person.free_margin


@given(**orders)
def test_the_order_of_accounts_changes_nothing(
    quantity, price, people, rules, strategy, reduce_only
):
    def of(some):
        return distribute(
            quantity=quantity,
            price=price,
            participants=some,
            rules=rules,
            strategy=strategy,
            reduce_only=reduce_only,
        )

    assert of(people) == of(list(reversed(people)))


@example(quantity=4, weights=[1, 1, 1, 3, 4, 29])
@given(
    quantity=st.integers(1, 100_000),
    weights=st.lists(st.integers(1, 50), min_size=1, max_size=12),
)
def test_with_room_enough_the_whole_is_placed_to_one_step_of_proportion(
    quantity, weights
):
    people = [
        Participant(f"{at:02}", D(weight), D(10**9), D(10**9), D(1))
        for at, weight in enumerate(weights)
    ]
    loose = SymbolRules("X", tick=D(1), step=D("0.001"))
    wanted = D(quantity) / 1000
    found = distribute(quantity=wanted, price=D(1), participants=people, rules=loose)
    assert found.left == 0
    # Who is left out for a share below one step leaves it to the others.
    taking = [
        one for one in zip(found.shares, weights, strict=True) if not one[0].reason
    ]
    whole = sum(weight for _, weight in taking)
    for share, weight in taking:
        exact = wanted * weight / whole
        assert abs(share.quantity - exact) < D("0.001")
