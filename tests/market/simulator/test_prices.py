import numpy as np
import pytest

from market.simulator.bars import BarHistory
from market.simulator.intervals import DAY, HOUR, MINUTE
from market.simulator.prices import FIRST_DAY, PricePaths
from market.simulator.regimes import Regime, Shock, ShockList, scheduled_regimes
from market.simulator.symbols import list_symbols
from market.simulator.trades import CLOSE, TradeTape

SEED = 7
DAY_NUMBER = 20_777


@pytest.fixture(scope="module")
def symbols():
    return list_symbols(seed=SEED, speed=1.0, count=20)


def hourly_returns(symbols, days, shocks=None, ranks=(0,)):
    paths = PricePaths(SEED, symbols, shocks)
    bars = BarHistory(TradeTape(SEED, symbols, paths))
    start, until = days[0] * DAY, (days[-1] + 1) * DAY
    closes = [
        bars.closed(symbols[rank], "1h", start, until)[:, CLOSE] for rank in ranks
    ]
    return np.diff(np.log(np.array(closes, dtype=float)), axis=1)


def test_days_join_without_a_jump(symbols):
    paths = PricePaths(SEED, symbols)
    for symbol in symbols[:3]:
        today = paths.log_path(symbol, DAY_NUMBER)
        tomorrow = paths.log_path(symbol, DAY_NUMBER + 1)
        assert today[-1] == pytest.approx(tomorrow[0], abs=1e-12)


def test_the_order_of_asking_does_not_matter(symbols):
    one, other = PricePaths(SEED, symbols), PricePaths(SEED, symbols)
    one.log_path(symbols[0], FIRST_DAY + 10)
    far = one.log_path(symbols[1], DAY_NUMBER)
    assert (other.log_path(symbols[1], DAY_NUMBER) == far).all()
    assert (
        other.log_path(symbols[0], FIRST_DAY + 10)
        == one.log_path(symbols[0], FIRST_DAY + 10)
    ).all()


def test_prices_stay_in_a_plausible_range_for_years(symbols):
    paths = PricePaths(SEED, symbols)
    for symbol in symbols:
        for day in range(FIRST_DAY, FIRST_DAY + 4000, 200):
            price = np.exp(paths.log_path(symbol, day))
            assert price.min() / symbol.reference_price > 0.05
            assert price.max() / symbol.reference_price < 20


def test_symbols_move_together_but_not_alike(symbols):
    days = range(DAY_NUMBER, DAY_NUMBER + 30)
    returns = hourly_returns(symbols, days, ranks=range(20))
    correlation = np.corrcoef(returns)[0, 1:]
    assert 0.4 < np.median(correlation) < 0.97


def test_volatility_is_clustered(symbols):
    paths = PricePaths(SEED, symbols)
    steps = np.concatenate(
        [np.diff(paths.log_path(symbols[0], day)) for day in range(20_700, 20_730)]
    )
    size = np.abs(steps)
    assert np.corrcoef(size[:-10], size[10:])[0, 1] > 0.15
    assert abs(np.corrcoef(steps[:-1], steps[1:])[0, 1]) < 0.05


def test_all_regimes_come_up_in_a_year():
    regimes = scheduled_regimes(SEED, np.arange(20_000, 20_365))
    assert set(regimes) == set(Regime)
    assert regimes.count(Regime.NORMAL) > 200


def test_regimes_show_in_the_returns(symbols):
    paths = PricePaths(SEED, symbols)
    seen = {regime: [] for regime in Regime}
    for day in range(20_300, 20_700):
        seen[paths.regime(day)].append(day)
    volatility, change = {}, {}
    for regime, days in seen.items():
        rows = [hourly_returns(symbols, [day])[0] for day in days[:25]]
        volatility[regime] = np.median([row.std() * 24**0.5 * 100 for row in rows])
        change[regime] = np.median([(np.exp(row.sum()) - 1) * 100 for row in rows])
    assert volatility[Regime.LOW_VOLATILITY] < 1.5 < volatility[Regime.NORMAL] < 4
    assert volatility[Regime.HIGH_VOLATILITY] > 4
    assert change[Regime.CRASH] < -12
    assert change[Regime.RALLY] > 8


def test_a_demanded_crash_leaves_the_past_alone_and_falls(symbols, tmp_path):
    start = DAY_NUMBER * DAY + 12 * HOUR
    shocks = ShockList(tmp_path / "shocks.json")
    shocks.add(Shock(Regime.CRASH, start, -0.25, 10))
    calm, shaken = PricePaths(SEED, symbols), PricePaths(SEED, symbols, shocks)
    before = calm.log_path(symbols[0], DAY_NUMBER)
    after = shaken.log_path(symbols[0], DAY_NUMBER)
    assert (before[:721] == after[:721]).all()
    assert after[730] - before[730] == pytest.approx(-0.25, abs=0.01)
    assert after[1440] - before[1440] < -0.15


def test_a_demanded_move_is_remembered(tmp_path):
    file = tmp_path / "state" / "shocks.json"
    shock = Shock(Regime.RALLY, 29_000_000 * MINUTE, 0.15, 10)
    ShockList(file).add(shock)
    again = ShockList(file)
    assert list(again) == [shock]
    assert again.active_kind(shock.start_ms + HOUR) is Regime.RALLY
    assert again.active_kind(shock.start_ms - 1) is None
