"""Losses against values computed by hand, and their gradients."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.engine.config import LossConfig
from training.engine.losses import (
    GMADLLoss,
    MADLLoss,
    MultiTaskLoss,
    NormalisedGMADLLoss,
    make_loss,
)


def by_hand(prediction, target, a, b):
    terms = [
        -(1 / (1 + math.exp(-a * y * f)) - 0.5) * abs(y) ** b
        for f, y in zip(prediction, target, strict=True)
    ]
    return sum(terms) / len(terms)


@pytest.mark.parametrize(
    ("a", "b"), [(1000.0, 2.0), (100.0, 2.0), (1000.0, 1.0), (10.0, 3.0)]
)
def test_gmadl_equals_the_formula_computed_by_hand(a, b):
    prediction, target = [0.01, -0.02, 0.005, 0.0], [0.02, 0.01, -0.03, 0.04]
    found = GMADLLoss(a, b)(torch.tensor(prediction), torch.tensor(target))
    assert found.item() == pytest.approx(by_hand(prediction, target, a, b), abs=1e-7)
    wide = GMADLLoss(a, b)(
        torch.tensor(prediction, dtype=torch.float64),
        torch.tensor(target, dtype=torch.float64),
    )
    assert wide.item() == pytest.approx(by_hand(prediction, target, a, b), abs=1e-15)


def test_one_value_of_gmadl_to_the_digit():
    """y = f = 0.01, a = 1000, b = 2: (sigmoid(0.1) - 0.5) * 1e-4."""
    value = GMADLLoss()(torch.tensor([0.01]), torch.tensor([0.01])).item()
    assert value == pytest.approx(-0.02497918747894 * 1e-4, abs=1e-9)


def test_gmadl_gradients_are_right():
    prediction = torch.randn(7, 3, dtype=torch.float64, requires_grad=True)
    target = torch.randn(7, 3, dtype=torch.float64) * 0.02
    for loss in (GMADLLoss(), NormalisedGMADLLoss(sigma=0.02, a=100.0)):
        assert torch.autograd.gradcheck(
            lambda p, loss=loss: loss(p, target), prediction
        )


@pytest.mark.parametrize("steepness", [-1e6, -9000.0, 0.0, 9000.0, 1e6])
def test_gmadl_gradients_are_finite_however_far_out(steepness):
    prediction = torch.tensor([1.0], requires_grad=True)
    GMADLLoss(a=1.0)(prediction, torch.tensor([steepness])).backward()
    assert torch.isfinite(prediction.grad).all()


@given(st.floats(1e-4, 0.5), st.floats(1, 5000), st.floats(1, 4), st.integers(0, 99))
def test_the_normalised_form_is_the_raw_one_up_to_its_factors(sigma, a, b, seed):
    generator = torch.Generator().manual_seed(seed)
    target = torch.randn(64, generator=generator, dtype=torch.float64) * sigma
    prediction = torch.randn(64, generator=generator, dtype=torch.float64) * sigma
    raw = GMADLLoss(a, b)(prediction, target).item()
    loss = NormalisedGMADLLoss(sigma=sigma, a=a, b=b)
    found = loss(prediction / sigma, target / sigma).item()
    assert sigma**b * (a * sigma**2) * found == pytest.approx(raw, rel=1e-6)


def test_normalised_gradients_are_of_order_one_where_raw_ones_vanish():
    target = torch.randn(256) * 0.002
    scaled = target / 0.002

    def size(loss):
        prediction = (torch.randn(256) * 0.1).requires_grad_()
        loss(prediction, scaled).backward()
        return prediction.grad.abs().median().item() * 256

    raw = make_loss(LossConfig("gmadl"), target_sigma=0.002)
    normalised = make_loss(LossConfig("gmadl_normalised"), target_sigma=0.002)
    assert size(raw) < 1e-5
    assert 0.01 < size(normalised) < 10


def test_half_precision_input_is_widened_before_anything_is_computed():
    prediction = torch.tensor([0.01], dtype=torch.float16)
    target = torch.tensor([2e-4], dtype=torch.float16)
    found = GMADLLoss()(prediction, target)
    assert found.dtype == torch.float32
    assert found.item() != 0


def test_madl_judges_by_the_sign():
    found = MADLLoss().judge(torch.tensor([1.0, -1.0]), torch.tensor([0.3, 0.1]))
    assert found.item() == pytest.approx((-0.3 + 0.1) / 2)


@pytest.mark.parametrize(
    ("kind", "value"), [("mse", 2.5), ("mae", 1.5), ("huber", 1.0)]
)
def test_plain_losses(kind, value):
    loss = make_loss(LossConfig(kind), target_sigma=1.0)
    found = loss(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 0.0]))
    assert found.item() == pytest.approx(value)


def test_multi_task_weights_even_out_the_heads():
    loss = MultiTaskLoss(sigma=1.0, a=1.0, b=2.0)
    prediction = torch.randn(64, 1, 2)
    target = torch.randn(64, 1, 2)
    target[..., 1] *= 1000
    for _ in range(100):
        loss(prediction, target)
    weights = 2 * loss.inverse / loss.inverse.sum()
    at = prediction.clone().requires_grad_()
    heads = loss.heads(at, target)
    norms = [
        (weight * torch.autograd.grad(head, at, retain_graph=True)[0].norm()).item()
        for weight, head in zip(weights, heads, strict=True)
    ]
    assert norms[0] == pytest.approx(norms[1], rel=0.01)


def test_judging_does_not_move_the_multi_task_weights():
    loss = MultiTaskLoss(sigma=1.0, a=1.0, b=2.0)
    before = loss.inverse.clone()
    loss.judge(torch.randn(4, 1, 2), torch.randn(4, 1, 2))
    assert torch.equal(loss.inverse, before)


def test_an_overflow_leaves_the_multi_task_weights_as_they_are():
    loss = MultiTaskLoss(sigma=1.0, a=1.0, b=2.0)
    target = torch.randn(4, 1, 2)
    loss(torch.randn(4, 1, 2), target)
    before = loss.inverse.clone()
    for bad in (math.inf, math.nan):
        prediction = torch.randn(4, 1, 2)
        prediction[0] = bad
        loss(prediction, target)
        assert torch.equal(loss.inverse, before)
    assert torch.isfinite(loss(torch.randn(4, 1, 2), target))
