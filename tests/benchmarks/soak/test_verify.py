"""What a soak calls lost: planted losses of every kind are found."""

import pytest

from benchmarks.soak import verify
from benchmarks.soak.verify import Verdict, check_bars, check_gaps, check_trades
from market import services
from tests.market import frames

BAR = (1.0, 2.0, 0.5, 1.5, 10.0, 15.0, 3.0, 5.0, 7.0)
TRUTH = {at: (*BAR[:4], float(at), *BAR[5:]) for at in range(0, 600, 60)}
WANTED = range(60, 600, 60)
TRADE = (100.0, 1.0, True)


def bars(stored, wanted=WANTED):
    verdict = Verdict()
    check_bars(verdict, "BTCUSDT 1m", stored, TRUTH, wanted)
    return verdict


def test_all_bars_with_all_values_are_no_loss():
    verdict = bars(dict(TRUTH))
    assert not verdict.lost
    assert (verdict.series, verdict.bars) == (1, len(WANTED))


def test_a_bar_before_the_start_may_be_absent():
    assert not bars({at: bar for at, bar in TRUTH.items() if at}).lost


def test_a_missing_bar_is_a_loss():
    verdict = bars({at: bar for at, bar in TRUTH.items() if at != 240})
    assert verdict.lost
    assert verdict.missing == 1
    assert verdict.examples == ["missing: BTCUSDT 1m 240"]


@pytest.mark.parametrize("place", range(len(verify.VALUES)))
def test_each_wrong_value_is_a_loss(place):
    wrong = list(TRUTH[240])
    wrong[place] += 1e-9
    verdict = bars({**TRUTH, 240: tuple(wrong)})
    assert verdict.lost
    assert verdict.wrong == 1
    assert verify.VALUES[place] in verdict.examples[0]


def test_a_wrong_value_of_history_is_a_loss_too():
    assert bars({**TRUTH, 0: BAR[::-1]}).lost


def test_a_bar_that_the_exchange_does_not_know_is_a_loss():
    verdict = bars({**TRUTH, 90: BAR})
    assert verdict.lost
    assert verdict.invented == 1


def row(state, note=""):
    facts = {"kind": "kline", "symbol": "BTCUSDT", "interval": "1m", "first": 60}
    return {**facts, "state": state, "note": note}


def ledger(*rows):
    verdict = bars(dict(TRUTH))
    check_gaps(verdict, rows)
    return verdict


def test_closed_gaps_are_no_loss():
    verdict = ledger(row("filled"), row("unfillable", "the exchange has no 1 of them"))
    assert not verdict.lost
    assert (verdict.gaps_filled, verdict.gaps_unfillable) == (1, 1)


def test_an_open_gap_is_a_loss():
    assert ledger(row("filled"), row("open")).lost


def test_an_unfillable_gap_without_a_reason_is_a_loss():
    assert ledger(row("unfillable")).lost


def tape(seen, truth=None, accounted=()):
    verdict = bars(dict(TRUTH))
    known = dict.fromkeys(range(100), TRADE) if truth is None else truth
    check_trades(verdict, "BTCUSDT", seen, known, accounted)
    return verdict


def test_a_tape_without_holes_is_no_loss():
    verdict = tape(dict.fromkeys(range(5, 9), TRADE))
    assert not verdict.lost
    assert verdict.trades == 4
    assert not tape({}).lost


def test_a_hole_in_the_tape_is_a_loss_unless_the_ledger_accounts_for_it():
    seen = dict.fromkeys((5, 8), TRADE)
    assert tape(seen).trades_missing == 2
    assert tape(seen).lost
    assert tape(seen, accounted=[(7, 7)]).trades_missing == 1
    assert not tape(seen, accounted=[(6, 7)]).lost


def test_a_trade_of_another_price_is_a_loss():
    assert tape({5: (101.0, 1.0, True)}).lost
    assert tape({5: TRADE}, truth={}).lost


@pytest.mark.django_db
def test_stored_bars_are_read_with_all_their_values():
    candle = frames.candle("BTCUSDT", 3)
    services.CandleStore("simulator").store([candle])
    stored = verify.bars_stored("simulator", candle.symbol, candle.interval)
    assert stored == {
        candle.open_time: tuple(float(getattr(candle, name)) for name in verify.VALUES)
    }
    assert verify.bars_stored("binance", candle.symbol, candle.interval) == {}
    assert verify.bars_twice("simulator") == 0


@pytest.mark.parametrize("name", ["duplicates", "trades_wrong", "gaps_open"])
def test_a_single_one_of_these_is_a_loss(name):
    assert not Verdict(bars=1).lost
    assert Verdict(bars=1, **{name: 1}).lost
