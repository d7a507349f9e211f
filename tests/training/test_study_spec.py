import json

import pytest

from core.errors import InvalidInput
from training.study_spec import StudySpec

SPACE = {
    "model.dropout": {"low": 0, "high": 1},
    "model.d_model": {"low": 16.0, "high": 64, "step": 16},
    "train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
    "train.precision": {"choices": ["fp32", "fp16"]},
    "model.distil": {"choices": [True, False]},
}


def test_a_spec_survives_json():
    spec = StudySpec.from_dict(
        {"space": SPACE, "window": {"seq_len": 48, "label_len": 24, "pred_len": 2},
         "train": {"epochs": 3, "amp_on_cpu": True, "loss": {"kind": "gmadl"}}}
    )  # fmt: skip
    assert StudySpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


def test_ranges_take_the_type_of_what_they_are_of():
    space = StudySpec.from_dict({"space": SPACE}).space
    assert type(space["model.dropout"].high) is float
    assert type(space["model.d_model"].low) is int
    assert type(space["model.d_model"].step) is int


@pytest.mark.parametrize(
    ("given", "field", "rule"),
    [
        ({"trials": "many"}, "trials", "must be a whole number"),
        ({"trials": True}, "trials", "must be a whole number"),
        ({"trials": 10**400}, "trials", "must be within"),
        ({"train": {"epochs": 1.5}}, "train.epochs", "must be a whole number"),
        ({"train": {"epochs": float("nan")}}, "train.epochs", "must be a whole number"),
        ({"train": {"learning_rate": "x"}}, "train.learning_rate", "must be a number"),
        ({"train": {"amp_on_cpu": 1}}, "train.amp_on_cpu", "must be true or false"),
        ({"train": {"loss": {"kind": 3}}}, "train.loss.kind", "must be text"),
        ({"symbols": "BTCUSDT"}, "symbols", "must be a list"),
        ({"symbols": [1]}, "symbols", "must be a list of texts"),
        ({"source": 3}, "source", "must be text"),
        ({"start": "today"}, "start", "must be a whole number"),
        ({"start": 1e30}, "start", "must be within"),
        ({"model": 3}, "model", "must be an object"),
        ({"model": {"n_heads": 3}}, "model.n_heads", "must divide"),
        ({"nonsense": 3}, "nonsense", "there is no such field"),
        ({"space": {"model.seed": {}}}, "space.model.seed", "cannot be searched"),
        (
            {"space": {"model.kind": {"low": 1, "high": 2}}},
            "space.model.kind",
            "choices",
        ),
        (
            {"space": {"model.kind": {"choices": ["lstm"]}}},
            "space.model.kind.choices",
            "must be one of informer",
        ),
        (
            {"space": {"model.d_model": {"choices": [16, 16]}}},
            "space.model.d_model.choices",
            "must not repeat",
        ),
        (
            {"space": {"model.d_model": {"choices": [16, "a"]}}},
            "space.model.d_model.choices",
            "must be a whole number",
        ),
        (
            {"space": {"model.d_model": {"low": 1.5, "high": 3}}},
            "space.model.d_model.low",
            "must be a whole number",
        ),
        (
            {"space": {"train.learning_rate": {"low": 2, "high": 1}}},
            "space.train.learning_rate.low",
            "must not be above",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_its_whole_name(given, field, rule):
    with pytest.raises(InvalidInput, match="refused") as refused:
        StudySpec.from_dict(given)
    assert refused.value.field == field
    assert rule in refused.value.rule


@pytest.mark.parametrize("base", ["mse", "multitask"])
def test_multi_task_has_more_targets_than_the_losses_it_would_be_searched_among(base):
    given = {"train": {"loss": {"kind": base}}}
    StudySpec.from_dict(given)
    space = {"loss.kind": {"choices": ["mse", "multitask"]}}
    with pytest.raises(InvalidInput, match="cannot be searched among others"):
        StudySpec.from_dict({**given, "space": space})


def test_a_loss_of_direction_among_those_searched_needs_returns():
    space = {"loss.kind": {"choices": ["mse", "gmadl"]}}
    StudySpec.from_dict({"space": space})
    with pytest.raises(InvalidInput, match="needs returns") as refused:
        StudySpec.from_dict({"space": space, "target": "close"})
    assert refused.value.field == "space.loss.kind.choices"


def test_windows_are_as_short_and_as_long_as_the_search_makes_them():
    window = {"seq_len": 96, "label_len": 48, "pred_len": 2}
    fixed = StudySpec.from_dict({"window": window})
    assert fixed.windows() == (fixed.window, fixed.window)
    for values in ({"choices": [64, 24, 128]}, {"low": 24, "high": 128}):
        spec = StudySpec.from_dict(
            {"window": window, "space": {"window.seq_len": values}}
        )
        short, long = spec.windows()
        assert (short.seq_len, short.label_len, short.pred_len) == (24, 24, 2)
        assert (long.seq_len, long.label_len, long.pred_len) == (128, 48, 2)


@pytest.mark.parametrize("given", [[], "", None, 3])
def test_what_is_no_object_is_no_study_of_defaults(given):
    with pytest.raises(InvalidInput, match="must be an object"):
        StudySpec.from_dict(given)
