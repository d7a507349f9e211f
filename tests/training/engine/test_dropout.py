"""Dropout from shared random numbers."""

import pytest
import torch
from torch.autograd import gradcheck

from training.engine.dropout import Dropout, _ByteDropout, keep_mask


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
def test_the_share_and_the_mean_are_kept(share):
    torch.manual_seed(0)
    layer = Dropout(share).train()
    found = layer(torch.ones(200, 501))
    dropped = (found == 0).float().mean().item()
    assert dropped == pytest.approx(round(share * 256) / 256, abs=0.005)
    assert found.mean().item() == pytest.approx(1.0, abs=0.01)


def test_neighbours_are_independent():
    torch.manual_seed(0)
    kept = (keep_mask(torch.empty(80_000), 128) > 0).float() - 0.5
    for apart in range(1, 9):
        assert abs((kept[:-apart] * kept[apart:]).mean().item()) < 0.004


def test_evaluation_and_a_share_of_nothing_change_nothing():
    x = torch.randn(3, 4)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0).train()(x) is x


def test_the_gradient_goes_where_the_value_went():
    x = torch.randn(50, requires_grad=True)
    found = Dropout(0.3).train()(x)
    found.sum().backward()
    assert torch.equal(x.grad == 0, found == 0)


def test_gradients_are_right():
    x = torch.randn(9, dtype=torch.float64, requires_grad=True)

    def seeded(value):
        torch.manual_seed(1)
        return _ByteDropout.apply(value, 77)

    assert gradcheck(seeded, (x,))


def test_a_saved_generator_gives_the_same_mask():
    layer = Dropout(0.3).train()
    x = torch.ones(1000)
    state = torch.get_rng_state()
    first = layer(x)
    torch.set_rng_state(state)
    assert torch.equal(first, layer(x))
