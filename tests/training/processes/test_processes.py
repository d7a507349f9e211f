"""Real workers and trials: killed, cancelled, gone on with."""

import csv
import json
import os
import signal
import subprocess

import pytest

from tests import postgres
from tests.training.candles import rows
from tests.training.processes import endurance
from tests.training.processes.installation import Installation, ended, kill, until
from training.search import close
from training.trial_child import Ended

pytestmark = [pytest.mark.flow, pytest.mark.slow]


def test_workers_that_are_killed_lose_no_trial_and_double_none(tmp_path):
    folder = postgres.programs()
    if folder is None:
        pytest.skip("no PostgreSQL on this machine")
    with (
        postgres.cluster(folder) as url,
        Installation(tmp_path, database_url=url) as made,
    ):
        by_first, _, hit = endurance.search(
            made, workers=2, trials=10, kills=endurance.KINDS * 2, epoch=0.4
        )
        assert len(hit) == 6
        assert sum(len(chain) - 1 for chain in by_first.values()) >= 6
        values = sorted(chain[-1].value for chain in by_first.values())
        assert values == sorted(float(first) for first in by_first)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One installation on SQLite, without workers: tests start what they need."""
    with Installation(tmp_path_factory.mktemp("made"), TRAINING_THREADS="1") as made:
        made.prepare()
        yield made


@pytest.mark.parametrize("deaf", [False, True], ids=["listening", "deaf"])
def test_a_cancelled_trial_ends_with_its_process_even_if_it_hears_nobody(made, deaf):
    train = {"epochs": 2, "learning_rate": 600, "patience": 99 if deaf else 3}
    name = f"cancelled {deaf}"
    study_id, found = made.study({"trials": 2, "train": train}, name)
    process = trial(made, study_id)
    until(lambda: made.running(study_id))
    made.rows(f"UPDATE training_study SET cancel_asked = 1 WHERE id = {study_id}")
    # It looks once a second, and is given up three seconds after that.
    assert ended(process.pid, 15)
    told = trials(made, study_id, "state, reason")
    assert told == [("cancelled", "its study was cancelled")]
    study = found.open()
    assert [one.state.name for one in study.get_trials()] == ["FAIL", "WAITING"]
    close(study)


def test_a_stopped_trial_waits_for_another_process_and_goes_on_there(made):
    # Seconds of an epoch: two are left when the first is seen, on a busy machine too.
    train = {"epochs": 3, "learning_rate": 3}
    study_id, _ = made.study({"trials": 1, "train": train}, "stopped")
    first = trial(made, study_id)
    until(lambda: epochs(made, study_id))
    first.send_signal(signal.SIGTERM)
    assert first.wait(20) == Ended.STOPPED
    assert trial(made, study_id).wait(60) == Ended.TRIAL
    told = trials(made, study_id, "number, state, retry_of")
    assert told == [(0, "failed", None), (1, "complete", 0)]
    assert trials(made, study_id, "first_epoch")[1][0] >= 1
    assert trial(made, study_id).wait(60) == Ended.NOTHING_TO_DO


def test_a_trial_killed_between_epochs_ends_as_if_nothing_had_happened(made, tmp_path):
    file = tmp_path / "BTCUSDT-1h.csv"
    with file.open("w", newline="") as target:
        table = csv.writer(target)
        table.writerow(["open_time", "open", "high", "low", "close", "volume"])
        table.writerows(row[:6] for row in rows(600))
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(small(file)))
    runs = [train(made, name, spec) for name in ("whole", "broken")]
    whole, broken = (study_named(made, name) for name in ("whole", "broken"))
    # Three rows: a checkpoint of at least the second epoch; most of them are to come.
    pid = until(
        lambda: (
            len(epochs(made, broken)) > 2
            and next(iter(made.running(broken).values()), None)
        ),
        120,
    )
    kill(pid)
    assert [run.wait(240) for run in runs] == [0, 0]
    told = trials(made, broken, "state, retry_of")
    assert told == [("failed", None), ("complete", 0)]
    assert trials(made, broken, "first_epoch")[1][0] > 0
    assert story(made, whole) == story(made, broken)
    assert trials(made, whole, "value")[0] == trials(made, broken, "value")[1]


def small(file):
    return {
        "source": str(file),
        "symbols": ["BTCUSDT"],
        "target": "return",
        "trials": 1,
        "window": {"seq_len": 16, "label_len": 8, "pred_len": 2},
        "model": {"d_model": 8, "n_heads": 2, "d_ff": 16, "encoder_layers": 1},
        "train": {"epochs": 20, "batch_size": 8, "patience": 0},
        "space": {"train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}},
    }


def trial(made, study_id):
    module = "tests.training.processes.sleeping_trial"
    arguments = ["--study", str(study_id), "--worker", "test", "--device", ""]
    arguments += ["--parent", str(os.getpid())]
    return made.start("-m", module, *arguments)


def train(made, name, spec):
    """``manage train`` with real trials."""
    return made.start(
        *("manage.py", "train", name, "--spec", str(spec)),
        environ={"DJANGO_SETTINGS_MODULE": "quantai_site.settings"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def study_named(made, name):
    query = f"SELECT id FROM training_study WHERE name = '{name}'"
    return until(lambda: made.rows(query))[0][0]


def trials(made, study_id, columns):
    return made.rows(
        f"SELECT {columns} FROM training_trial WHERE study_id = {study_id} "
        "ORDER BY number"
    )


def epochs(made, study_id):
    return made.rows(
        "SELECT epoch, train_loss, validation_loss, e.gradient_norm, learning_rate "
        "FROM training_trialepoch e JOIN training_trial t ON t.id = e.trial_id "
        f"WHERE t.study_id = {study_id} ORDER BY epoch, t.number"
    )


def story(made, study_id):
    """Every epoch as the last trial that lived through it saw it."""
    return {row[0]: row for row in epochs(made, study_id)}
