"""A search in this process, as in a notebook: no Django, no Celery."""

import subprocess
import sys

import numpy as np
import optuna
import pytest

from tests.training.engine.series import waves
from training.engine.judging import predict, targets
from training.optimizer import HyperparameterOptimizer, Observer
from training.study_spec import StudySpec


def spec(**changes):
    return StudySpec.from_dict(
        {
            "window": {"seq_len": 12, "label_len": 6, "pred_len": 3},
            "model": {"kind": "dlinear"},
            "train": {"epochs": 2, "batch_size": 16},
            "space": {"train.learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}},
            "trials": 2,
            "pruner": "none",
            **changes,
        }
    )


def states(study):
    return [one.state.name for one in study.trials]


def test_all_trials_are_run_and_the_best_is_known():
    study = HyperparameterOptimizer(spec(), [waves()]).optimize()
    assert states(study) == ["COMPLETE"] * 2
    assert study.best_value == min(one.value for one in study.trials)
    for trial in study.trials:
        assert trial.value <= min(trial.intermediate_values.values())
    again = HyperparameterOptimizer(spec(), [waves()]).optimize()
    assert [one.value for one in again.trials] == [one.value for one in study.trials]


def test_the_objective_serves_a_study_of_ones_own_and_tells_an_observer():
    class Listening(Observer):
        def __init__(self):
            self.heard = []

        def begins(self, beginning):
            self.heard.append(("begins", beginning.first_epoch))

        def epoch(self, result):
            self.heard.append(("epoch", result.epoch))

        def trained(self, trained):
            self.heard.append(("trained", trained.value))

    heard = Listening()
    optimizer = HyperparameterOptimizer(spec(), [waves()])
    study = optuna.create_study()
    study.optimize(lambda trial: optimizer.objective(trial, heard), n_trials=1)
    assert heard.heard == [
        ("begins", 0),
        ("epoch", 0),
        ("epoch", 1),
        ("trained", study.best_value),
    ]


def test_values_that_do_not_go_together_fail_their_trial_alone():
    odd = spec(space={"model.n_heads": {"choices": [3]}}, trials=2)
    assert states(HyperparameterOptimizer(odd, [waves()]).optimize()) == ["FAIL"] * 2


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_hopeless_trials_are_pruned(pruner):
    # With a learning rate of 1e-6 nothing is learned.
    wild = spec(
        trials=8,
        pruner=pruner,
        train={"epochs": 6, "batch_size": 16, "patience": 0, "schedule": "constant"},
        space={"train.learning_rate": {"choices": [1e-6, 0.1]}},
    )
    study = HyperparameterOptimizer(wild, [waves()]).optimize()
    ended = {one.params["train.learning_rate"]: set() for one in study.trials}
    for one in study.trials:
        ended[one.params["train.learning_rate"]].add(one.state.name)
    assert "COMPLETE" in ended[0.1]
    assert "PRUNED" in ended[1e-6]


def test_it_needs_no_framework():
    code = (
        "import sys, training.optimizer; "
        "print([name for name in ('django', 'celery', 'talib') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_losses_that_are_searched_are_compared_by_one_measure_not_by_their_values():
    """GMADL is below 0 and squared errors are above: by value it would always win."""
    one = spec(trials=2, space={"loss.kind": {"choices": ["mse", "gmadl_normalised"]}})
    heard = []

    class Listening(Observer):
        def trained(self, trained):
            data = trained.splits.validation
            forecast, came = predict(trained.model, data), targets(data)
            direction = -(np.sign(forecast * came) * np.abs(came)).mean()
            heard.append((direction, trained.value))

    optimizer = HyperparameterOptimizer(one, [waves(kind="return")])
    study = optuna.create_study()
    for kind in one.space["loss.kind"].choices:
        study.enqueue_trial({"loss.kind": kind})
    study.optimize(lambda trial: optimizer.objective(trial, Listening()), n_trials=2)
    for trial, (direction, own) in zip(study.trials, heard, strict=True):
        assert trial.value == pytest.approx(direction, rel=1e-5)
        assert trial.value != pytest.approx(own)
        assert trial.value in trial.intermediate_values.values()


def test_without_a_search_among_losses_a_trial_has_its_validation_loss():
    heard = []

    class Listening(Observer):
        def trained(self, trained):
            heard.append(trained.value)

    optimizer = HyperparameterOptimizer(spec(), [waves(kind="return")])
    study = optuna.create_study()
    study.optimize(lambda trial: optimizer.objective(trial, Listening()), n_trials=1)
    assert heard == [study.best_value]
