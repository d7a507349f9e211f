"""A real trial in this process: data, training, judging, and the version it leaves."""

import signal

import numpy as np
import pytest

from tests.training.candles import rows, store
from training import services, versions, wake
from training.models import ModelVersion, Study, Trial
from training.study_search import search_of
from training.study_spec import StudySpec
from training.trial_child import Ended
from training.trial_process import Place, TrialProcess
from training.trial_work import train_trial

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, settings, monkeypatch):
    site = settings.QUANTAI.site.model_copy(update={"var": tmp_path})
    training = settings.QUANTAI.training.model_copy(
        update={"storage_url": f"sqlite:///{tmp_path / 'optuna.sqlite3'}"}
    )
    changed = settings.QUANTAI.model_copy(update={"site": site, "training": training})
    settings.QUANTAI = changed
    # There is no worker to wake.
    monkeypatch.setattr(wake, "workers", lambda study_id: None)


@pytest.fixture(autouse=True)
def _signals():
    kept = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    yield
    for one, handler in kept.items():
        signal.signal(one, handler)


def study(**changed):
    spec = StudySpec.from_dict(
        {
            "window": {"seq_len": 12, "label_len": 6, "pred_len": 1},
            "model": {"d_model": 8, "n_heads": 2, "d_ff": 16, "encoder_layers": 1},
            "train": {"epochs": 1},
            "trials": 1,
            **changed,
        }
    )
    row = services.study_create(
        venue="simulator", name="hours of BTC", spec=spec, actor="ada"
    )
    search_of(row).open()
    return row


def run(row):
    return TrialProcess(row.id, Place("here", "cpu"), train_trial).run()


def test_a_complete_trial_is_judged_and_kept_as_a_version():
    store(rows(400))
    row = study()
    assert run(row) == Ended.TRIAL
    trial = Trial.objects.get(study=row)
    assert (trial.state, trial.epochs_done) == ("complete", 1)
    assert trial.metrics["strategies"]["flat"]["final_value"] == 1
    assert trial.metrics["test"]["mae"] > 0
    version = ModelVersion.objects.get()
    assert (version.name, version.trial) == (f"hours-of-BTC-{row.id}-0", trial)
    assert version.metrics["strategy"]["turnover"] >= 0
    assert "equity" not in version.metrics["strategy"]
    assert version.data["hash"] == Study.objects.get().data["hash"]
    back = versions.version_load(version)
    assert back.columns[0] == "return"
    assert np.isfinite(back.standardizer.deviation).all()
    assert back.facts["spec"]["symbols"] == ["BTCUSDT"]


def test_refused_data_ends_the_study_by_name():
    row = study(symbols=["NOSUCH"])
    run(row)
    row.refresh_from_db()
    assert row.state == "failed"
    assert "NOSUCH 1h: there is no bar" in row.reason
    assert not ModelVersion.objects.exists()
