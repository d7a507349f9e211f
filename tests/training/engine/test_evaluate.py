"""Evaluation out of sample."""

import itertools
import json

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import InvalidInput
from tests.training.engine.series import HOUR, START, waves
from training.engine.baselines import Persistence
from training.engine.config import WindowConfig
from training.engine.data import SeriesData, make_splits
from training.engine.evaluate import (
    as_returns,
    errors,
    evaluate,
    forecasts,
    since,
    walk_forward,
)
from training.engine.windows import borders_by_share


class Oracle(nn.Module):
    """Knows what comes: the second column is the next value of the first."""

    def forward(self, x, x_marks, y_marks):
        return x[:, -1:, 1:2]


def knowing(bars=600, kind="return"):
    random = np.random.default_rng(1)
    change = 0.01 * random.standard_normal(bars + 1)
    values = change if kind == "return" else np.cumsum(change)
    series = SeriesData(
        "known",
        np.column_stack((values[:-1], values[1:])),
        START + HOUR * np.arange(bars, dtype=np.int64),
        ("return", "next"),
        target_kind=kind,
    )
    borders = borders_by_share([series], train=0.6, validation=0.2)
    return series, make_splits([series], WindowConfig(8, 4, 1), borders)


def scaled_like_the_target(splits):
    """The oracle's column in the units of the target's."""
    spread, mean = splits.standardizer.deviation, splits.standardizer.mean
    raw = splits.test.values[:, 1] * spread[1] + mean[1]
    splits.test.values[:, 1] = (raw - mean[0]) / spread[0]


def test_forecasts_are_in_the_units_of_the_data():
    series, splits = knowing()
    scaled_like_the_target(splits)
    found = forecasts(Oracle(), splits, splits.test)
    first = int(splits.test.starts[0]) + 8
    assert found.truth[0] == pytest.approx(series.values[first, 0], rel=1e-4)
    assert found.earlier[0] == pytest.approx(series.values[first - 1, 0], rel=1e-4)
    assert np.allclose(found.forecast, found.truth, rtol=1e-3, atol=1e-6)
    assert found.times[0] == series.times[first]


def test_an_oracle_is_right_every_time_and_rich():
    _, splits = knowing()
    scaled_like_the_target(splits)
    found = evaluate(Oracle(), splits, step_ms=HOUR)
    assert found["test"]["directional_accuracy"] > 0.99
    assert found["test"]["gmadl"] < 0
    figures = found["strategies"]
    assert figures["model"]["final_value"] > 2 * figures["buy_and_hold"]["final_value"]
    assert figures["flat"]["final_value"] == 1
    json.dumps(found, allow_nan=False)


def test_a_level_is_traded_by_the_returns_it_implies():
    _, splits = knowing(kind="level")
    found = as_returns(
        forecasts(Persistence(splits.shape), splits, splits.test), splits
    )
    assert np.allclose(found.forecast, 0, atol=1e-6)
    assert found.truth.std() == pytest.approx(0.01, rel=0.2)
    assert found.earlier[1:] == pytest.approx(found.truth[:-1], abs=1e-5)


def test_a_forecast_of_nothing_has_the_error_of_zero():
    _, splits = knowing()
    found = errors(forecasts(Persistence(splits.shape), splits, splits.test))
    assert found["mae"] == pytest.approx(found["mae_of_zero"])


def test_walking_forward_judges_every_bar_once_and_never_learns_from_it():
    series = [waves(24 * 100, kind="return")]
    day = 24 * HOUR
    found = list(
        walk_forward(series, inside_ms=30 * day, outside_ms=10 * day, train_share=0.8)
    )
    assert len(found) == 7
    for one, following in itertools.pairwise(found):
        assert one.train < one.validation < one.test
        assert following.validation == one.test
    splits = make_splits(
        since(series, found[2].validation - 30 * day), WindowConfig(12, 6, 1), found[2]
    )
    judged = splits.test.target_times()
    assert judged[0] == found[2].validation
    assert judged[-1] == found[2].test - HOUR
    assert splits.train.target_times()[-1] < found[2].train


def test_too_short_a_time_is_refused():
    with pytest.raises(InvalidInput, match=r"hold no 30 \+ 10 days"):
        list(
            walk_forward(
                [waves(100)],
                inside_ms=30 * 24 * HOUR,
                outside_ms=10 * 24 * HOUR,
                train_share=0.8,
            )
        )


def test_symbols_and_stretches_begin_flat_and_are_traded_beside_each_other():
    gap = waves(80, kind="return", start=START + 90 * HOUR)
    both = [waves(80, kind="return"), waves(170, kind="return", name="other"), gap]
    borders = borders_by_share(both, train=0.2, validation=0.2)
    splits = make_splits(both, WindowConfig(6, 3, 1), borders)

    class Always(nn.Module):
        def forward(self, x, x_marks, y_marks):
            return torch.ones(len(x), 1, 1)

    found = forecasts(Always(), splits, splits.test)
    assert int(found.begins.sum()) == 3
    judged = evaluate(Always(), splits, step_ms=HOUR)
    assert judged["bars"] == len(splits.test)
    moments = len(set(splits.test.target_times().tolist()))
    assert moments < len(splits.test)
    assert judged["strategies"]["buy_and_hold"]["bars"] == moments
