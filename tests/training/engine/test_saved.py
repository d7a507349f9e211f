"""Models as files."""

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import InvalidInput
from tests.training.engine.series import small_splits
from training.engine.build import build_model
from training.engine.config import ModelConfig
from training.engine.judging import predict
from training.engine.saved import FACTS, WEIGHTS, SavedModel, load_model, save_model

SMALL = {"d_model": 8, "n_heads": 2, "d_ff": 16}


def saved(splits, **given):
    torch.manual_seed(0)
    config = ModelConfig(**{**SMALL, **given})
    return SavedModel(
        model=build_model(config, splits.shape),
        config=config,
        shape=splits.shape,
        columns=splits.columns,
        standardizer=splits.standardizer,
        facts={"metrics": {"mse": 0.5}},
    )


@pytest.mark.parametrize(
    "given",
    [{}, {"variant": "plain", "attention": "probsparse"}, {"kind": "ridge"}],
    ids=str,
)
def test_a_model_comes_back_with_forecasts_equal_to_the_bit(tmp_path, given):
    splits = small_splits()
    made = saved(splits, **given)
    digest = save_model(tmp_path / "one", made)
    back = load_model(tmp_path / "one", sha256=digest)
    assert np.array_equal(
        predict(made.model, splits.test), predict(back.model, splits.test)
    )
    assert (back.config, back.shape, back.columns) == (
        made.config,
        made.shape,
        made.columns,
    )
    assert np.array_equal(back.standardizer.mean, made.standardizer.mean)
    assert back.facts == made.facts


FORMAT_1 = Path(__file__).parent / "saved_format_1"


def test_the_first_format_is_still_read_with_the_forecasts_of_then():
    back = load_model(FORMAT_1)
    assert back.columns == ("return", "rsi")
    assert back.shape.target_kind == "return"
    assert back.standardizer.deviation.tolist() == [0.01, 0.2]
    ramps = [
        torch.linspace(-1, 1, math.prod(size)).view(size)
        for size in ((3, 6, 2), (3, 6, 4), (3, 5, 4))
    ]
    with torch.no_grad():
        found = back.model(*ramps)
    then = torch.tensor(json.loads((FORMAT_1 / "forecasts.json").read_text()))
    assert (found - then).abs().max() < 1e-5


def test_settings_that_came_later_have_their_defaults(tmp_path):
    shutil.copytree(FORMAT_1, tmp_path / "one")
    path = tmp_path / "one" / FACTS
    document = json.loads(path.read_text())
    del document["model"]["factor"]
    path.write_text(json.dumps(document))
    assert load_model(tmp_path / "one").config.factor == ModelConfig().factor


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda document: document.pop("columns"), "columns"),
        (lambda document: document["model"].update(made_up=1), "made_up"),
        (lambda document: document["model"].update(d_model=6), "weight"),
        (lambda document: document.pop("sha256"), "sha256"),
    ],
)
def test_what_a_version_lacks_is_named(tmp_path, change, words):
    shutil.copytree(FORMAT_1, tmp_path / "one")
    path = tmp_path / "one" / FACTS
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    with pytest.raises(InvalidInput, match=words):
        load_model(tmp_path / "one")


def test_facts_cut_off_in_the_middle_are_refused(tmp_path):
    shutil.copytree(FORMAT_1, tmp_path / "one")
    path = tmp_path / "one" / FACTS
    path.write_text(path.read_text()[:100])
    with pytest.raises(InvalidInput, match="is not whole"):
        load_model(tmp_path / "one")


def test_weights_that_were_changed_are_refused(tmp_path):
    splits = small_splits()
    save_model(tmp_path / "one", saved(splits))
    path = tmp_path / "one" / WEIGHTS
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(InvalidInput, match="not the ones that were saved"):
        load_model(tmp_path / "one")


def test_another_hash_than_the_database_knows_is_refused(tmp_path):
    save_model(tmp_path / "one", saved(small_splits()))
    with pytest.raises(InvalidInput, match="not the ones"):
        load_model(tmp_path / "one", sha256="0" * 64)


def test_an_unknown_format_is_refused(tmp_path):
    save_model(tmp_path / "one", saved(small_splits()))
    path = tmp_path / "one" / FACTS
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "format": 99}))
    with pytest.raises(InvalidInput, match="must be one of 1"):
        load_model(tmp_path / "one")


def test_a_failed_save_leaves_nothing(tmp_path):
    made = saved(small_splits())
    made.facts["bad"] = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        save_model(tmp_path / "one", made)
    assert list(tmp_path.iterdir()) == []


def test_a_version_is_never_written_over(tmp_path):
    made = saved(small_splits())
    save_model(tmp_path / "one", made)
    with pytest.raises(OSError, match="not empty"):
        save_model(tmp_path / "one", made)
    assert [one.name for one in tmp_path.iterdir()] == ["one"]
