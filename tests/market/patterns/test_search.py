import random

import pytest

from market.patterns import Loss, PatternKind, find_patterns
from market.patterns.search import MERGE_MS, merge
from tests.market.patterns.histories import DAY, HOUR, MINUTE, by_chance, planted


@pytest.mark.parametrize("seed", range(10))
def test_nothing_is_found_in_a_month_of_losses_by_chance(seed):
    losses = by_chance(random.Random(seed), until=30 * DAY)
    assert 500 < len(losses) < 1000
    assert find_patterns(losses, observed=[(0, 30 * DAY)]) == ()


@pytest.mark.parametrize("per_hour", [0.2, 4.0])
def test_false_alarms_stay_below_the_stated_threshold(per_hour):
    alarms = 0
    for seed in range(150):
        rng = random.Random(seed)
        until = rng.choice([DAY, 3 * DAY, 10 * DAY])
        losses = by_chance(rng, until=until, per_hour=per_hour)
        alarms += bool(find_patterns(losses, observed=[(0, until)]))
    # At most 1 in 1000 each: two in 150 would have a probability of 1 %.
    assert alarms <= 1


def test_hours_in_which_nothing_ran_are_no_pattern():
    spans = [(day * DAY + 9 * HOUR, day * DAY + 17 * HOUR) for day in range(30)]
    alarms = 0
    for seed in range(40):
        losses = by_chance(random.Random(seed), until=0, per_hour=2.0, spans=spans)
        found = find_patterns(losses, observed=spans)
        alarms += any(p.kind is PatternKind.HOUR_OF_DAY for p in found)
    assert alarms == 0


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("times", [5, 6])
def test_a_minute_of_the_hour_is_found_after_few_occurrences(seed, times):
    rng = random.Random(seed)
    minutes = [hour * HOUR + 17 * MINUTE for hour in range(times)]
    losses = planted(rng, times=minutes, jitter=MINUTE)
    (pattern,) = find_patterns(losses, observed=[(0, times * HOUR)])
    assert pattern.kind is PatternKind.MINUTE_OF_HOUR
    assert 17 * 60 <= pattern.middle_seconds < 18 * 60
    assert pattern.times == tuple(loss.at for loss in losses)
    assert (pattern.occasions, pattern.of) == (times, times)
    assert pattern.p_value < 0.001
    assert "17 min" in pattern.summary()
    assert pattern.connections == ("market-1",)


def test_four_occurrences_are_not_enough_evidence():
    times = [hour * HOUR + 17 * MINUTE for hour in range(4)]
    losses = planted(random.Random(1), times=times, jitter=MINUTE)
    assert find_patterns(losses, observed=[(0, 4 * HOUR)]) == ()


def test_a_fresh_pattern_is_found_in_a_long_history_of_chance():
    found = 0
    for seed in range(20):
        rng = random.Random(seed)
        minutes = [30 * DAY - (8 - k) * HOUR + 17 * MINUTE for k in range(8)]
        losses = [
            *by_chance(rng, until=30 * DAY),
            *planted(rng, times=minutes, jitter=MINUTE),
        ]
        patterns = find_patterns(losses, observed=[(0, 30 * DAY)])
        found += any(
            pattern.kind is PatternKind.MINUTE_OF_HOUR
            and abs(pattern.middle_seconds - 17.5 * 60) < 90
            for pattern in patterns
        )
    assert found >= 19


def test_the_minute_may_lie_on_the_full_hour():
    times = [hour * HOUR - 20_000 for hour in range(1, 9)]
    losses = planted(random.Random(3), times=times, jitter=40_000)
    (pattern,) = find_patterns(losses, observed=[(0, 9 * HOUR)])
    assert len(pattern.times) == 8
    assert min(pattern.middle_seconds, 3600 - pattern.middle_seconds) < 30


def test_an_hour_of_the_day_is_found_and_explains_its_minute():
    rng = random.Random(5)
    times = [day * DAY + 3 * HOUR + 5 * MINUTE for day in range(7)]
    losses = planted(rng, times=times, jitter=4 * MINUTE)
    losses += by_chance(rng, until=7 * DAY, per_hour=0.1)
    (pattern,) = find_patterns(losses, observed=[(0, 7 * DAY)])
    assert pattern.kind is PatternKind.HOUR_OF_DAY
    assert 3 * 3600 < pattern.middle_seconds < 3.2 * 3600
    assert "UTC" in pattern.summary()


def test_an_age_is_found_whatever_the_clock_says():
    rng = random.Random(7)
    at, losses = 0.0, []
    for _ in range(12):
        age = 1800 + rng.uniform(-4, 4)
        at += age * 1000 + rng.uniform(30_000, 1_500_000)
        losses.append(Loss(int(at), "public-1", age))
    losses += [
        Loss(loss.at, "market-1", loss.age_seconds)
        for loss in by_chance(rng, until=int(at), per_hour=1.0)
    ]
    patterns = find_patterns(losses, observed=[(0, int(at) + 1)])
    pattern = next(p for p in patterns if p.kind is PatternKind.CONNECTION_AGE)
    assert pattern.start_seconds < 1800 < pattern.start_seconds + pattern.width_seconds
    assert pattern.occasions >= 8
    assert "public-1" in pattern.connections


def test_a_storm_within_one_hour_is_no_pattern():
    rng = random.Random(11)
    storm = [Loss(5 * HOUR + k * 20_000, f"market-{k % 7}", 15.0) for k in range(150)]
    losses = [*by_chance(rng, until=2 * DAY), *storm]
    found = find_patterns(losses, observed=[(0, 2 * DAY)])
    assert [p for p in found if p.kind is not PatternKind.CONNECTION_AGE] == []


def test_many_connections_lost_at_once_are_one_occasion():
    losses = [Loss(1000 * k, f"market-{k % 40}", 300.0 + k) for k in range(120)]
    occasions = merge(losses)
    assert [item.at for item in occasions] == [0, MERGE_MS]
    assert len(occasions[0].connections) == 40
    assert occasions[0].age_seconds == 300.0


def test_many_connections_of_one_age_lost_once_are_no_pattern():
    losses = [Loss(7 * HOUR + k, f"market-{k}", 7200.0) for k in range(280)]
    assert find_patterns(losses, observed=[(0, DAY)]) == ()


def test_two_patterns_are_both_found():
    rng = random.Random(13)
    times = [h * HOUR + m * MINUTE for h in range(12) for m in (17, 44)]
    losses = planted(rng, times=times, jitter=30_000)
    found = find_patterns(losses, observed=[(0, 12 * HOUR)])
    minutes = sorted(int(p.middle_seconds // 60) for p in found)
    assert minutes == [17, 44]


def test_losses_outside_of_the_observation_are_not_looked_at():
    times = [hour * HOUR + 17 * MINUTE for hour in range(8)]
    losses = planted(random.Random(1), times=times, jitter=MINUTE)
    assert find_patterns(losses, observed=[(20 * HOUR, 30 * HOUR)]) == ()
    assert find_patterns(losses, observed=[]) == ()


def test_a_pattern_is_current_for_three_periods():
    times = [hour * HOUR + 17 * MINUTE for hour in range(6)]
    losses = planted(random.Random(1), times=times, jitter=MINUTE)
    (pattern,) = find_patterns(losses, observed=[(0, 6 * HOUR)])
    assert pattern.current(6 * HOUR)
    assert not pattern.current(10 * HOUR)
    assert pattern.as_dict()["kind"] == "minute_of_hour"


def test_what_is_lost_every_hour_is_told_as_a_minute_although_its_ages_agree():
    for end in range(0, 60, 7):
        times = [hour * HOUR + 17 * MINUTE for hour in range(7)]
        losses = [Loss(at, "market-1", 3599.0) for at in times]
        until = 7 * HOUR + end * MINUTE
        (pattern,) = find_patterns(losses, observed=[(0, until)])
        assert pattern.kind is PatternKind.MINUTE_OF_HOUR


def test_an_age_that_drifts_over_the_clock_is_told_as_an_age():
    rng = random.Random(17)
    losses, at = [], 0.0
    for _ in range(60):
        at += 3600_000 + rng.uniform(5_000, 15_000)
        losses.append(Loss(int(at), "market-1", 3600.0))
    found = find_patterns(losses, observed=[(0, int(at) + 1)])
    assert PatternKind.CONNECTION_AGE in {p.kind for p in found}
