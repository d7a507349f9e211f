"""Training, stopping, resuming."""

import copy
import math

import pytest
import torch

from core.errors import InvalidInput
from tests.training.engine.series import small_splits
from tests.training.engine.syncs import count_syncs
from training.engine.build import build_model
from training.engine.checkpoints import load_checkpoint, save_checkpoint
from training.engine.config import LossConfig, ModelConfig, TrainConfig
from training.engine.errors import (
    NonFiniteLoss,
    OutOfMemory,
    ScaleFloorReached,
    TrainingStopped,
)
from training.engine.judging import predict
from training.engine.loop import _Run, train
from training.engine.scale_report import expand
from training.engine.scaler import DynamicGradScalerConfig
from training.engine.seeds import seed_everything

SMALL = {"d_model": 8, "n_heads": 2, "d_ff": 16, "encoder_layers": 2}


def model_for(splits, seed=0, **given):
    seed_everything(seed)
    return build_model(
        ModelConfig(**{**SMALL, "variant": "plain", **given}), splits.shape
    )


def config(**given):
    return TrainConfig(**{"epochs": 3, "learning_rate": 3e-3, "patience": 0, **given})


HALF = {"precision": "fp16", "amp_on_cpu": True}


def test_a_run_learns_and_ends_with_the_best_weights():
    splits = small_splits()
    model = model_for(splits)
    results = list(train(model, splits, config(epochs=6)))
    losses = [one.validation_loss for one in results]
    assert losses[-1] < 0.8 * losses[0]
    assert results[0].train_loss > results[-1].train_loss
    error = predict(model, splits.validation) - splits_targets(splits)
    assert (error**2).mean() == pytest.approx(min(losses), rel=1e-5)


def splits_targets(splits):
    batches = splits.validation.all_batches(256)
    return torch.cat([splits.validation.batch(one).y for one in batches]).numpy()


def test_an_epoch_says_what_was_measured():
    splits = small_splits()
    (first, *_) = train(model_for(splits), splits, config())
    assert first.batches == math.ceil(len(splits.train) / 32)
    assert first.seconds > 0
    assert first.samples_per_second > 0
    assert first.peak_memory_bytes > 1_000_000
    assert first.gradient_norm_max >= first.gradient_norm > 0
    assert set(first.metrics) == {"mse", "mae"}
    assert first.scale is None


def test_the_same_seed_gives_the_same_run():
    splits = small_splits()

    def run(seed):
        model = model_for(splits, seed)
        return [one.train_loss for one in train(model, splits, config(seed=seed))]

    assert run(1) == run(1)
    assert run(1) != run(2)


@pytest.mark.parametrize("given", [{}, HALF], ids=["fp32", "fp16"])
@pytest.mark.parametrize("cut", [1, 2])
def test_a_resumed_run_equals_an_uninterrupted_one_to_the_bit(tmp_path, given, cut):
    splits = small_splits(bars=150)
    scaler_config = DynamicGradScalerConfig(growth_interval=2)
    wanted = config(epochs=4, schedule="cosine", warmup_steps=3, **given)
    options = {"scaler_config": scaler_config}
    whole = model_for(splits)
    expected = list(train(whole, splits, wanted, **options))
    path = tmp_path / "checkpoint.pt"
    run = train(
        model_for(splits),
        splits,
        wanted,
        on_checkpoint=lambda state: save_checkpoint(path, state),
        **options,
    )
    first = [next(run) for _ in range(cut)]
    run.close()
    # Another process would have drawn other numbers by now.
    torch.rand(100)
    other = model_for(splits, seed=99)
    rest = list(train(other, splits, wanted, resume=load_checkpoint(path), **options))
    for one, two in zip(expected, first + rest, strict=True):
        assert comparable(one) == comparable(two)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def comparable(result):
    skip = {"seconds", "samples_per_second", "peak_memory_bytes"}
    return {name: value for name, value in vars(result).items() if name not in skip}


def test_patience_ends_a_run_that_no_longer_improves():
    splits = small_splits()
    results = list(
        train(
            model_for(splits), splits, config(epochs=50, learning_rate=1e-9, patience=2)
        )
    )
    assert len(results) < 50
    assert [one.improved for one in results[-2:]] == [False, False]


def test_asking_to_stop_ends_within_the_stated_batches():
    splits = small_splits()
    asked = []

    def stop():
        asked.append(1)
        return "cancelled by a person" if len(asked) == 2 else None

    run = train(model_for(splits), splits, config(stop_check_batches=1), stop=stop)
    with pytest.raises(TrainingStopped, match="cancelled by a person"):
        next(run)
    assert len(asked) == 2


def test_a_loss_that_is_no_number_ends_the_run_with_the_reason():
    splits = small_splits()
    model = model_for(splits)
    with torch.no_grad():
        model.projection.bias.fill_(1e30)
    results = []
    with pytest.raises(NonFiniteLoss, match="no finite number"):
        results.extend(train(model, splits, config(stop_check_batches=1)))
    assert all(torch.isfinite(one).all() for one in model.parameters())


def test_gradients_that_are_never_numbers_end_the_run_with_the_reason():
    splits = small_splits()
    model = model_for(splits)
    for parameter in model.parameters():
        parameter.register_hook(lambda grad: grad * float("nan"))
    run = train(model, splits, config())
    epoch = next(run)
    assert math.isfinite(epoch.train_loss)
    with pytest.raises(NonFiniteLoss, match="no gradient of epoch 0 is finite"):
        next(run)
    assert all(torch.isfinite(one).all() for one in model.parameters())


def test_one_batch_of_bad_gradients_is_skipped_and_the_run_goes_on():
    splits = small_splits()
    model = model_for(splits)
    calls = []

    def once(grad):
        calls.append(1)
        return grad * float("inf") if len(calls) == 2 else grad

    next(model.parameters()).register_hook(once)
    results = list(train(model, splits, config(epochs=2)))
    assert len(results) == 2
    assert all(math.isfinite(one.gradient_norm) for one in results)
    assert all(torch.isfinite(one).all() for one in model.parameters())


def test_an_overflow_of_the_forward_pass_in_half_precision_ends_the_run():
    """Its gradients overflow too, yet no smaller scale could help."""
    splits = small_splits()
    model = model_for(splits)
    with torch.no_grad():
        model.projection.bias.fill_(70_000.0)
    run = train(model, splits, config(stop_check_batches=1, **HALF))
    epoch = next(run)
    assert epoch.batches == 1
    with pytest.raises(NonFiniteLoss, match="left the range of fp16"):
        next(run)


def test_an_overflow_of_gradients_alone_in_half_precision_is_only_skipped():
    splits = small_splits()
    model = model_for(splits)
    calls = []

    def once(grad):
        calls.append(1)
        return grad * float("inf") if len(calls) == 2 else grad

    next(model.parameters()).register_hook(once)
    (epoch,) = train(
        model,
        splits,
        config(epochs=1, stop_check_batches=1, **HALF),
        scaler_config=DynamicGradScalerConfig(init_scale_strategy=64.0),
    )
    assert epoch.scale.overflows == 1
    assert math.isfinite(epoch.train_loss)


def test_the_best_loss_is_that_of_the_weights_that_are_kept_also_after_a_resume():
    splits = small_splits()
    states = []
    model = model_for(splits, variant="residual")
    wanted = config(epochs=9, learning_rate=1.0, patience=3)
    results = list(
        train(
            model,
            splits,
            wanted,
            on_checkpoint=lambda state: states.append(copy.deepcopy(state)),
        )
    )
    error = predict(model, splits.validation) - splits_targets(splits)
    kept = (error**2).mean()
    assert kept < min(one.validation_loss for one in results)
    assert [one.best_loss for one in results] == pytest.approx([kept] * 3, rel=1e-5)
    other = model_for(splits, seed=5, variant="residual")
    rest = list(train(other, splits, wanted, resume=states[0]))
    assert [one.best_loss for one in rest] == [one.best_loss for one in results[1:]]
    for name, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[name]), name


def test_overflows_at_the_floor_end_the_run_after_telling_their_epoch():
    splits = small_splits()
    model = model_for(splits)
    for parameter in model.parameters():
        parameter.register_hook(lambda grad: grad * float("inf"))
    scaler_config = DynamicGradScalerConfig(init_scale_strategy=1.0)
    run = train(
        model,
        splits,
        config(stop_check_batches=1, **HALF),
        scaler_config=scaler_config,
    )
    epoch = next(run)
    assert epoch.scale.events[-1].kind == "floor"
    assert epoch.batches == 5
    with pytest.raises(ScaleFloorReached, match="smallest scale"):
        next(run)


def test_half_precision_trains_for_real_and_tells_every_batch():
    splits = small_splits()
    scaler_config = DynamicGradScalerConfig(growth_interval=2, growth_factor=8.0)
    model = model_for(splits)
    results = list(
        train(model, splits, config(epochs=8, **HALF), scaler_config=scaler_config)
    )
    batches = sum(one.batches for one in results)
    scales = [scale for one in results for scale in expand(one.scale.runs)]
    assert len(scales) == batches
    kinds = {event.kind for one in results for event in one.scale.events}
    assert {"overflow", "growth"} <= kinds
    assert results[-1].validation_loss < results[0].validation_loss
    assert all(torch.isfinite(one).all() for one in model.parameters())


def test_the_learning_rate_stands_still_on_a_skipped_step():
    splits = small_splits()
    model = model_for(splits)
    run = _Run(
        model,
        splits,
        config(schedule="halving", **HALF),
        DynamicGradScalerConfig(),
    )
    run.begin(None)
    run.scaling.begin_epoch(0, 10)
    hooks = [
        one.register_hook(lambda grad: grad * float("inf"))
        for one in model.parameters()
    ]
    for _ in range(4):
        run._step(torch.arange(8))
    run.scaling.settle()
    assert run.scaling.steps_taken == 0
    for hook in hooks:
        hook.remove()
    run._step(torch.arange(8))
    run.scaling.settle()
    assert run.scaling.steps_taken == 1
    state = run.optimizer.state[next(model.parameters())]
    assert state["step"] == 1


@pytest.mark.parametrize("given", [{}, HALF], ids=["fp32", "fp16"])
def test_no_step_waits_for_the_device(given):
    splits = small_splits()
    run = _Run(
        model_for(splits),
        splits,
        config(warmup_steps=5, loss=LossConfig("multitask"), **given)
        if splits.shape.targets > 1
        else config(warmup_steps=5, **given),
        DynamicGradScalerConfig(),
    )
    run.begin(None)
    run.scaling.begin_epoch(0, 10)
    run._step(torch.arange(8))
    with count_syncs() as syncs:
        for _ in range(5):
            run._step(torch.arange(8))
    assert syncs.count == 0


def test_the_initial_model_counts_as_best_until_something_beats_it():
    splits = small_splits()
    model = model_for(splits, variant="residual")
    results = list(train(model, splits, config(epochs=2, learning_rate=1.0)))
    assert not any(one.improved for one in results)
    ridge = build_model(ModelConfig("ridge"), splits.shape)
    ridge.fit(splits.train)
    found = predict(model, splits.test)
    assert abs(found - predict(ridge, splits.test)).max() < 1e-5


@pytest.mark.parametrize("kind", ["ridge", "persistence"])
def test_solved_models_give_one_epoch(kind):
    splits = small_splits()
    model = build_model(ModelConfig(kind), splits.shape)
    (only,) = train(model, splits, config())
    assert only.improved
    assert math.isfinite(only.validation_loss)


@pytest.mark.parametrize(
    "failure",
    [
        None,
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling x"),
    ],
    ids=["cpu", "numpy", "cuda", "cublas"],
)
def test_running_out_of_memory_is_told_apart(monkeypatch, failure):
    splits = small_splits()
    model = model_for(splits)

    def forward(*_):
        if isinstance(failure, Exception):
            raise failure
        torch.empty(2**60)

    monkeypatch.setattr(model, "forward", forward)
    with pytest.raises(OutOfMemory, match="batches of 32"):
        next(train(model, splits, config()))


def test_amp_on_a_cpu_must_be_asked_for():
    with pytest.raises(InvalidInput, match="amp_on_cpu"):
        TrainConfig(precision="fp16")


def test_a_checkpoint_of_another_format_is_refused(tmp_path):
    path = tmp_path / "old.pt"
    torch.save({"format": 0}, path)
    with pytest.raises(InvalidInput, match="format 1"):
        load_checkpoint(path)


@pytest.mark.parametrize("kept", [0, 10, 500, 1500])
def test_a_torn_checkpoint_is_refused_by_name(tmp_path, kept):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"weights": torch.zeros(500)})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InvalidInput, match=r"checkpoint\.pt"):
        load_checkpoint(path)


def test_a_checkpoint_that_would_run_code_is_refused_and_runs_none(tmp_path):
    path = tmp_path / "checkpoint.pt"
    torch.save({"format": 1, "evil": _Evil(tmp_path / "ran")}, path)
    with pytest.raises(InvalidInput, match="checkpoint"):
        load_checkpoint(path)
    assert not (tmp_path / "ran").exists()


class _Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (type(self.path).touch, (self.path,))


def test_a_failed_write_leaves_the_checkpoint_before_it(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"epoch": 1})
    bad = {"epoch": copy.copy}
    bad["epoch"] = (one for one in ())
    with pytest.raises(TypeError):
        save_checkpoint(path, bad)
    assert load_checkpoint(path)["epoch"] == 1
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoint.pt"]
