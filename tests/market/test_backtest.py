import numpy as np
import pytest

from market.backtest import WINDOW, Run, Scored, always_long, scored_bars, trades
from market.indicators import EliteTechnicalEngine
from market.scanner.history import History
from market.scanner.outcomes import Fees
from market.scanner.scan import QuoteValues, indicators_of, judge
from market.scanner.weights import Weights
from tests.market.indicators.series import STEP_MS, invented

NO_FEES, WEIGHTS = Fees(0, 0), Weights()


@pytest.fixture(scope="module")
def engine():
    return EliteTechnicalEngine(use_talib=False, cache_enabled=False)


def history(count=620, seed=4, start=0):
    bars = invented(seed, count)
    columns = [getattr(bars, name)[:, 0] for name in ("open", "high", "low", "close")]
    volume = bars.volume[:, 0]
    times = (start + np.arange(count)) * STEP_MS
    return History(times, *columns, volume, volume * 0.6)


def scored(bars, engine):
    return list(scored_bars(bars, "15m", engine=engine, weights=WEIGHTS))


def test_each_bar_has_the_score_that_a_live_scan_would_have_given_it(engine):
    bars = history()
    found = {each.index: each for each in scored(bars, engine)}
    assert sorted(found) == list(range(WINDOW - 1, 620))
    for index in (WINDOW - 1, WINDOW, 560, 619):
        window = bars.first(index + 1).last(WINDOW)
        live = judge(
            "X", window, indicators_of(engine, "X", window), QuoteValues(), WEIGHTS
        )
        assert found[index].score == pytest.approx(live.score.score, abs=1e-5)
        assert found[index].direction == live.score.direction


def test_later_bars_change_no_earlier_score(engine):
    bars = history()
    cut = scored(bars.first(560), engine)
    whole = scored(bars, engine)[: len(cut)]
    assert [(b.time, b.score, b.direction) for b in cut] == [
        (b.time, b.score, b.direction) for b in whole
    ]


def test_returns_look_exactly_so_many_bars_ahead_and_not_over_the_end(engine):
    bars = history()
    found = scored(bars, engine)
    one = found[10]
    close = bars.close
    assert one.returns[4] == pytest.approx(close[one.index + 4] / close[one.index] - 1)
    assert found[-1].returns == {}
    assert set(found[-3].returns) == {1}


def test_over_a_gap_nothing_is_scored_until_the_window_is_full_again(engine):
    first, second = history(520), history(510, seed=5, start=600)
    both = History(
        **{n: np.r_[getattr(first, n), getattr(second, n)] for n in vars(first)}
    )
    found = scored(both, engine)
    assert [b.index for b in found] == [
        *range(WINDOW - 1, 520), *range(520 + WINDOW - 1, 1030),
    ]  # fmt: skip
    assert set(found[20].returns) == set()  # the bar after it is not the next one


def test_without_the_takers_share_flow_is_unknown(engine):
    bars = history()
    silent = History(**{**vars(bars), "taker_base": bars.volume * 0.0})
    assert "flow" not in scored(silent, engine)[0].factors
    assert "flow" in scored(bars, engine)[0].factors


def bar(index, direction, price, after, score=80.0):
    return Scored(index, index, price, score, direction, {}, {4: after})


def test_one_position_at_a_time_after_fees():
    bars = [
        bar(0, "long", 100.0, 0.10),
        bar(2, "long", 100.0, 0.50),  # while the first is held
        bar(4, "short", 110.0, -0.10),
        bar(5, "short", 110.0, -0.90),
        bar(9, "long", 100.0, -0.05, score=10.0),  # too weak
        bar(20, "flat", 100.0, 0.30),
    ]
    run = trades(bars, horizon=4, min_score=40, fees=Fees(5, 1))
    assert run.returns == pytest.approx([0.10 - 0.0012, 0.10 - 0.0012])
    assert run.fees == pytest.approx(0.0024)
    assert run.total == pytest.approx((1.0988**2) - 1)
    assert run.drawdown == 0


def test_the_drawdown_is_measured_from_the_highest_point():
    assert Run([0.5, -0.2, -0.5, 1.0]).drawdown == pytest.approx(1 - 0.8 * 0.5)
    assert Run().total == 0
    assert Run().drawdown == 0


def test_always_long_pays_one_round_trip():
    bars = [bar(0, "long", 100.0, 0), bar(9, "long", 150.0, 0)]
    assert always_long(bars, Fees(5, 1)).total == pytest.approx(0.5 - 0.0012)


def test_always_long_tells_what_it_lost_on_the_way():
    prices = (100.0, 150.0, 60.0, 120.0)
    bars = [bar(index, "long", price, 0) for index, price in enumerate(prices)]
    assert always_long(bars, Fees(5, 1)).drawdown == pytest.approx(1 - 60 / 150)
    assert always_long([], Fees()).drawdown == 0
