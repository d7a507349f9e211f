import dataclasses
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest

from market.indicators import (
    EliteTechnicalEngine,
    IndicatorConfig,
    Indicators,
    IndicatorSeries,
    InvalidBars,
)
from market.indicators.signals import ADX_GRADES, DIRECTIONS
from tests.market.indicators.series import first, invented

COLUMNS = ("open", "high", "low", "close", "volume")


def frame(seed=1, count=200, kind="walk"):
    bars = invented(seed, count, kind=kind)
    index = pd.date_range("2026-01-01", periods=count, freq="15min", tz="UTC")
    columns = {name: getattr(bars, name)[:, 0] for name in COLUMNS}
    return pd.DataFrame(columns, index=index)


@pytest.fixture(params=[True, False], ids=["talib", "numpy"])
def engine(request):
    return EliteTechnicalEngine(use_talib=request.param, cache_enabled=True)


def test_the_published_example_runs(engine):
    indicators = engine.calculate_all_indicators(frame(), symbol="BTCUSDT")
    assert indicators.symbol == "BTCUSDT"
    assert indicators.ema_trend in DIRECTIONS.values()
    assert 0 <= indicators.rsi <= 100
    assert indicators.rsi_signal in ("oversold", "neutral", "overbought")
    assert 0 <= indicators.adx <= 100
    assert indicators.adx_signal in ADX_GRADES.values()
    assert indicators.time == 1767225600000 + 199 * 900_000
    assert indicators.bars == 200


def test_a_rising_market_reads_as_one(engine):
    found = engine.calculate_all_indicators(frame(kind="rising"), symbol="X")
    assert found.ema_trend == "bullish"
    assert found.rsi_signal == "overbought"
    assert found.adx_signal == "very_strong"
    assert found.ema_fast > found.ema_slow
    assert found.bb_lower < found.bb_middle < found.bb_upper


def test_a_falling_market_reads_as_one(engine):
    found = engine.calculate_all_indicators(frame(kind="falling"), symbol="X")
    assert found.ema_trend == "bearish"
    assert found.rsi_signal == "oversold"


def test_the_last_values_are_the_ends_of_the_series(engine):
    found = engine.calculate_all_indicators(frame(), symbol="X")
    shown = found.as_dict()
    for name, values in vars(found.series).items():
        if isinstance(shown.get(name), float | int):
            assert shown[name] == values[-1], name
    assert shown["ema_trend"] == DIRECTIONS[int(found.series.ema_trend[-1])]
    blocks = found.bullish_order_blocks + found.bearish_order_blocks
    assert found.order_blocks_count == blocks
    assert found.fvg_count == found.bullish_gaps + found.bearish_gaps


def test_every_value_of_the_result_is_a_plain_one(engine):
    shown = engine.calculate_all_indicators(frame(), symbol="X").as_dict()
    assert all(type(value) in (str, int, float) for value in shown.values())
    names = {item.name for item in dataclasses.fields(Indicators)}
    assert set(shown) == names - {"series"}


def test_both_backends_say_the_same():
    results = [
        EliteTechnicalEngine(use_talib=use).calculate_all_indicators(frame(9), "X")
        for use in (True, False)
    ]
    one, other = (result.as_dict() for result in results)
    assert one.pop("backend") != other.pop("backend")
    for name, value in one.items():
        same = value if isinstance(value, str) else pytest.approx(value, rel=1e-9)
        assert other[name] == same, name


def test_all_bars_come_as_a_frame(engine):
    table = engine.calculate_all_indicators(frame(), symbol="X").frame()
    assert list(table.columns) == [
        item.name
        for item in dataclasses.fields(IndicatorSeries)
        if item.name != "times"
    ]
    assert len(table) == 200
    assert table.index[1] - table.index[0] == 900_000
    assert table["rsi"].isna().sum() == 14


def test_features_are_numbers(engine):
    columns = engine.calculate_all_indicators(frame(), symbol="X").series.columns()
    assert "times" not in columns
    assert all(values.dtype == np.float64 for values in columns.values())


def test_the_same_bars_are_computed_once(engine):
    one = engine.calculate_all_indicators(frame(), symbol="X")
    assert engine.calculate_all_indicators(frame(), symbol="X") is one
    assert engine.cache_statistics().hit_rate == 0.5


@pytest.mark.parametrize("column", COLUMNS)
def test_any_other_value_is_computed_anew(engine, column):
    given = frame()
    one = engine.calculate_all_indicators(given, symbol="X")
    given.loc[given.index[100], column] *= 1.000001
    assert engine.calculate_all_indicators(given, symbol="X") is not one
    assert engine.calculate_all_indicators(frame(), symbol="Y") is not one
    assert engine.cache_statistics().hits == 0


def test_a_result_is_forgotten_after_the_time_to_live():
    now = [0.0]
    engine = EliteTechnicalEngine(cache_ttl=300.0, clock=lambda: now[0])
    one = engine.calculate_all_indicators(frame(), symbol="X")
    now[0] = 299.0
    assert engine.calculate_all_indicators(frame(), symbol="X") is one
    now[0] = 300.0
    assert engine.calculate_all_indicators(frame(), symbol="X") is not one


def test_a_kept_result_cannot_be_spoiled(engine):
    found = engine.calculate_all_indicators(frame(), symbol="X")
    with pytest.raises(ValueError, match="read-only"):
        found.series.rsi[-1] = 99.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.rsi = 99.0


def test_without_a_cache_nothing_is_remembered():
    engine = EliteTechnicalEngine(cache_enabled=False)
    one = engine.calculate_all_indicators(frame(), symbol="X")
    assert engine.calculate_all_indicators(frame(), symbol="X") is not one
    assert engine.cache_statistics().hit_rate is None


def test_threads_share_an_engine(engine):
    wanted = {
        seed: engine.calculate_all_indicators(frame(seed), "X").rsi for seed in range(4)
    }
    found = []

    def work(seed):
        found.extend(
            (seed, engine.calculate_all_indicators(frame(seed), "X").rsi)
            for _ in range(10)
        )

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40
    assert all(wanted[seed] == rsi for seed, rsi in found)


def test_the_given_frame_stays_as_it_is(engine):
    given = frame()
    engine.calculate_all_indicators(given, symbol="X")
    pd.testing.assert_frame_equal(given, frame())
    given["close"] *= 1.0


def test_bad_bars_are_refused_by_symbol_column_and_row(engine):
    given = frame()
    given.loc[given.index[7], "high"] = np.nan
    with pytest.raises(InvalidBars, match="BTCUSDT high, row 7: nan"):
        engine.calculate_all_indicators(given, symbol="BTCUSDT")


def test_too_short_a_frame_is_refused(engine):
    with pytest.raises(InvalidBars, match="BTCUSDT bars: 49 is refused: at least 50"):
        engine.calculate_all_indicators(frame(count=49), symbol="BTCUSDT")
    assert engine.calculate_all_indicators(frame(count=50), symbol="BTCUSDT").bars == 50
    with pytest.raises(InvalidBars, match="bars: 0"):
        engine.calculate_all_indicators(frame().iloc[:0], symbol="BTCUSDT")


def test_many_series_are_answered_as_each_alone(engine):
    bars = invented(2, count=150, series=3)
    together = engine.calculate_bars(bars)
    assert [result.symbol for result in together] == ["S0", "S1", "S2"]
    for series, result in enumerate(together):
        given = pd.DataFrame(
            {name: getattr(bars, name)[:, series] for name in COLUMNS}, index=bars.times
        )
        alone = engine.calculate_all_indicators(given, symbol=f"S{series}")
        assert alone.as_dict() == result.as_dict()
    assert engine.calculate_bars(bars) == together


def test_a_state_goes_on_where_the_panel_ends(engine):
    bars = invented(2, count=150, series=3)
    state = engine.begin(first(bars, 149))
    state = state.step(
        int(bars.times[149]),
        high=bars.high[149],
        low=bars.low[149],
        close=bars.close[149],
    )
    panel = engine.calculate_panel(bars)
    assert state.values.adx[0] == pytest.approx(panel.adx[149], rel=1e-9)


def test_periods_of_choice_are_used():
    engine = EliteTechnicalEngine(config=IndicatorConfig(rsi=5, ema_slow=30))
    found = engine.calculate_all_indicators(frame(count=60), symbol="X")
    assert np.isnan(found.series.rsi).sum() == 5


def test_without_talib_numpy_takes_over(monkeypatch):
    monkeypatch.setitem(sys.modules, "talib", None)
    engine = EliteTechnicalEngine(use_talib=True)
    assert engine.backend == "numpy"
    assert engine.calculate_all_indicators(frame(), symbol="X").backend == "numpy"


def test_talib_is_used_where_it_is_installed_and_wanted():
    pytest.importorskip("talib")
    assert EliteTechnicalEngine(use_talib=True).backend == "talib"
    assert EliteTechnicalEngine(use_talib=False).backend == "numpy"


def test_the_package_needs_neither_pandas_nor_talib_nor_django():
    code = (
        "import sys\n"
        "for name in ('pandas', 'talib', 'django'): sys.modules[name] = None\n"
        "import numpy as np\n"
        "from market.indicators import Bars, EliteTechnicalEngine\n"
        "p = np.linspace(1, 2, 60)\n"
        "bars = Bars.single('X', np.arange(60), open=p, high=p, low=p, close=p, volume=p)\n"
        "print(EliteTechnicalEngine().calculate_bars(bars)[0].ema_trend)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.stdout == "bullish\n", done.stderr
