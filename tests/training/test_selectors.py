import itertools
import time

import pytest

from tests.training import planted
from tests.training.planted import VENUE
from training import epoch_selectors, selectors, stats
from training.engine.results import ScaleRun
from training.engine.scale_report import expand
from training.models import Study, Trial, TrialEpoch

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bus")]


@pytest.fixture
def typical():
    return planted.typical()


def told(study):
    return selectors.study(study_id=study.id, venue=VENUE)


def test_counts_tell_what_waits_and_leave_replaced_trials_out_of_it(typical):
    # 6 wanted: 0, 1, the retry of 2, and 4 are settled, 5 runs.
    assert told(typical)["counts"] == {
        "waiting": 1, "running": 1, "complete": 2, "pruned": 1, "failed": 2,
        "cancelled": 0,
    }  # fmt: skip
    Trial.objects.filter(study=typical, number=4).update(requeue_asked=True)
    assert told(typical)["counts"]["waiting"] == 2
    Study.objects.filter(id=typical.id).update(state="complete")
    assert told(typical)["counts"]["waiting"] == 0


def test_the_best_trial_is_the_complete_one_of_least_value():
    study = planted.study()
    planted.trial(study, 0, epochs=0, state="complete", value=0.5)
    planted.trial(study, 1, epochs=0, state="pruned", value=0.1)
    best = planted.trial(study, 2, epochs=0, state="complete", value=0.3)
    planted.trial(study, 3, epochs=0, state="complete", value=0.3)
    assert told(study)["best"] == {
        "id": best.id, "number": 2, "value": 0.3, "params": best.params
    }  # fmt: skip
    assert told(planted.study("empty"))["best"] is None


def test_the_remaining_time_follows_from_the_trials_that_ended(typical):
    now = time.time_ns() // 1_000_000
    rows = Trial.objects.filter(study=typical)
    rows.filter(number__in=(0, 1, 3)).update(started_at=now - 60_000, ended_at=now)
    running = rows.filter(number=5)
    # 4 of its 10 epochs in 40 s leave 60 s; one more trial of 60 s waits.
    running.update(started_at=now - 40_000)
    assert told(typical)["eta_seconds"] == pytest.approx(120, abs=2)
    running.update(state="failed", ended_at=now)
    Study.objects.filter(id=typical.id).update(state="waiting")
    assert told(typical)["eta_seconds"] is None


def test_studies_come_newest_first_page_by_page_and_filtered():
    made = [planted.study(f"s{number}") for number in range(5)]
    planted.study("elsewhere", venue="testnet")
    for number, study in enumerate(made):
        Study.objects.filter(id=study.id).update(created_at=1000 + number)
    planted.trial(made[1], 0, epochs=1)

    def names(**wish):
        return [row["name"] for row in selectors.studies(venue=VENUE, **wish)]

    assert names() == ["s4", "s3", "s2", "s1", "s0"]
    assert names(limit=2) == ["s4", "s3"]
    assert names(after=made[3].id) == ["s2", "s1", "s0"]
    assert names(state="running") == ["s1"]
    assert names(since=1001, until=1003) == ["s2", "s1"]
    assert selectors.study(study_id=made[0].id, venue="testnet") is None


def test_a_list_of_studies_costs_the_same_queries_however_long(
    django_assert_num_queries,
):
    for number in range(6):
        planted.trial(
            planted.study(f"s{number}"), 0, epochs=0, state="complete", value=1.0
        )
    with django_assert_num_queries(4):
        assert len(selectors.studies(venue=VENUE)) == 6


def test_trials_come_by_number(typical):
    def numbers(**wish):
        found = selectors.trials(study_id=typical.id, **wish)
        return [row["number"] for row in found]

    assert numbers() == [0, 1, 2, 3, 4, 5]
    assert numbers(after=0, limit=2) == [1, 2]
    assert numbers(after=-1, limit=1) == [0]
    assert numbers(state="failed") == [2, 4]
    Trial.objects.filter(study=typical, number=5).update(started_at=99)
    assert numbers(until=100) == [5]
    assert numbers(since=100) == [0, 1, 2, 3, 4]


def test_epochs_follow_a_cursor(typical):
    trial = Trial.objects.get(study=typical, number=0)
    first = epoch_selectors.epochs(trial=trial, limit=2)
    rest = epoch_selectors.epochs(trial=trial, after=first[-1]["epoch"])
    assert [row["epoch"] for row in first + rest] == [0, 1, 2, 3, 4]
    assert [len(row["events"]) for row in first + rest] == [3, 2, 1, 1, 1]
    assert first[0]["overflow_rate"] == 2 / 50
    at = TrialEpoch.objects.get(trial=trial, epoch=3).at
    TrialEpoch.objects.filter(trial=trial, epoch__lt=3).update(at=5)
    found = epoch_selectors.epochs(trial=trial, until=at)
    assert [row["epoch"] for row in found] == [0, 1, 2]
    assert epoch_selectors.epochs(trial=trial, after=99) == []


def test_the_scale_of_every_batch_is_told_in_as_few_runs_as_there_are_changes():
    study = planted.study()
    trial = planted.trial(study, 0, epochs=4, overflow_at=(49, 50, 120))
    found = epoch_selectors.scale_history(trial=trial)
    scales = expand([ScaleRun(*run) for run in found["runs"]])
    assert len(scales) == found["batches"] == 200
    stored = TrialEpoch.objects.filter(trial=trial).order_by("epoch")
    assert scales == [
        scale
        for row in stored
        for scale in expand([ScaleRun(*run) for run in row.scale_runs])
    ]
    changes = sum(a != b for a, b in itertools.pairwise(scales))
    assert len(found["runs"]) == changes + 1 < sum(len(r.scale_runs) for r in stored)
    assert found.keys() == {"trial", "batches", "runs", "events"}
    assert found["events"][0].keys() == {
        "epoch", "batch", "kind", "before", "after", "advice"
    }  # fmt: skip
    assert [one["batch"] for one in found["events"]] == [25, 49, 50, 75, 120, 125, 175]


def test_a_trial_without_a_scaler_has_batches_and_no_runs():
    trial = planted.trial(planted.study(), 0, epochs=2, fp16=False)
    assert epoch_selectors.scale_history(trial=trial) == {
        "trial": trial.id, "batches": 100, "runs": [], "events": []
    }  # fmt: skip


def test_the_trials_of_a_study_are_compared_column_by_column(typical):
    found = epoch_selectors.study_scales(study_id=typical.id)
    assert [row["number"] for row in found["trials"]] == [0, 1, 2, 3, 4, 5]
    first, retry, empty = (found["trials"][n] for n in (0, 3, 4))
    assert first["epoch"] == [0, 1, 2, 3, 4]
    assert len(first["scale_last"]) == len(first["validation_loss"]) == 5
    assert first["overflows"] == [2, 1, 0, 0, 0]
    assert retry["epoch"] == [2, 3, 4]
    assert empty["epoch"] == empty["scale_last"] == []


def test_a_hundred_epochs_of_fifty_trials_are_told_at_once():
    study = planted.many(trials=50, epochs=100)
    # Of the processor: others may use the machine meanwhile.
    began = time.thread_time()
    found = epoch_selectors.study_scales(study_id=study.id)
    took = time.thread_time() - began
    assert sum(len(row["epoch"]) for row in found["trials"]) == 5_000
    assert took < 1.0


def test_statistics_are_of_each_trial_and_of_all(typical):
    planted.trial(planted.study("testnet's", venue="testnet"), 0, epochs=3)
    found = stats.get_training_stats()
    totals = found["totals"]
    assert found["venue"] == VENUE
    assert totals["studies"] == {"total": 1, "running": 1}
    assert totals["trials"] == {
        "total": 6, "complete": 2, "pruned": 1, "failed": 2, "running": 1
    }  # fmt: skip
    assert (totals["epochs"], totals["batches"]) == (16, 800)
    assert (totals["overflows"], totals["resets"]) == (4, 0)
    assert totals["overflow_rate"] == 4 / 800
    assert totals["scale_min"] < totals["scale_last"] < totals["scale_max"]
    trials = {row["number"]: row for row in found["trials"]}
    assert sum(row["batches"] for row in trials.values()) == totals["batches"]
    assert sum(row["overflows"] for row in trials.values()) == totals["overflows"]
    assert trials[0]["overflow_rate"] == 3 / 250
    assert len(trials[0]["scale_values"]) == trials[0]["epochs"] == 5
    assert trials[0]["scale_values"][-1] == trials[0]["scale_last"]
    assert trials[4]["scale_values"] == []


def test_statistics_of_one_study_and_of_nothing(typical):
    other = planted.study("other")
    planted.trial(other, 0, epochs=1, fp16=False)
    found = stats.get_training_stats(study=other.id)
    assert found["totals"]["trials"] == {"total": 1, "running": 1}
    assert (found["totals"]["batches"], found["totals"]["scale_last"]) == (50, None)
    assert len(stats.get_training_stats(trials=2)["trials"]) == 2
    # Batches that nothing scaled do not make overflows rarer.
    both = stats.get_training_stats()["totals"]
    assert (both["batches"], both["overflow_rate"]) == (850, 4 / 800)
    empty = stats.get_training_stats(venue="binance")
    assert empty["totals"]["overflow_rate"] == 0.0
    assert empty["totals"]["trials"] == {"total": 0}
    assert empty["trials"] == []
