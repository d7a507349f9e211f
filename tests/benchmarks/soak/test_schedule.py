"""The plan of a soak: reproducible, spaced, complete, and only what the exchange can do."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.soak.recipes import BY_KIND, LEFT_OUT, RECIPES
from benchmarks.soak.schedule import LEAD_SECONDS, Planned, Wish, plan
from market.simulator.faults.fault import Fault
from market.simulator.faults.kinds import KINDS

SYMBOLS = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
PROCESSES = {"feed_kill", "feed_pause", "redis_kill", "simulator_kill"}

wishes = st.builds(
    Wish,
    hours=st.floats(0.3, 30),
    speed=st.floats(1, 60),
    seed=st.integers(0, 2**40),
    overlap=st.booleans(),
)


@given(wishes)
def test_faults_come_in_order_apart_and_within_the_run(wish):
    found = plan(wish, SYMBOLS)
    assert len(found) == wish.count >= 1
    assert [each.number for each in found] == list(range(1, len(found) + 1))
    times = [each.at for each in found]
    assert times[0] >= LEAD_SECONDS
    assert times[-1] < wish.seconds
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert all(gap >= wish.least_gap * 0.99 for gap in gaps)


@given(wishes)
def test_the_same_seed_makes_the_same_plan(wish):
    assert plan(wish, SYMBOLS) == plan(wish, SYMBOLS)


def test_another_seed_makes_another_plan():
    first, second = (plan(Wish(24, 60, seed), SYMBOLS) for seed in (1, 2))
    assert [each.kind for each in first] != [each.kind for each in second]


@given(wishes)
def test_every_fault_is_one_that_the_exchange_takes(wish):
    for each in plan(wish, SYMBOLS):
        if not each.recipe.process:
            Fault(kind=each.kind, **each.options)


@given(wishes)
def test_no_answer_asks_for_more_than_seconds_of_silence(wish):
    for each in plan(wish, SYMBOLS):
        assert each.options.get("answer") not in ("403", "451")
        assert each.options.get("seconds", 0) <= 3
        assert each.seconds <= (5 if each.kind != "rest" else 11)


@given(wishes)
def test_the_second_half_is_one_life_of_the_feed(wish):
    late = [each for each in plan(wish, SYMBOLS) if each.at >= wish.seconds / 2]
    assert "feed_kill" not in {each.kind for each in late}


def test_there_is_a_recipe_for_every_kind_of_the_exchange_and_each_process():
    assert set(BY_KIND) | LEFT_OUT == set(KINDS) | PROCESSES
    assert not set(BY_KIND) & LEFT_OUT
    assert len(BY_KIND) == len(RECIPES)


def test_a_day_has_200_faults_of_every_kind():
    counts = Counter(each.kind for each in plan(Wish(24, 60, 1), SYMBOLS))
    assert counts.total() >= 200
    assert set(counts) == set(BY_KIND)


def test_an_hour_has_twelve_faults():
    assert Wish(1, 60, 1).count == 12


def test_what_is_noticed_after_a_minute_is_left_out_of_short_runs():
    kinds = {
        each.kind for seed in range(50) for each in plan(Wish(1, 60, seed), SYMBOLS)
    }
    assert kinds.isdisjoint(each.kind for each in RECIPES if each.slow)
    assert kinds >= PROCESSES


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"hours": 0}, "hours 0"),
        ({"speed": 0.5}, "speed 0.5"),
        ({"faults": -1}, "must not be negative"),
        ({"faults": 100}, "at most 13"),
        ({"hours": 0.1}, "at most 0"),
    ],
)
def test_a_wish_that_cannot_be_is_refused(changes, text):
    with pytest.raises(ValueError, match=text):
        Wish(**{"hours": 1, "speed": 60, "seed": 1} | changes)


def test_a_fault_reads_as_one_would_arm_it():
    fault = Planned(1, 2.0, "close", 0, {"code": 1008})
    assert str(fault) == "close code=1008"
    assert str(Planned(1, 2.0, "mute", 2.5)) == "mute for 2.5 s"
