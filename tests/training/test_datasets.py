"""Data of a study from the database and from files."""

import csv
from pathlib import Path

import numpy as np
import pytest

from core.errors import InvalidInput
from tests.training.candles import HOUR, START, rows, store
from training import datasets
from training.engine.config import LossConfig, TrainConfig, WindowConfig
from training.engine.data import make_splits
from training.study_spec import Range, StudySpec

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "training"
WINDOW = WindowConfig(12, 6, 2)


def spec(**given):
    return StudySpec(**{"interval": "1h", "window": WINDOW, **given})


@pytest.mark.django_db
def test_stored_candles_become_targets_and_features_without_the_warm_up():
    store(rows(400))
    data = datasets.study_data(spec(), venue="simulator")
    (stretch,) = data.stretches
    assert data.columns[0] == "return"
    assert np.isfinite(stretch.values).all()
    assert 340 < len(stretch.times) < 400
    assert stretch.times[-1] == START + 399 * HOUR
    made = rows(400)
    change = made[-1][4] / made[-2][4] - 1
    assert stretch.values[-1, 0] == pytest.approx(change)


@pytest.mark.django_db
def test_the_counts_of_windows_are_those_that_training_gets():
    store(rows(400))
    wanted = spec()
    data = datasets.study_data(wanted, venue="simulator")
    splits = make_splits(data.series(), WINDOW, data.borders(wanted))
    assert datasets.window_counts(data, wanted) == {
        "train": len(splits.train),
        "validation": len(splits.validation),
        "test": len(splits.test),
    }


@pytest.mark.django_db
def test_a_gap_ends_a_stretch_and_is_told():
    made = rows(500)
    store(made[:250] + made[260:])
    data = datasets.study_data(spec(), venue="simulator")
    assert len(data.stretches) == 2
    (fact,) = data.facts
    assert (fact.gaps, fact.missing) == (1, 10)
    first, second = data.stretches
    assert second.times[0] > first.times[-1] + 11 * HOUR


@pytest.mark.django_db
def test_a_search_over_windows_keeps_what_the_shortest_and_counts_what_the_longest_needs():
    made = rows(400)
    # A stretch of 70 bars: enough for 12 bars seen after the warm-up, not for 96.
    store(made[:300] + made[330:])
    wide = spec(window=WindowConfig(96, 48, 2))
    assert len(datasets.load(wide, venue="simulator").stretches) == 1
    seen = spec(
        window=WindowConfig(96, 48, 2),
        space={"window.seq_len": Range(choices=(12, 120))},
    )
    data = datasets.study_data(seen, venue="simulator")
    assert len(data.stretches) == 2
    counts = {}
    for seq_len in (12, 120):
        window = WindowConfig(seq_len, 12, 2)
        splits = make_splits(data.series(), window, data.borders(seen))
        counts[seq_len] = len(splits.train)
    assert datasets.window_counts(data, seen)["train"] == counts[120] < counts[12]
    told = datasets.preview(
        spec(space={"window.seq_len": Range(low=12, high=390)}), venue="simulator"
    )
    assert told["refused"]
    assert "no window of 390 + 2" in told["problems"][0]


@pytest.mark.django_db
def test_several_symbols_and_a_period():
    store(rows(300, seed=1), symbol="BTCUSDT")
    store(rows(300, seed=2), symbol="ETHUSDT")
    data = datasets.study_data(
        spec(symbols=("BTCUSDT", "ETHUSDT"), end=START + 200 * HOUR),
        venue="simulator",
    )
    assert {one.symbol for one in data.stretches} == {"BTCUSDT", "ETHUSDT"}
    assert all(one.times[-1] == START + 199 * HOUR for one in data.stretches)


@pytest.mark.django_db
def test_the_hash_is_of_the_values():
    store(rows(300))
    store(rows(300, seed=9), venue="testnet")
    one = datasets.study_data(spec(), venue="simulator").hash
    assert one == datasets.study_data(spec(), venue="simulator").hash
    assert one != datasets.study_data(spec(), venue="testnet").hash


@pytest.mark.django_db
def test_the_hash_tells_columns_and_single_values_apart():
    made = rows(300)
    store(made)
    one = datasets.study_data(spec(), venue="simulator").hash
    assert one != datasets.study_data(spec(features=("rsi",)), venue="simulator").hash
    changed = list(made[200])
    changed[5] += 1e-9
    store([*made[:200], tuple(changed), *made[201:]], venue="testnet")
    assert one != datasets.study_data(spec(), venue="testnet").hash


def test_the_sign_of_a_level_is_no_target():
    wrong = TrainConfig(loss=LossConfig("gmadl_normalised"))
    with pytest.raises(InvalidInput, match=r"loss\.kind.*needs returns"):
        spec(target="close", train=wrong)
    searched = {"loss.kind": Range(choices=("mse", "madl"))}
    with pytest.raises(InvalidInput, match="needs returns"):
        spec(target="close", space=searched)


@pytest.mark.django_db
def test_the_level_target_is_the_logarithm_of_the_close():
    store(rows(300))
    data = datasets.study_data(spec(target="close"), venue="simulator")
    assert data.target_kind == "level"
    stretch = data.stretches[0]
    closes = [row[4] for row in rows(300)[-len(stretch.times) :]]
    assert np.allclose(np.exp(stretch.values[:, 0]), closes)


@pytest.mark.django_db
def test_multi_task_has_a_second_target():
    store(rows(300))
    train = TrainConfig(loss=LossConfig("multitask"))
    data = datasets.study_data(spec(train=train), venue="simulator")
    assert data.columns[:2] == ("return", "log_range")
    assert data.targets == 2


@pytest.mark.django_db
def test_nothing_stored_is_said_by_name():
    with pytest.raises(InvalidInput, match="BTCUSDT 1h: there is no bar"):
        datasets.study_data(spec(), venue="simulator")


@pytest.mark.django_db
def test_too_few_bars_say_what_is_needed():
    store(rows(40))
    with pytest.raises(InvalidInput, match=r"no window of 12 \+ 2"):
        datasets.study_data(spec(), venue="simulator")


@pytest.mark.django_db
def test_a_preview_tells_everything_and_refuses_nothing_by_error():
    store(rows(400))
    found = datasets.preview(spec(symbols=("BTCUSDT", "NOSUCH")), venue="simulator")
    assert found["refused"]
    assert found["problems"] == ["NOSUCH 1h: there is no bar in this period"]
    assert found["windows"]["train"] > found["windows"]["validation"] > 0
    assert found["target"]["deviation"] == pytest.approx(0.01, rel=0.2)


def write_csv(path, made):
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "open", "high", "low", "close", "volume"])
        writer.writerows(row[:6] for row in made)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        (4, "nan", "close = nan: must not be NaN"),
        (4, "inf", "close = inf: must be finite"),
        (2, "0.5", "high must be the largest price"),
        (1, "-3", "open = -3.0: must be above 0"),
    ],
)
def test_a_bad_row_of_a_file_is_refused_by_line_and_rule(
    tmp_path, column, value, words
):
    made = [list(row) for row in rows(120)]
    made[50][column] = value
    path = tmp_path / "bars.csv"
    write_csv(path, made)
    with pytest.raises(InvalidInput) as caught:
        datasets.study_data(spec(source=str(path), symbols=("X",)), venue="simulator")
    assert "line 52" in str(caught.value)
    assert words in str(caught.value)


def test_a_file_that_is_not_there_is_refused():
    with pytest.raises(InvalidInput, match="nowhere"):
        datasets.study_data(spec(source="nowhere.csv"), venue="simulator")


@pytest.mark.parametrize(
    "name", ["Coinbase_BTCUSD_1h.csv", "BTC_USD-Hourly_bitstamp.csv"]
)
def test_the_real_hourly_files_are_read_whole(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip("the shared data is not here")
    data = datasets.study_data(spec(source=str(path)), venue="simulator")
    (fact,) = data.facts
    assert fact.gaps == 0
    assert fact.usable > 20_000


def test_an_unknown_interval_is_refused():
    with pytest.raises(InvalidInput, match="interval"):
        datasets.load(spec(interval="7h"), venue="simulator")
