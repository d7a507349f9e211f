"""Every model takes a window and gives a forecast."""

import numpy as np
import pytest
import torch

from tests.training.engine.series import HOUR, small_splits
from training.engine.baselines import PENALTIES, Ridge
from training.engine.build import Residual, build_model
from training.engine.config import ModelConfig, WindowConfig
from training.engine.data import SeriesData, make_splits
from training.engine.judging import predict, targets
from training.engine.windows import borders_by_share

SMALL = {"d_model": 8, "n_heads": 2, "d_ff": 16}
CASES = [
    ModelConfig(
        kind=kind, variant=variant, attention=attention, d_model=8, n_heads=2, d_ff=16
    )
    for kind in ("informer", "transformer")
    for variant in ("residual", "plain")
    for attention in ("full", "probsparse")
] + [ModelConfig(kind=kind) for kind in ("dlinear", "ridge", "persistence")]


@pytest.mark.parametrize("config", CASES, ids=str)
@pytest.mark.parametrize("kind", ["level", "return"])
def test_a_forecast_has_its_shape_and_every_weight_learns(config, kind):
    splits = small_splits(kind=kind)
    torch.manual_seed(0)
    model = build_model(config, splits.shape)
    batch = splits.train.batch(torch.arange(4))
    found = model(batch.x, batch.x_marks, batch.y_marks)
    assert found.shape == (4, 3, 1)
    parameters = list(model.parameters())
    if not parameters:
        return
    if isinstance(model, Residual):
        torch.nn.init.normal_(model.inner.projection.weight)
    model(batch.x, batch.x_marks, batch.y_marks).square().mean().backward()
    assert all(one.grad is not None for one in parameters)


def test_persistence_repeats_a_level_and_expects_nothing_of_a_return():
    for kind in ("level", "return"):
        splits = small_splits(kind=kind)
        model = build_model(ModelConfig("persistence"), splits.shape)
        batch = splits.test.batch(torch.arange(2))
        found = model(batch.x, batch.x_marks, batch.y_marks)
        last = batch.x[:, -1:, :1] if kind == "level" else torch.zeros(2, 1, 1)
        assert torch.equal(found, last.expand(-1, 3, -1))


def test_ridge_finds_a_linear_rule():
    splits = small_splits(bars=600)
    model = Ridge(splits.shape, penalty=1e-6)
    model.fit(splits.train)
    error = predict(model, splits.test) - targets(splits.test)
    naive = targets(splits.test) - targets(splits.test).mean()
    assert (error**2).mean() < 0.3 * (naive**2).mean()


def test_a_ridge_claims_little_about_a_series_that_is_noise():
    """With the penalty that fits waves it errs by a tenth more than 0 does."""
    random = np.random.default_rng(0)
    times = HOUR * np.arange(900, dtype=np.int64)
    noise = SeriesData(
        "noise", random.standard_normal((900, 3)), times, ("a", "b", "c"), 1, "return"
    )
    borders = borders_by_share([noise], train=0.7, validation=0.15)
    splits = make_splits([noise], WindowConfig(48, 12, 1), borders)
    wanted = targets(splits.test)

    def error(penalty):
        model = Ridge(splits.shape, penalty)
        model.fit(splits.train)
        return float(((predict(model, splits.test) - wanted) ** 2).mean())

    nothing = float((wanted**2).mean())
    assert error(1.0) > 1.1 * nothing
    assert error(None) < 1.02 * nothing


def test_a_ridge_penalty_is_chosen_by_the_latest_windows():
    splits = small_splits(bars=600)
    chosen = Ridge(splits.shape)
    chosen.fit(splits.train)
    strongest = Ridge(splits.shape, PENALTIES[0])
    strongest.fit(splits.train)
    wanted = targets(splits.test)

    def error(model):
        return float(((predict(model, splits.test) - wanted) ** 2).mean())

    assert error(chosen) < 0.3 * error(strongest)


def test_one_window_is_enough_for_a_ridge():
    splits = small_splits(bars=20, window=WindowConfig(4, 2, 1))
    splits.train.starts = splits.train.starts[:1]
    model = Ridge(splits.shape)
    model.fit(splits.train)
    assert torch.isfinite(model.weight).all()


def test_a_residual_model_begins_as_the_ridge():
    splits = small_splits()
    ridge = build_model(ModelConfig("ridge"), splits.shape)
    ridge.fit(splits.train)
    model = build_model(ModelConfig(**SMALL), splits.shape)
    model.prepare(splits.train)
    found = predict(model, splits.validation)
    assert abs(found - predict(ridge, splits.validation)).max() < 1e-5


def test_evaluation_of_a_sparse_informer_is_the_same_each_time():
    splits = small_splits()
    model = build_model(
        ModelConfig(attention="probsparse", variant="plain", **SMALL), splits.shape
    )
    assert (predict(model, splits.test) == predict(model, splits.test)).all()
