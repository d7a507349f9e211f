"""State dicts of older models."""

import pickle

import pytest
import torch

from core.errors import InvalidInput
from tests.training.engine.published_informer import PublishedInformer
from tests.training.engine.series import small_splits
from training.engine.build import build_model
from training.engine.config import ModelConfig, WindowConfig
from training.engine.older_weights import model_of, read_state

WINDOW = WindowConfig(12, 6, 3)


def published():
    torch.manual_seed(3)
    return PublishedInformer(
        features=2, targets=1, width=8, hidden=16, heads=2, label=6, pred=3
    ).eval()


def test_published_weights_give_the_published_forecasts():
    theirs = published()
    model, config, shape = model_of(theirs.state_dict(), window=WINDOW, heads=2)
    assert (config.d_model, config.d_ff, config.encoder_layers) == (8, 16, 2)
    assert (shape.features, shape.targets) == (2, 1)
    batch = small_splits().train.batch(torch.arange(5))
    with torch.no_grad():
        wanted = theirs(batch.x, batch.x_marks, batch.y_marks)
        found = model.eval()(batch.x, batch.x_marks, batch.y_marks)
    assert (wanted - found).abs().max() < 1e-5


@pytest.mark.parametrize("variant", ["plain", "residual"])
def test_our_own_weights_come_back(variant):
    splits = small_splits()
    given = ModelConfig(variant=variant, d_model=8, n_heads=2, d_ff=16)
    made = build_model(given, splits.shape)
    model, config, _ = model_of(made.state_dict(), window=WINDOW, heads=2)
    assert config.variant == variant
    for name, value in made.state_dict().items():
        assert torch.equal(value, model.state_dict()[name])


def test_a_missing_weight_is_named():
    state = published().state_dict()
    del state["decoder.layers.0.norm3.bias"]
    with pytest.raises(InvalidInput, match=r"decoder\.layers\.0\.norm3\.bias"):
        model_of(state, window=WINDOW, heads=2)


def test_weights_left_over_are_named():
    state = build_model(
        ModelConfig(variant="plain", d_model=8, n_heads=2, d_ff=16),
        small_splits().shape,
    ).state_dict()
    with pytest.raises(InvalidInput, match=r"unknown.*stranger"):
        model_of({**state, "stranger": torch.ones(1)}, window=WINDOW, heads=2)


def test_a_file_with_a_wrapped_state_dict_is_understood(tmp_path):
    path = tmp_path / "old.pt"
    state = {f"module.{k}": v for k, v in published().state_dict().items()}
    torch.save({"epoch": 3, "model_state_dict": state}, path)
    assert read_state(path).keys() == published().state_dict().keys()


class Dangerous:
    def __reduce__(self):
        return (print, ("ran",))


def test_a_file_that_would_run_code_is_refused_and_nothing_runs(tmp_path, capsys):
    path = tmp_path / "bad.pt"
    path.write_bytes(pickle.dumps(Dangerous()))
    with pytest.raises(InvalidInput, match="must be a plain state dict"):
        read_state(path)
    assert "ran" not in capsys.readouterr().out


def test_a_whole_model_is_refused(tmp_path):
    path = tmp_path / "model.pt"
    torch.save(torch.nn.Linear(2, 2), path)
    with pytest.raises(InvalidInput, match="must be a plain state dict"):
        read_state(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidInput, match=r"nothing\.pt"):
        read_state(tmp_path / "nothing.pt")
