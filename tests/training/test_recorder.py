import contextlib
import dataclasses
import logging
import math
import os
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.db import connection, connections

from core import push, wire
from tests.training import planted
from training import epoch_selectors, recorder, services
from training.engine.results import OutputStatistics, ScaleEvent
from training.models import ScaleMark, Study, Trial, TrialEpoch

ROOT = Path(__file__).parents[2]
NAN = math.nan


@pytest.fixture
def study(db, bus):
    return planted.study()


@pytest.fixture
def trial(study):
    return planted.trial(study, 0, epochs=0)


def result(epoch=0, **changed):
    """An epoch's result; ``changed`` are its fields, ``scale__x`` those of its scale."""
    overflow_at = changed.pop("overflow_at", ())
    made, _ = planted.epoch_result(epoch, overflow_at=overflow_at)
    scale = {
        name.removeprefix("scale__"): changed.pop(name)
        for name in list(changed)
        if name.startswith("scale__")
    }
    if scale:
        changed["scale"] = dataclasses.replace(made.scale, **scale)
    return dataclasses.replace(made, **changed)


def record(trial, *results):
    for one in results:
        assert recorder.epoch_recorded(trial_id=trial.id, result=one)
    trial.refresh_from_db()


def test_the_first_trial_makes_its_study_run(study):
    before = time.time_ns() // 1_000_000
    trial = planted.trial(study, 3, epochs=0, params={"model.d_model": 16})
    study.refresh_from_db()
    assert study.state == "running"
    assert study.started_at >= before
    assert (trial.state, trial.number, trial.params) == (
        "running", 3, {"model.d_model": 16}
    )  # fmt: skip
    assert (trial.host, trial.pid, trial.worker) == ("box", 4711, "training@box")
    assert trial.started_at == trial.heartbeat_at >= before
    assert trial.totals["batches"] == 0


def test_an_epoch_is_stored_with_its_scale_and_what_happened_to_it(trial):
    record(trial, result(0, overflow_at=(3, 4)))
    row = TrialEpoch.objects.get()
    assert (row.epoch, row.batches, row.first_batch) == (0, 50, 0)
    assert (row.scale_first, row.scale_min) == (65536.0, 16384.0)
    assert row.scale_last == row.scale_runs[-1][2] == 16384.0 * 1.2
    assert row.scale_runs == [
        [0, 3, 65536.0], [3, 1, 32768.0], [4, 21, 16384.0], [25, 25, 16384.0 * 1.2],
    ]  # fmt: skip
    assert sum(count for _, count, _ in row.scale_runs) == row.batches
    assert (row.overflows, row.growths) == (2, 1)
    marks = list(ScaleMark.objects.values_list("batch", "kind", "before", "after"))
    assert marks == [
        (3, "overflow", 65536.0, 32768.0),
        (4, "overflow", 32768.0, 16384.0),
        (25, "growth", 16384.0, 16384.0 * 1.2),
    ]
    mark = ScaleMark.objects.first()
    assert (mark.output_min, mark.output_max, mark.output_mean) == (-1.5, 2.5, 0.25)
    assert (mark.output_nonfinite_share, mark.gradient_norm) == (0.0, 1.25)
    assert "lower lr" in mark.advice


def test_totals_grow_with_the_epochs(trial):
    record(trial, result(0, overflow_at=(3,)), result(1))
    assert trial.epochs_done == 2
    assert trial.totals == {
        "batches": 100, "overflows": 1, "growths": 2, "halvings": 0, "resets": 0,
        "epochs": 2, "scale_min": 32768.0, "scale_max": 65536.0 * 1.2,
        "scale_last": 65536.0 * 1.2,
    }  # fmt: skip


def test_an_epoch_recorded_again_replaces_the_former_one(trial):
    record(trial, result(0, overflow_at=(3, 4)), result(1))
    totals = trial.totals
    record(trial, result(0, overflow_at=(3, 4)))
    assert trial.totals == totals
    record(trial, result(0, overflow_at=(7,), train_loss=0.25))
    assert TrialEpoch.objects.count() == 2
    assert TrialEpoch.objects.get(epoch=0).train_loss == 0.25
    assert list(
        ScaleMark.objects.filter(epoch=0).values_list("batch", flat=True)
    ) == [7, 25]  # fmt: skip
    assert trial.totals["overflows"] == 1
    assert trial.epochs_done == 2


def test_an_epoch_recorded_again_without_a_scaler_keeps_nothing_of_the_scale(trial):
    record(trial, result(1, overflow_at=(53,)), result(1, scale=None))
    row = TrialEpoch.objects.get()
    assert (row.scale_first, row.overflows, row.scale_runs) == (None, 0, [])
    assert row.first_batch == 50
    assert not ScaleMark.objects.exists()
    assert trial.totals["scale_last"] is None


def test_numbers_that_are_none_are_stored_as_null(trial):
    event = ScaleEvent(
        0, 1, "overflow", 2.0, 1.0, "a" * 900, math.inf,
        OutputStatistics(NAN, NAN, NAN, 1.0),
    )  # fmt: skip
    record(
        trial,
        result(
            0, train_loss=NAN, validation_loss=math.inf, gradient_norm=-math.inf,
            samples_per_second=math.inf, metrics={"a": NAN, "b": [1.0, math.inf]},
            scale__mean=NAN, scale__events=(event,),
        ),
    )  # fmt: skip
    row, mark = TrialEpoch.objects.get(), ScaleMark.objects.get()
    assert (row.train_loss, row.validation_loss, row.gradient_norm) == (None,) * 3
    assert (row.scale_mean, row.samples_per_second) == (None, 0.0)
    assert row.metrics == {"a": None, "b": [1.0, None]}
    assert (mark.gradient_norm, mark.output_min, mark.output_mean) == (None,) * 3
    assert (mark.output_nonfinite_share, len(mark.advice)) == (1.0, 500)
    recorder.trial_ended(
        trial_id=trial.id, state="complete", value=NAN, reason="", metrics={"x": NAN}
    )
    trial.refresh_from_db()
    assert (trial.value, trial.metrics) == (None, {"x": None})


def test_nothing_of_an_epoch_is_stored_when_a_part_of_it_fails(trial, monkeypatch):
    def broken(*args):
        raise RuntimeError("no")

    monkeypatch.setattr(recorder, "_mark", broken)
    with pytest.raises(RuntimeError):
        recorder.epoch_recorded(trial_id=trial.id, result=result(0))
    assert not TrialEpoch.objects.exists()
    trial.refresh_from_db()
    assert trial.epochs_done == 0


def test_a_trial_ends_once(trial):
    def end(state, value):
        return recorder.trial_ended(
            trial_id=trial.id, state=state, value=value, reason="r" * 900, metrics={}
        )

    assert end("complete", 0.25)
    assert not end("failed", None)
    assert not recorder.trial_died(study_id=trial.study_id, number=0, reason="dead")
    trial.refresh_from_db()
    assert (trial.state, trial.value, len(trial.reason)) == ("complete", 0.25, 500)
    assert trial.ended_at is not None
    with pytest.raises(ValueError, match="cannot end as 'running'"):
        end("running", None)


def test_a_process_that_was_given_up_is_told_and_stores_nothing_more(trial):
    record(trial, result(0))
    assert recorder.trial_died(study_id=trial.study_id, number=0, reason="it died")
    assert recorder.stop_wanted(trial.id) == "the trial is failed already: it died"
    assert not recorder.epoch_recorded(trial_id=trial.id, result=result(1))
    heard = Trial.objects.get(id=trial.id).heartbeat_at
    recorder.heartbeat(trial.id)
    trial.refresh_from_db()
    assert (trial.state, trial.epochs_done, trial.heartbeat_at) == ("failed", 1, heard)
    Trial.objects.filter(id=trial.id).delete()
    assert recorder.stop_wanted(trial.id) == "the trial was deleted"


def test_a_living_trial_moves_its_heartbeat(trial):
    Trial.objects.filter(id=trial.id).update(heartbeat_at=5)
    recorder.heartbeat(trial.id)
    trial.refresh_from_db()
    assert trial.heartbeat_at > 5


def test_a_trial_that_starts_again_from_the_beginning_loses_its_epochs(study):
    planted.trial(study, 0, epochs=3, state="failed", reason="no memory")
    again = planted.trial(study, 0, epochs=1, batches=100, batch_size=16, attempt=2)
    assert (again.state, again.reason, again.ended_at) == ("running", "", None)
    assert (again.epochs_done, again.batch_size, again.attempt) == (1, 16, 2)
    assert again.totals["batches"] == 100
    assert TrialEpoch.objects.count() == 1
    assert set(ScaleMark.objects.values_list("epoch", flat=True)) == {0}


def test_a_retry_from_a_checkpoint_has_the_epochs_before_it_as_its_history(study):
    planted.trial(study, 0, epochs=3, state="failed", overflow_at=(10, 120))
    retry = planted.trial(
        study, 1, epochs=2, seed=0, retry_of=0, attempt=2, first_epoch=2
    )
    told = epoch_selectors.epochs(trial=retry)
    assert [row["epoch"] for row in told] == [0, 1, 2, 3]
    assert [row["trial"] == retry.id for row in told] == [False, False, True, True]
    scale = epoch_selectors.scale_history(trial=retry)
    assert sum(count for _, count, _ in scale["runs"]) == scale["batches"] == 200
    # The overflow at batch 120 was in the epoch that was trained again.
    assert [one["batch"] for one in scale["events"] if one["kind"] == "overflow"] == [
        10
    ]
    assert retry.totals["batches"] == 100


def test_every_epoch_is_one_line_of_the_log(trial, caplog):
    with caplog.at_level(logging.INFO, "training.recorder"):
        record(trial, result(2, overflow_at=(103,), train_loss=0.5, gradient_norm=NAN))
    [line] = [one.getMessage() for one in caplog.records]
    assert line.startswith("📈 trial 0 of study ")
    for part in (
        "epoch 3/10: loss=0.5 validation=",
        "gradient_norm=- ",
        "scale=65536/39321.6/32768/65536/",
        "overflows=1 (2.00%) skipped=1 resets=0",
        "seconds=1.50 samples/s=1066 peak_memory=350MiB",
    ):
        assert part in line


def test_browsers_hear_of_every_epoch_after_commit(
    trial, bus, django_capture_on_commit_callbacks
):
    with bus.pubsub() as heard:
        heard.subscribe(push.CHANNEL)
        heard.get_message(timeout=1)
        with django_capture_on_commit_callbacks(execute=True):
            record(trial, result(0, overflow_at=(3,)))
        epoch = push.parse(heard.get_message(timeout=1)["data"])
        whole = push.parse(heard.get_message(timeout=1)["data"])
    assert (epoch.topic, whole.topic) == (f"trial:{trial.id}", "training")
    told = wire.decode(epoch.items[0][1])
    assert [told] == epoch_selectors.epochs(trial=trial)
    assert [one["kind"] for one in told["events"]] == ["overflow", "growth"]
    moved = wire.decode(whole.items[0][1])
    assert (moved["kind"], moved["id"], moved["epochs_done"]) == ("trial", trial.id, 1)


@pytest.mark.django_db(transaction=True)
def test_several_writers_of_one_server_lose_nothing(bus):
    if connection.vendor == "sqlite" and connection.is_in_memory_db():
        pytest.skip("threads share one connection of an in-memory database")
    study = planted.study(trials=4)
    errors = []

    def work(number):
        try:
            planted.trial(study, number, epochs=15, state="complete")
        except Exception as error:  # told below, in the test's own thread
            errors.append(error)
        finally:
            connections.close_all()

    jobs = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join(60)
    assert errors == []
    assert TrialEpoch.objects.count() == 60
    assert {row.totals["epochs"] for row in Trial.objects.all()} == {15}
    assert services.study_finish_if_done(study_id=study.id)
    assert Study.objects.get().state == "complete"


# Forked after the start, which costs more than all that is recorded.
FOUR_WRITERS = """
import os, sys, traceback
from django.core.management import call_command
from django.db import connections
from tests.training import planted

call_command("migrate", verbosity=0)
study = planted.study(trials=4)
connections.close_all()
children = []
for number in range(4):
    child = os.fork()
    if child:
        children.append(child)
        continue
    try:
        planted.trial(study, number, epochs=30, state="complete")
        status = 0
    except BaseException:
        traceback.print_exc()
        status = 1
    os._exit(status)
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""


@pytest.mark.slow
def test_several_processes_lose_nothing_on_sqlite(tmp_path):
    environ = {
        "QUANTAI_VAR": str(tmp_path / "var"),
        "PATH": os.environ["PATH"],
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    shell = [sys.executable, str(ROOT / "manage.py"), "shell", "--no-imports"]
    quiet = {"env": environ, "stdout": subprocess.DEVNULL}
    subprocess.run([*shell, "-c", FOUR_WRITERS], check=True, timeout=120, **quiet)
    with contextlib.closing(sqlite3.connect(tmp_path / "var/quantai.sqlite3")) as file:
        [epochs] = file.execute("SELECT count(*) FROM training_trialepoch").fetchone()
        states = file.execute(
            "SELECT state, epochs_done FROM training_trial"
        ).fetchall()
    assert epochs == 120
    assert states == [("complete", 30)] * 4
