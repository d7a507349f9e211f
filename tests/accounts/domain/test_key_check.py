from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.domain.key_check import DAY_MS, Answer, Restrictions, judge

NOW = 1_790_000_000_000
GOOD = Restrictions(
    reading=True,
    futures=True,
    withdrawals=False,
    transfers=False,
    ip_restricted=True,
)
ANSWER = Answer(GOOD, can_trade=True, hedge=False)


def judged(answer=ANSWER, *, hedge=False, real=True):
    return judge(answer, wanted_hedge=hedge, now_ms=NOW, real_money=real)


def level(verdict, name):
    return {one.name: one.level for one in verdict.findings}[name]


def test_a_key_that_may_only_trade_from_known_addresses_passes():
    verdict = judged()
    assert verdict.passed
    assert verdict.can_trade
    assert {one.level for one in verdict.findings} == {"ok"}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"reading": False}, "reading"),
        ({"futures": False}, "futures"),
        ({"withdrawals": True}, "withdrawals"),
        ({"ip_restricted": False}, "ip"),
        ({"expires_at": NOW}, "expiry"),
    ],
)
def test_each_wrong_permission_fails_by_its_name(change, name):
    verdict = judged(replace(ANSWER, restrictions=replace(GOOD, **change)))
    assert not verdict.passed
    failed = [one.name for one in verdict.findings if one.level == "failed"]
    assert failed == [name]


@pytest.mark.parametrize(
    ("change", "name"),
    [({"transfers": True}, "transfers"), ({"expires_at": NOW + 3 * DAY_MS}, "expiry")],
)
def test_what_is_unwise_is_told_and_does_not_fail(change, name):
    verdict = judged(replace(ANSWER, restrictions=replace(GOOD, **change)))
    assert verdict.passed
    assert level(verdict, name) == "warning"


def test_another_position_mode_than_ours_fails():
    assert level(judged(hedge=True), "position_mode") == "failed"
    assert judged(replace(ANSWER, hedge=True), hedge=True).passed


def test_an_account_that_may_not_trade_fails():
    verdict = judged(replace(ANSWER, can_trade=False))
    assert (verdict.passed, verdict.can_trade) == (False, False)


def test_a_refused_key_fails_with_the_exchange_s_words():
    verdict = judged(Answer(refusal="Invalid API-key, IP, or permissions."))
    assert not verdict.passed
    assert "Invalid API-key" in verdict.findings[0].text


def test_what_is_not_told_counts_only_where_money_is_real():
    silent = replace(ANSWER, restrictions=None)
    assert not judged(silent).passed
    assert judged(silent, real=False).passed
    assert level(judged(silent), "permissions") == "unknown"


@given(
    st.builds(
        Answer,
        st.none()
        | st.builds(
            Restrictions,
            *[st.booleans()] * 5,
            expires_at=st.none() | st.integers(NOW - DAY_MS, NOW + 100 * DAY_MS),
        ),
        can_trade=st.none() | st.booleans(),
        hedge=st.none() | st.booleans(),
    )
)
def test_a_key_that_may_withdraw_or_is_not_known_never_passes_for_real(answer):
    verdict = judged(answer)
    told = answer.restrictions
    if verdict.passed:
        assert told is not None
        assert told.futures
        assert told.ip_restricted
        assert not told.withdrawals
        assert answer.can_trade
        assert answer.hedge is False
    assert verdict.as_dict()["passed"] == verdict.passed
