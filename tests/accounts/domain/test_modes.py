"""Every cell of the truth table of trading modes."""

from dataclasses import replace

import pytest

from accounts.domain.modes import (
    GUARDED,
    Circumstances,
    decide,
    site_badge,
    truth_table,
)

CELLS = list(truth_table())
LIVE = Circumstances("binance", "exchange", "live", True, True, True)


def test_the_table_has_every_combination_once():
    assert len(CELLS) == 3 * 2 * 2 * 2 * 2 * 2
    assert len({given for given, _ in CELLS}) == len(CELLS)


@pytest.mark.parametrize(("given", "decision"), CELLS)
def test_a_paper_account_never_reaches_an_exchange(given, decision):
    assert (decision.way == "paper") == (given.mode == "paper")
    assert (decision.badge == "PAPER") == (given.mode == "paper")


@pytest.mark.parametrize(("given", "decision"), CELLS)
def test_real_money_moves_only_when_everything_says_so(given, decision):
    if given.venue != "binance" or given.mode == "paper":
        assert decision.way != "refused"
        assert decision.badge != "LIVE"
        return
    everything = (
        given.trading_mode == "live"
        and given.live_enabled
        and given.key_checked
        and given.guarded
    )
    assert decision.way == ("exchange" if everything else "refused")
    assert decision.badge == "LIVE"
    assert bool(decision.reason) == (not everything)


@pytest.mark.parametrize(
    ("missing", "word"),
    [
        ({"trading_mode": "paper"}, "TRADING_MODE"),
        ({"live_enabled": False}, "not enabled"),
        ({"key_checked": False}, "key"),
        ({"guarded": False}, "risk engine"),
    ],
)
def test_a_refusal_says_what_is_missing(missing, word):
    assert decide(LIVE).way == "exchange"
    assert word in decide(replace(LIVE, **missing)).reason


@pytest.mark.parametrize(
    ("venue", "badge"), [("simulator", "SIMULATED"), ("testnet", "TESTNET")]
)
def test_play_money_venues_have_badges_of_their_own(venue, badge):
    assert decide(Circumstances(venue, "exchange")).badge == badge


@pytest.mark.parametrize(
    ("venue", "trading_mode", "guarded", "badge"),
    [
        ("simulator", "live", True, "SIMULATED"),
        ("testnet", "live", True, "TESTNET"),
        ("binance", "live", True, "LIVE"),
        ("binance", "live", False, "PAPER"),
        ("binance", "paper", True, "PAPER"),
        ("binance", "paper", False, "PAPER"),
    ],
)
def test_pages_say_live_where_real_money_could_move(
    venue, trading_mode, guarded, badge
):
    assert site_badge(venue, trading_mode, guarded=guarded) == badge


def test_nothing_goes_to_binance_until_the_guard_is_there():
    assert GUARDED is False
    assert decide(replace(LIVE, guarded=GUARDED)).way == "refused"
