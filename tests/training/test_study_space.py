"""Values of a search that no trial could be run with."""

import pytest

from core.errors import InvalidInput
from training.study_space import check_space
from training.study_spec import StudySpec


def spec(space, **given):
    return StudySpec.from_dict({"space": space, **given})


@pytest.mark.parametrize(
    ("space", "field", "rule"),
    [
        ({"model.dropout": {"low": 0, "high": 1}}, "model.dropout.high", "below 1"),
        (
            {"train.batch_size": {"low": 0, "high": 8}},
            "train.batch_size.low",
            "above 0",
        ),
        (
            {"train.learning_rate": {"low": -1, "high": 1}},
            "train.learning_rate.low",
            "above 0",
        ),
        ({"loss.b": {"choices": [1, -1]}}, "loss.b.choices", "above 0"),
        ({"window.seq_len": {"low": 0, "high": 9}}, "window.seq_len.low", "above 0"),
        (
            {"train.precision": {"choices": ["fp32", "fp16"]}},
            "train.precision.choices",
            "amp_on_cpu",
        ),
        # 64 wide, 4 heads where nothing else is said.
        ({"model.n_heads": {"choices": [4, 5]}}, "model.n_heads", "n_heads (5)"),
        ({"model.n_heads": {"low": 1, "high": 8}}, "model.n_heads", "n_heads (3)"),
        ({"model.d_model": {"low": 30, "high": 64}}, "model.d_model", "n_heads (4)"),
        ({"model.d_model": {"low": 32, "high": 64}}, "model.d_model", "n_heads (4)"),
        (
            {"model.d_model": {"low": 32, "high": 64, "step": 6}},
            "model.d_model",
            "n_heads (4)",
        ),
        (
            {
                "model.d_model": {"choices": [32, 48]},
                "model.n_heads": {"choices": [8, 16, 32]},
            },
            "model.d_model",
            "n_heads (32)",
        ),
    ],
)
def test_values_that_trials_would_fail_with_are_refused_at_their_range(
    space, field, rule
):
    with pytest.raises(InvalidInput, match="refused") as refused:
        check_space(spec(space))
    assert refused.value.field == f"space.{field}"
    assert rule in refused.value.rule


@pytest.mark.parametrize(
    "space",
    [
        {"model.d_model": {"low": 16, "high": 128, "step": 16}},
        {"model.d_model": {"low": 64, "high": 64, "log": True}},
        {"model.d_model": {"choices": [32, 64]}, "model.n_heads": {"choices": [2, 8]}},
        {"model.n_heads": {"low": 2, "high": 4, "step": 2}},
        {"window.seq_len": {"low": 4, "high": 96}},  # label_len follows
        {
            "loss.kind": {"choices": ["mse", "gmadl"]},
            "model.distil": {"choices": [True]},
        },
    ],
)
def test_values_that_go_together_are_searched(space):
    check_space(spec(space))


def test_a_width_of_any_size_is_looked_at_in_no_time():
    space = {"model.d_model": {"low": 1, "high": 2**53}}
    check_space(spec(space, model={"d_model": 64, "n_heads": 1}))


def test_half_precision_is_searched_where_it_is_meant():
    space = {"train.precision": {"choices": ["fp32", "fp16"]}}
    check_space(spec(space, train={"amp_on_cpu": True}))
    check_space(spec(space, train={"device": "cuda"}))
