import time

import pytest

from market import outcomes, repaint
from market.config import MarketSettings, ScanSettings
from market.indicators import EliteTechnicalEngine
from market.models import (
    Calibration,
    Candle,
    FactorRecord,
    Scan,
    Series,
    Signal,
    SignalOutcome,
)
from market.scanning import Scanner
from tests.market import scanned
from tests.market.scanned import NOW, STEP, VENUE

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bus")]
COST = 2 * 6e-4


@pytest.fixture
def signal():
    scanned.follow(["BTCUSDT"])
    Series.objects.create(venue=VENUE, symbol="BTCUSDT", interval="15m")
    scan = Scan.objects.create(
        venue=VENUE, interval="15m", trigger="close", requested_at=1
    )

    def signal(direction="long", *, bar=0, price=100.0, score=75.0):
        return Signal.objects.create(
            scan=scan, venue=VENUE, symbol="BTCUSDT", interval="15m",
            bar_open=NOW + bar * STEP, at=NOW, price=price, score=score,
            direction=direction, confidence=0.5, prime=True,
            factors=[{"name": "trend", "value": 0.5, "weight": 3, "explanation": ""}],
            inputs={},
        )  # fmt: skip

    return signal


def close(bar, price):
    series = Series.objects.get(symbol="BTCUSDT")
    Candle.objects.create(
        series=series, open_time=NOW + bar * STEP, open=price, high=price, low=price,
        close=price, volume=1, quote_volume=1, trades=1, taker_base=1, taker_quote=1,
    )  # fmt: skip


def found(signal):
    return {each.horizon: each.net_return for each in signal.outcomes.all()}


def test_a_long_and_a_short_are_counted_after_fees_by_hand(signal):
    long, short = signal("long"), signal("short")
    close(1, 110.0)
    assert outcomes.settle(VENUE) == 2
    assert found(long) == {1: pytest.approx(0.10 - COST)}
    assert found(short) == {1: pytest.approx(-0.10 - COST)}
    close(4, 95.0)
    assert outcomes.settle(VENUE) == 2
    assert found(long)[4] == pytest.approx(-0.05 - COST)
    assert found(short)[4] == pytest.approx(0.05 - COST)


def test_settling_twice_changes_nothing(signal):
    signal()
    close(1, 101.0)
    assert outcomes.settle(VENUE) == 1
    assert outcomes.settle(VENUE) == 0
    assert SignalOutcome.objects.count() == 1


def test_an_exit_that_is_a_gap_is_counted_once_it_is_filled(signal):
    one = signal()
    close(2, 101.0)
    assert outcomes.settle(VENUE) == 0
    close(1, 103.0)
    assert outcomes.settle(VENUE) == 1
    assert found(one)[1] == pytest.approx(0.03 - COST)


def test_other_venues_are_left_alone(signal):
    signal()
    close(1, 101.0)
    assert outcomes.settle("binance") == 0


def test_scores_are_counted_in_bins_and_factors_by_name(signal):
    for number in range(30):
        signal(bar=number, score=70.0 + number % 2 * 25)
        close(number + 1, 101.0 if number % 3 else 99.0)
    outcomes.settle(VENUE)
    bins = {
        row.score_from: (row.outcomes, row.wins)
        for row in Calibration.objects.filter(source="live", horizon=1)
    }
    assert set(bins) == {70.0, 90.0}
    assert sum(count for count, _ in bins.values()) == 30
    assert sum(wins for _, wins in bins.values()) == 20
    record = FactorRecord.objects.get(source="live", horizon=1)
    assert (record.factor, record.outcomes) == ("trend", 30)
    assert record.hit_rate == pytest.approx(20 / 30)
    assert record.correlation is None  # it was always the same


def test_a_bar_that_was_scanned_again_and_again_counts_once_by_its_first_signal(signal):
    for number in range(5):
        signal(bar=0, score=75.0 + number, price=100.0 + number)
    signal(bar=1, score=95.0)
    close(1, 101.0)
    close(2, 99.0)
    outcomes.settle(VENUE)
    assert SignalOutcome.objects.filter(horizon=1).count() == 6
    bins = {
        row.score_from: (row.outcomes, row.wins)
        for row in Calibration.objects.filter(source="live", horizon=1)
    }
    # The price of the first was 100, of all others 101 and more.
    assert bins == {70.0: (1, 1), 90.0: (1, 0)}
    assert FactorRecord.objects.get(source="live", horizon=1).outcomes == 2


@pytest.fixture
def scored():
    scanned.follow(["BTCUSDT"])
    scanned.store(["BTCUSDT"])
    Scan.objects.create(
        venue=VENUE,
        interval="15m",
        trigger="person",
        requested_at=time.time_ns() // 1_000_000,
    )
    Scanner(
        VENUE,
        market=MarketSettings(intervals=("15m",)),
        scan=ScanSettings(bars=100),
        engine=EliteTechnicalEngine(use_talib=False),
        exchange_now=lambda venue: NOW + 20_000,
    ).look()
    return Signal.objects.get()


def test_later_bars_do_not_change_a_score(scored):
    scanned.store(["BTCUSDT"], 60, until=NOW + 60 * STEP, seed=9)
    answer = repaint.check(scored)
    assert answer["same"]
    assert not answer["bars_changed"]


def test_a_repaired_bar_is_told_apart_from_repainting(scored):
    bar = Candle.objects.filter(open_time=NOW - 3 * STEP)
    bar.update(close=bar.get().high)
    answer = repaint.check(scored)
    assert answer["bars_changed"]
    assert not answer["same"]
    assert "repaired" in answer["says"]


def test_a_score_that_was_tampered_with_is_found(scored):
    scored.score += 1e-6
    answer = repaint.check(scored)
    assert not answer["same"]
    assert not answer["bars_changed"]


def test_bars_that_are_gone_are_said_to_be(scored):
    Candle.objects.filter(open_time__lt=NOW - 50 * STEP).delete()
    answer = repaint.check(scored)
    assert answer["now"] is None
    assert answer["says"] == "50 of its 100 bars are stored"
    Candle.objects.all().delete()
    assert repaint.check(scored)["says"] == "its bars are no longer stored"
