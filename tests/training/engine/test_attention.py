"""ProbSparse against the published algorithm, written out slowly; full attention."""

import math

import numpy as np
import pytest
import torch

from training.engine.attention import MultiHead, ProbSparse, attend


def published(query, key, value, index, *, causal):
    """One query at a time, as in Zhou et al. 2021, algorithm 1. NumPy, float64."""
    batch, heads, length, width = query.shape
    keys, sampled = key.shape[2], index.shape[1]
    chosen = min(5 * math.ceil(math.log(length)), length)
    result = np.zeros_like(query)
    for b in range(batch):
        for h in range(heads):
            measure = []
            for q in range(length):
                dots = [query[b, h, q] @ key[b, h, index[q, s]] for s in range(sampled)]
                measure.append(max(dots) - sum(dots) / keys)
            top = np.argsort(measure)[-chosen:]
            for q in range(length):
                if causal:
                    result[b, h, q] = value[b, h, : q + 1].sum(0)
                else:
                    result[b, h, q] = value[b, h].mean(0)
            for q in top:
                dots = key[b, h] @ query[b, h, q] / math.sqrt(width)
                if causal:
                    dots[q + 1 :] = -np.inf
                weights = np.exp(dots - dots.max())
                result[b, h, q] = weights @ value[b, h] / weights.sum()
    return result


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("length", [24, 40])
def test_prob_sparse_equals_the_published_algorithm(length, causal):
    random = np.random.default_rng(length)
    query, key, value = random.standard_normal((3, 2, 3, length, 8))
    sampled = min(5 * math.ceil(math.log(length)), length)
    index = random.integers(0, length, (length, sampled))
    wanted = published(query, key, value, index, causal=causal)
    q, k, v = (torch.from_numpy(one).float() for one in (query, key, value))
    layer = ProbSparse(factor=5)
    layer.sample = lambda *_: torch.from_numpy(index)
    found = layer(q, k, v, causal=causal)
    assert np.abs(found.numpy() - wanted).max() < 1e-5


def test_two_evaluations_are_equal_to_the_bit_and_training_samples_anew():
    torch.manual_seed(0)
    layer = ProbSparse(factor=1)
    data = torch.randn(2, 2, 40, 8)
    layer.eval()
    first = layer(data, data, data, causal=False)
    torch.rand(5)
    assert torch.equal(first, layer(data, data, data, causal=False))
    layer.train()
    drawn = (40, 40, 4, torch.device("cpu"))
    assert not torch.equal(layer.sample(*drawn), layer.sample(*drawn))


@pytest.mark.parametrize("kind", ["full", "probsparse"])
def test_a_causal_layer_never_looks_ahead(kind):
    torch.manual_seed(0)
    layer = MultiHead(16, 2, kind=kind, factor=1).eval()
    x = torch.randn(1, 30, 16)
    before = layer(x, causal=True)
    changed = x.clone()
    changed[:, 20:] += 1.0
    after = layer(changed, causal=True)
    if kind == "full":
        assert torch.allclose(before[:, :20], after[:, :20], atol=1e-6)
    else:
        # Which queries are sharp depends on all of them; what they see does not.
        same = (before[:, :20] - after[:, :20]).abs().amax(-1) < 1e-6
        assert same.float().mean() > 0.5


def test_masked_scores_stay_finite_in_half_precision():
    scores = torch.full((1, 1, 6, 6), 6e4, dtype=torch.float16)
    value = torch.ones(1, 1, 6, 4, dtype=torch.float16)
    found = attend(scores, value, torch.arange(6).view(1, 1, 6), causal=True)
    assert torch.isfinite(found).all()


def test_scores_that_overflow_half_precision_unscaled_are_attended_to():
    """Query times key is 64 * 40 * 40 = 102,400, above 65,504; scaled it is 12,800."""
    query = torch.full((1, 1, 6, 64), 40.0, dtype=torch.float16)
    found = ProbSparse().eval()(query, query, query / 40, causal=False)
    assert torch.allclose(found, torch.ones_like(found), atol=1e-3)


def test_cross_attention_follows_the_memory():
    layer = MultiHead(16, 2, cross=True).eval()
    x, memory = torch.randn(2, 5, 16), torch.randn(2, 9, 16)
    found = layer(x, memory)
    assert found.shape == x.shape
    assert not torch.allclose(found, layer(x, memory + 1))


def test_asking_for_the_last_positions_gives_what_all_would():
    torch.manual_seed(0)
    layer = MultiHead(16, 2).eval()
    x = torch.randn(3, 20, 16)
    whole = layer(x, causal=True)
    assert torch.allclose(layer(x, causal=True, last=6), whole[:, -6:], atol=1e-6)
