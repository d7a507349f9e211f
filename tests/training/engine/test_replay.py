"""What a recorded step needs: state that stays where it is, and work beside it."""

import pytest
import torch

from tests.training.engine.series import small_splits
from training.engine.build import build_model
from training.engine.config import ModelConfig, TrainConfig
from training.engine.loop import _Run, train
from training.engine.replay import Branch, Replay
from training.engine.scaler import DynamicGradScalerConfig

HALF = {"precision": "fp16", "amp_on_cpu": True}
gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def model_for(splits):
    torch.manual_seed(0)
    sizes = {"d_model": 8, "n_heads": 2, "d_ff": 16, "dropout": 0.0}
    return build_model(ModelConfig(**sizes), splits.shape)


def config(**given):
    return TrainConfig(batch_size=8, epochs=3, patience=0, **given)


def places(run):
    """Addresses of everything that a step changes."""
    owners = (run.scaling, run.meter, run.rate, run._nonfinite)
    tensors = [one for owner in owners for one in vars(owner).values()]
    tensors += [
        *run.parameters,
        run.scaling.scaler._scale,
        run.scaling._longest_at_floor.tensor,
    ]
    tensors += run.scaling._outputs.values()
    for state in run.optimizer.state.values():
        tensors += state.values()
    return [one.data_ptr() for one in tensors if isinstance(one, torch.Tensor)]


def test_all_that_a_step_changes_stays_where_it_is_in_memory():
    splits = small_splits()
    run = _Run(
        model_for(splits),
        splits,
        config(warmup_steps=5, **HALF),
        DynamicGradScalerConfig(max_consecutive_overflow=2),
    )
    run.begin(None)
    run.model.train()
    run.meter.begin()
    run.scaling.begin_epoch(0, 10)
    run._step(torch.arange(8))
    before = places(run)
    for _ in range(2):
        run._step(torch.arange(8))
    hook = run.parameters[0].register_hook(lambda grad: grad * float("inf"))
    for _ in range(3):
        run._step(torch.arange(8))
    hook.remove()
    run.scaling.settle()
    assert places(run) == before


def test_without_a_gpu_work_beside_is_done_in_the_order_of_the_text():
    done = []
    branch = Branch(torch.device("cpu"))
    with branch.beside():
        done.append("beside")
    done.append("main")
    branch.join()
    assert done == ["beside", "main"]


@gpu
def test_every_call_is_one_step_recorded_or_not():
    total = torch.zeros((), device="cuda")

    def step(indices):
        total.add_(indices.sum())

    replay = Replay(step)
    for at in range(10):
        replay(torch.tensor([at, at], device="cuda"))
    assert total.item() == 2 * sum(range(10))
    assert replay._graph is not None


@gpu
def test_a_step_that_waits_for_the_device_is_launched_and_the_log_says_why(caplog):
    seen = []
    replay = Replay(lambda indices: seen.append(int(indices.sum().item())))
    for at in range(6):
        replay(torch.tensor([at], device="cuda"))
    assert replay.refused
    assert seen == list(range(6))
    assert "kernel by kernel" in caplog.text


@gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_replayed_run_learns_what_a_launched_one_learns(precision, monkeypatch):
    def losses():
        splits = small_splits(device="cuda")
        model = model_for(splits).to("cuda")
        given = config(precision=precision, device="cuda")
        return [one.train_loss for one in train(model, splits, given)]

    replayed = losses()
    monkeypatch.setattr(Replay, "__call__", lambda self, indices: self._step(indices))
    assert replayed == pytest.approx(losses(), rel=0.02)
