import logging

import pytest
from django.conf import settings

from core import push, wire
from core.errors import BusUnavailable, Conflict, InvalidInput
from quantai_site.celery import app
from tests.training import planted
from tests.training.planted import VENUE
from training import recorder, selectors, services, tasks
from training.models import ScaleMark, Study, Trial, TrialEpoch
from training.study_spec import StudySpec

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bus")]


@pytest.fixture
def woken(monkeypatch):
    """The studies for which workers were asked."""
    calls = []
    monkeypatch.setattr(services.wake, "workers", calls.append)
    return calls


def create(name="first", **spec):
    return services.study_create(
        venue=VENUE, name=name, spec=planted.spec(**spec), actor="ada"
    )


def requeue(trial):
    services.trial_requeue(trial_id=trial.id, venue=VENUE)
    trial.refresh_from_db()
    return trial


def test_a_new_study_waits_and_its_workers_are_woken_after_commit(
    woken, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks() as waiting:
        study = create("  tuned  ", trials=7)
        assert woken == []
    for callback in waiting:
        callback()
    assert woken == [study.id]
    study.refresh_from_db()
    assert (study.name, study.state, study.trials_wanted) == ("tuned", "waiting", 7)
    assert (study.created_by, study.venue) == ("ada", VENUE)
    assert StudySpec.from_dict(study.spec) == planted.spec(trials=7)


def test_a_study_stays_when_the_workers_cannot_be_woken(
    monkeypatch, caplog, django_capture_on_commit_callbacks
):
    def away(study_id):
        raise BusUnavailable("Redis is away")

    monkeypatch.setattr(services.wake, "workers", away)
    with (
        caplog.at_level(logging.WARNING),
        django_capture_on_commit_callbacks(execute=True),
    ):
        study = create()
    assert Study.objects.get(id=study.id).state == "waiting"
    assert "waits for the next look: Redis is away" in caplog.text


def test_two_studies_of_a_venue_never_share_a_name():
    first = create("same")
    with pytest.raises(Conflict) as refused:
        create("same")
    assert (refused.value.field, refused.value.value) == ("name", "same")
    other = services.study_create(
        venue="testnet", name="same", spec=planted.spec(), actor="ada"
    )
    assert other.optuna_name != first.optuna_name
    assert Study.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "spec", "field"),
    [
        ("", {}, "name"),
        ("x" * 121, {}, "name"),
        ("a\nb", {}, "name"),
        ("a", {"interval": "7m"}, "interval"),
        ("a", {"symbols": ("BTC/USDT",)}, "symbols"),
        ("a", {"symbols": ("BTCUSDT", "BTCUSDT")}, "symbols"),
        ("a", {"symbols": ("btcusdt",)}, "symbols"),
        ("a", {"symbols": ("X" * 65,)}, "symbols"),
        (
            "a",
            {"space": {"model.dropout": {"low": 0, "high": 2}}},
            "space.model.dropout.high",
        ),
        ("a", {"features": ("nonsense",)}, "features"),
        ("a", {"trials": 10_001}, "trials"),
        ("a", {"workers": 65}, "workers"),
        ("a", {"train": {"device": "cpu\0"}}, "train.device"),
        ("a", {"train": {"device": "tpu"}}, "train.device"),
    ],
)
def test_what_no_worker_could_do_is_refused_by_name(name, spec, field):
    with pytest.raises(InvalidInput) as refused:
        create(name, **{key: value if not isinstance(value, tuple) else list(value)
                        for key, value in spec.items()})  # fmt: skip
    assert refused.value.field == field
    assert not Study.objects.exists()


def test_only_one_of_several_begins_a_study():
    study = create()
    assert services.study_begin(study_id=study.id)
    assert not services.study_begin(study_id=study.id)
    study.refresh_from_db()
    assert study.state == "running"
    assert study.started_at is not None


def test_a_study_to_be_cancelled_does_not_begin():
    study = create()
    assert services.study_cancel(study_id=study.id, venue=VENUE)
    assert not services.study_begin(study_id=study.id)


def test_cancelling_reaches_the_trials_that_run_and_the_study_ends_with_the_last():
    study = create()
    running = planted.trial(study, 0, epochs=1)
    assert recorder.stop_wanted(running.id) is None
    assert services.study_cancel(study_id=study.id, venue=VENUE)
    assert recorder.stop_wanted(running.id) == "the study was cancelled"
    assert not services.study_finish_if_done(study_id=study.id)
    recorder.trial_ended(
        trial_id=running.id, state="cancelled", value=None, reason="x", metrics={}
    )
    assert services.study_finish_if_done(study_id=study.id)
    assert not services.study_finish_if_done(study_id=study.id)
    study.refresh_from_db()
    assert (study.state, study.reason) == ("cancelled", "it was cancelled")
    assert study.ended_at is not None
    assert not services.study_cancel(study_id=study.id, venue=VENUE)


def test_another_venue_cannot_cancel_or_requeue():
    study = create()
    trial = planted.trial(study, 0, epochs=0, state="failed")
    assert not services.study_cancel(study_id=study.id, venue="binance")
    assert not services.trial_cancel(trial_id=trial.id, venue="binance")
    with pytest.raises(Trial.DoesNotExist):
        services.trial_requeue(trial_id=trial.id, venue="binance")
    with pytest.raises(Study.DoesNotExist):
        services.study_requeue(study_id=study.id, venue="binance")


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        (("complete", "failed"), "complete"),
        (("failed", "pruned"), "failed"),
        ((), "failed"),
    ],
)
def test_a_study_ends_by_what_became_of_its_trials(states, wanted):
    study = create()
    for number, state in enumerate(states):
        planted.trial(study, number, epochs=1, state=state, reason=f"because {number}")
    assert services.study_finish_if_done(study_id=study.id)
    study.refresh_from_db()
    assert study.state == wanted
    if states == ("failed", "pruned"):
        assert study.reason == "no trial was completed; the last one: because 1"


def test_a_study_goes_on_while_a_trial_is_to_run_again():
    study = create()
    planted.trial(study, 0, epochs=1, state="complete")
    requeue(planted.trial(study, 1, epochs=1, state="failed"))
    assert not services.study_finish_if_done(study_id=study.id)


@pytest.mark.parametrize("state", ["failed", "pruned", "cancelled"])
def test_an_ended_trial_runs_again_and_its_study_goes_on(state, woken):
    study = create()
    planted.trial(study, 0, epochs=1, state="complete")
    trial = planted.trial(study, 1, epochs=1, state=state)
    services.study_finish_if_done(study_id=study.id)
    assert requeue(trial).requeue_asked
    assert trial.state == state
    study.refresh_from_db()
    assert (study.state, study.ended_at, study.reason) == ("waiting", None, "")
    assert [row.number for row in selectors.requeues(study_id=study.id)] == [1]


def test_a_trial_is_not_run_again_twice_nor_when_it_is_complete_or_replaced():
    study = create()
    done = planted.trial(study, 0, epochs=1, state="complete")
    died = planted.trial(study, 1, epochs=1, state="failed")
    planted.trial(study, 2, epochs=1, state="complete", retry_of=1)
    pruned = requeue(planted.trial(study, 3, epochs=1, state="pruned"))
    running = planted.trial(study, 4, epochs=1)
    for trial, rule in (
        (done, "only a trial that is pruned, failed, cancelled can run again"),
        (running, "only a trial that is pruned, failed, cancelled can run again"),
        (died, "a retry stands in for it"),
        (pruned, "it is to run again already"),
    ):
        with pytest.raises(Conflict) as refused:
            requeue(trial)
        assert refused.value.rule == rule


def test_no_trial_runs_again_while_its_study_is_being_cancelled():
    study = create()
    trial = planted.trial(study, 0, epochs=1, state="failed")
    planted.trial(study, 1, epochs=1)
    services.study_cancel(study_id=study.id, venue=VENUE)
    with pytest.raises(Conflict, match="being cancelled"):
        requeue(trial)


def test_a_cancelled_study_goes_on_with_what_it_lacks():
    study = create(trials=4)
    planted.trial(study, 0, epochs=1, state="complete")
    planted.trial(study, 1, epochs=1, state="cancelled")
    planted.trial(study, 2, epochs=1, state="pruned")
    with pytest.raises(Conflict, match="only an ended study"):
        services.study_requeue(study_id=study.id, venue=VENUE)
    services.study_cancel(study_id=study.id, venue=VENUE)
    services.study_finish_if_done(study_id=study.id)
    assert services.study_requeue(study_id=study.id, venue=VENUE) == [1]
    study.refresh_from_db()
    assert (study.state, study.cancel_asked) == ("waiting", False)
    assert selectors.study(study_id=study.id, venue=VENUE)["counts"]["waiting"] == 2


def test_a_study_with_every_result_is_not_requeued():
    study = create(trials=1)
    planted.trial(study, 0, epochs=1, state="complete")
    services.study_finish_if_done(study_id=study.id)
    with pytest.raises(Conflict, match="every trial has its result"):
        services.study_requeue(study_id=study.id, venue=VENUE)
    study.refresh_from_db()
    assert study.state == "complete"


def test_a_running_trial_is_asked_to_stop():
    study = create()
    trial = planted.trial(study, 0, epochs=1)
    assert services.trial_cancel(trial_id=trial.id, venue=VENUE)
    assert recorder.stop_wanted(trial.id) == "it was cancelled"
    recorder.trial_ended(
        trial_id=trial.id, state="cancelled", value=None, reason="", metrics={}
    )
    assert not services.trial_cancel(trial_id=trial.id, venue=VENUE)


def test_refused_data_ends_a_study_once_with_the_reason():
    study = create()
    services.study_data_set(study_id=study.id, data={"hash": "ab"})
    assert services.study_fail(study_id=study.id, reason="\0" + "r" * 900)
    assert not services.study_fail(study_id=study.id, reason="again")
    study.refresh_from_db()
    assert (study.state, study.reason) == ("failed", "r" * 500)
    assert study.data == {"hash": "ab"}


def test_old_epochs_are_deleted_and_results_stay():
    study = create()
    old = planted.trial(study, 0, epochs=2, state="complete")
    kept = planted.trial(study, 1, epochs=2, state="complete")
    planted.version(kept)
    running = planted.trial(study, 2, epochs=2)
    later = old.ended_at + 10_000
    assert services.training_prune(venue=VENUE, before_ms=old.ended_at) == 0
    assert services.training_prune(venue="testnet", before_ms=later) == 0
    assert services.training_prune(venue=VENUE, before_ms=later) == 4
    left = set(TrialEpoch.objects.values_list("trial", flat=True))
    assert left == {kept.id, running.id}
    assert set(ScaleMark.objects.values_list("trial", flat=True)) == left
    old.refresh_from_db()
    assert (old.state, old.totals["epochs"]) == ("complete", 2)


def test_the_schedule_deletes_by_the_age_of_the_settings():
    old = planted.trial(planted.study(), 0, epochs=1, state="complete")
    day_ms, days = 86_400_000, settings.QUANTAI.training.history_days
    Trial.objects.update(ended_at=old.ended_at - (days - 1) * day_ms)
    tasks.prune()
    assert TrialEpoch.objects.exists()
    Trial.objects.update(ended_at=old.ended_at - (days + 1) * day_ms)
    tasks.prune()
    assert not TrialEpoch.objects.exists()
    scheduled = {one["task"] for one in app.conf.beat_schedule.values()}
    assert tasks.prune.name in scheduled


def test_browsers_hear_of_a_study_after_commit_without_its_spec(
    bus, woken, django_capture_on_commit_callbacks
):
    with bus.pubsub() as heard:
        heard.subscribe(push.CHANNEL)
        heard.get_message(timeout=1)
        with django_capture_on_commit_callbacks(execute=True):
            study = create()
        message = push.parse(heard.get_message(timeout=1)["data"])
    [(key, text)] = message.items
    told = wire.decode(text)
    assert (message.topic, message.mode) == ("training", "queue")
    assert key == f"study-{study.id}"
    assert (told["kind"], told["id"], told["study"]) == ("study", study.id, study.id)
    assert (told["state"], told["counts"]["waiting"]) == ("waiting", 4)
    assert not {"spec", "data"} & told.keys()
    assert push.position("training") == {"epoch": message.epoch, "seq": message.seq}


def test_symbols_may_have_the_letters_that_exchanges_give_them():
    assert create("a", symbols=["币安人生USDT", "1000PEPEUSDT", "BTCUSD_PERP"])
