"""One trial's process, here in the test's own: how it ends, and what the look does."""

import json

import optuna
import pytest
from optuna.trial import TrialState

from core.errors import InvalidInput
from tests.training.test_wake import redirected
from training import search, services, trial_child, upkeep
from training.models import Trial
from training.search import TrialEnded
from training.study_search import search_of
from training.study_spec import StudySpec
from training.trial_child import Ended
from training.trial_process import Place, TrialProcess

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path):
    site = settings.QUANTAI.site.model_copy(update={"var": tmp_path})
    training = settings.QUANTAI.training.model_copy(
        update={
            "heartbeat_seconds": 1,
            "grace_seconds": 3,
            "storage_url": f"sqlite:///{tmp_path / 'optuna.sqlite3'}",
        }
    )
    settings.QUANTAI = settings.QUANTAI.model_copy(
        update={"site": site, "training": training}
    )


@pytest.fixture
def orders(bus, settings, redis_server):
    """The queue of a real broker; gives the studies that its messages name."""
    redirected(settings, redis_server.url)
    return lambda: [
        json.loads(one)["headers"]["argsrepr"]
        for one in bus.lrange(upkeep.QUEUE, 0, -1)
    ]


def study(**changes):
    spec = {
        "trials": 2,
        "workers": 2,
        "pruner": "none",
        "space": {"model.dropout": {"low": 0.0, "high": 0.5}},
        **changes,
    }
    return services.study_create(
        venue="simulator", name="one", spec=StudySpec.from_dict(spec), actor="test"
    )


def run(row, work):
    return TrialProcess(row.id, Place("worker-1@here"), work).run()


def complete(running):
    search.suggest(running.trial, running.spec)
    running.begins(epochs_wanted=1)
    return 0.25


def raising(error, *, begin=True):
    def work(running):
        search.suggest(running.trial, running.spec)
        if begin:
            running.begins(epochs_wanted=1)
        raise error

    return work


def ends(row):
    return list(
        Trial.objects.filter(study=row)
        .order_by("number")
        .values_list("state", "reason", "value")
    )


def optuna_states(row):
    trials = search_of(row).open().get_trials(deepcopy=False)
    return [one.state.name for one in trials]


def test_a_complete_trial_has_its_value_and_its_parameters_in_the_row():
    row = study()
    assert run(row, complete) == Ended.TRIAL
    trial = Trial.objects.get(study=row)
    assert (trial.state, trial.value, trial.attempt) == ("complete", 0.25, 1)
    assert set(trial.params) == {"model.dropout"}
    assert trial.worker == "worker-1@here"
    assert optuna_states(row) == ["COMPLETE", "WAITING"]


@pytest.mark.parametrize("begin", [True, False])
def test_an_error_fails_the_trial_with_one_sentence_and_a_traceback(caplog, begin):
    row = study()
    broken = raising(ZeroDivisionError("by nought\nand more"), begin=begin)
    assert run(row, broken) == Ended.TRIAL
    assert ends(row) == [("failed", "ZeroDivisionError: by nought", None)]
    assert "Traceback" in caplog.text
    assert optuna_states(row) == ["FAIL", "WAITING"]


def test_values_that_do_not_go_together_fail_the_trial_by_their_rule():
    row = study()
    run(row, raising(InvalidInput("n_heads", 3, "must divide d_model (64)")))
    assert ends(row)[0][:2] == (
        "failed",
        "n_heads: 3 is refused: must divide d_model (64)",
    )


def test_a_pruned_trial_says_why():
    row = study()
    run(row, raising(optuna.TrialPruned("the loss is no number")))
    assert ends(row)[0][:2] == ("pruned", "the loss is no number")


def test_without_memory_it_is_repeated_at_half_the_batch_until_it_is_useless():
    row = study(trials=1)
    full = raising(TrialEnded(search.OUT_OF_MEMORY, "no memory for batches of 32"))
    while run(row, full) == Ended.TRIAL:
        pass
    trials = search_of(row).open().get_trials(deepcopy=False)
    assert [search.halvings_of(one) for one in trials] == [0, 1, 2, 3, 4]
    assert [one[:2] for one in ends(row)] == [
        ("failed", "no memory for batches of 32")
    ] * 5
    attempts = Trial.objects.order_by("number").values_list("attempt", "retry_of")
    assert list(attempts) == [(1, None), (2, 0), (3, 1), (4, 2), (5, 3)]


def test_no_more_work_on_a_study_than_it_may_have():
    row = study(workers=1)
    seen = []

    def work(running):
        seen.append(TrialState.RUNNING in _states(running))
        other = TrialProcess.__new__(TrialProcess)
        other._search = running.process._search
        seen.append(other._may_run(running.trial.study))
        return complete(running)

    run(row, work)
    assert seen == [True, False]


def _states(running):
    return [one.state for one in running.trial.study.get_trials(deepcopy=False)]


def test_an_ended_or_cancelled_study_gives_nothing_to_do(caplog):
    row = study()
    services.study_fail(study_id=row.id, reason="refused")
    assert run(row, complete) == Ended.NOTHING_TO_DO
    assert ends(row) == []


def test_the_look_calls_as_many_workers_as_there_is_work_for_and_no_more(orders):
    row = study(trials=5, workers=3)
    for _ in range(2):
        upkeep.look("simulator")
    assert orders() == [f"({row.id},)"] * 3


def test_the_look_ends_a_study_that_has_no_trial_left(bus):
    row = study()
    run(row, complete)
    run(row, complete)
    upkeep.look("simulator")
    row.refresh_from_db()
    assert row.state == "complete"


def test_the_look_takes_what_waits_from_a_cancelled_study_and_gives_it_back(bus):
    row = study()
    run(row, complete)
    services.study_cancel(study_id=row.id, venue="simulator")
    upkeep.look("simulator")
    row.refresh_from_db()
    assert (row.state, optuna_states(row)) == ("cancelled", ["COMPLETE", "FAIL"])
    services.study_requeue(study_id=row.id, venue="simulator")
    upkeep.look("simulator")
    assert optuna_states(row) == ["COMPLETE", "FAIL", "WAITING"]
    assert run(row, complete) == Ended.TRIAL
    upkeep.look("simulator")
    row.refresh_from_db()
    assert row.state == "complete"


def test_the_look_repeats_a_trial_that_people_want_again(bus):
    row = study(trials=1)
    run(row, raising(ZeroDivisionError("by nought")))
    trial = Trial.objects.get(study=row)
    services.trial_requeue(trial_id=trial.id, venue="simulator")
    upkeep.look("simulator")
    assert run(row, complete) == Ended.TRIAL
    upkeep.look("simulator")
    first, again = Trial.objects.order_by("number")
    assert (first.state, again.state, again.retry_of) == ("failed", "complete", 0)
    assert first.params == again.params


def test_a_trial_whose_process_is_known_to_be_dead_is_repeated_at_once(bus):
    row = study(trials=1)

    def dies(running):
        complete(running)
        raise SystemExit(9)

    with pytest.raises(SystemExit):
        run(row, dies)
    trial = Trial.objects.get(study=row)
    assert trial.state == "running"
    upkeep.process_died(row.id, host=trial.host, pid=trial.pid)
    upkeep.process_died(row.id, host=trial.host, pid=trial.pid)
    upkeep.look("simulator")
    assert optuna_states(row) == ["FAIL", "WAITING"]
    trial.refresh_from_db()
    assert (trial.state, trial.reason) == ("failed", upkeep.DIED)


def test_one_that_was_taken_for_dead_too_often_adds_no_trial_when_it_wakes(bus):
    row = study(trials=1, max_retry=0)

    def sleeps(running):
        complete(running)
        trial = Trial.objects.get(study=row)
        upkeep.process_died(row.id, host=trial.host, pid=trial.pid)
        raise TrialEnded(search.INTERRUPTED, "its row says that it has ended")

    assert run(row, sleeps) == Ended.TRIAL
    upkeep.look("simulator")
    assert optuna_states(row) == ["FAIL"]
    assert ends(row) == [("failed", upkeep.DIED, None)]


def test_a_row_that_its_process_left_running_follows_what_optuna_says(bus, monkeypatch):
    row = study(trials=1)
    with monkeypatch.context() as patch:
        patch.setattr("training.trial_process.row_ended", lambda *_: None)
        run(row, complete)
    assert Trial.objects.get(study=row).state == "running"
    upkeep.look("simulator")
    assert ends(row) == [("complete", "", 0.25)]


def test_a_study_that_cannot_be_looked_after_does_not_stop_the_others(
    orders, caplog, monkeypatch
):
    broken = study()
    type(broken).objects.filter(id=broken.id).update(name="broken")
    refused = study()
    spec = {**refused.spec, "trials": 0}
    type(broken).objects.filter(id=refused.id).update(name="refused", spec=spec)
    good = study(trials=1)
    real = upkeep.search_of

    def search_of_all_but_one(row):
        if row.id == broken.id:
            raise ZeroDivisionError
        return real(row)

    monkeypatch.setattr(upkeep, "search_of", search_of_all_but_one)
    upkeep.look("simulator")
    assert orders() == [f"({good.id},)"]
    assert f"study {broken.id} cannot be looked after" in caplog.text
    refused.refresh_from_db()
    assert refused.state == "failed"
    assert "trials" in refused.reason


@pytest.mark.parametrize(
    ("worker", "devices", "device"),
    [
        ("worker-1@here", (), ""),
        ("worker-1@here", ("cuda:0", "cuda:1"), "cuda:0"),
        ("worker-2@here", ("cuda:0", "cuda:1"), "cuda:1"),
        ("worker-3@here", ("cuda:0", "cuda:1"), "cuda:0"),
        ("terminal", ("cuda:0",), "cuda:0"),
    ],
)
def test_devices_are_dealt_out_in_turn(worker, devices, device):
    assert trial_child.device_of(worker, devices) == device
