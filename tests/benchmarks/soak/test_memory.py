"""The line through the memory of a process."""

import random

import pytest

from benchmarks.soak.memory import slope


def life(seconds, mb_per_hour, *, begin=0, noise=0.0):
    rng = random.Random(1)
    return [
        (begin + at, 100 + mb_per_hour * at / 3600 + rng.gauss(0, noise))
        for at in range(0, seconds, 1)
    ]


def test_steady_growth_is_found_to_its_size():
    found = slope([life(900, 36.0)])
    assert found.mb_per_hour == pytest.approx(36.0)
    assert found.judged
    assert found.mb_per_hour > found.allowed


def test_noise_without_growth_is_flat():
    found = slope([life(900, 0.0, noise=0.5)])
    assert 0 < 3 * found.error <= found.allowed
    assert abs(found.mb_per_hour) < found.allowed


def test_only_the_longest_life_counts_without_its_warm_up():
    warm_up = [(900 + at, 50 + at) for at in range(100)]
    found = slope([life(300, 900.0), warm_up + life(800, 0.0, begin=1000)])
    assert found.mb_per_hour == pytest.approx(0, abs=1e-6)
    assert found.first_mb == 100


def test_a_short_life_is_not_judged():
    assert not slope([life(120, 0.0)]).judged
    assert slope([[]]) is None
    assert slope([]) is None
