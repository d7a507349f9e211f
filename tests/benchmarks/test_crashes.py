"""How the trader is to die: every point under every circumstance, the same each time."""

from accounts.crash_points import POINTS
from benchmarks.crashes.plan import CIRCUMSTANCES, RANDOM, deaths


def test_two_hundred_deaths_hold_every_pair_and_random_moments():
    found = list(deaths(200, 7))
    pairs = {(one.point, one.circumstance) for one in found}
    assert {(p, c) for p in POINTS for c in CIRCUMSTANCES} <= pairs
    assert {(RANDOM, c) for c in CIRCUMSTANCES} <= pairs
    assert len(found) == 200


def test_a_few_deaths_still_hold_every_point():
    found = list(deaths(len(POINTS), 1))
    assert {one.point for one in found} == set(POINTS)
    assert {one.circumstance for one in found} == set(CIRCUMSTANCES)


def test_a_seed_gives_the_same_deaths():
    assert list(deaths(50, 3)) == list(deaths(50, 3))
    assert list(deaths(50, 3)) != list(deaths(50, 4))
