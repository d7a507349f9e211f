import json
import logging
import subprocess
import sys

import pytest

from tests.training import planted
from training import plots
from training.models import Study, Trial

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("bus")]


@pytest.fixture
def typical():
    return planted.typical()


def figure(study, plot):
    return json.loads(plots.figure(study, plot))


def names(drawn):
    return {trace.get("name") for trace in drawn["data"]}


@pytest.mark.parametrize("plot", plots.DRAWN_BY)
def test_every_picture_is_a_figure_without_a_theme(typical, plot, caplog):
    with caplog.at_level(logging.INFO):
        drawn = figure(typical, plot)
    assert drawn["data"]
    assert "template" not in drawn["layout"]
    assert not caplog.records


def test_the_history_has_the_values_of_the_complete_trials(typical):
    drawn = figure(typical, "history")
    values = next(one for one in drawn["data"] if one["mode"] == "markers")
    assert dict(zip(values["x"], values["y"], strict=True)) == {0: 0.5, 3: 0.52}


def test_importances_are_shares_of_the_searched_parameters(typical):
    drawn = figure(typical, "importances")
    bars = next(one for one in drawn["data"] if one["type"] == "bar")
    assert set(bars["y"]) == set(planted.SPACE)
    assert sum(bars["x"]) == pytest.approx(1)


def test_the_timeline_tells_how_each_trial_ended(typical):
    drawn = figure(typical, "timeline")
    shown = {
        bar["name"]: set(bar["y"]) for bar in drawn["data"] if len(bar.get("y") or ())
    }
    assert shown == {"COMPLETE": {0, 3}, "PRUNED": {1}, "FAIL": {2, 4}, "RUNNING": {5}}


def test_the_losses_of_every_epoch_are_the_intermediate_values(typical):
    drawn = figure(typical, "intermediate")
    curves = {one["name"]: one["x"] for one in drawn["data"]}
    assert curves["Trial0"] == [0, 1, 2, 3, 4]
    assert curves["Trial3"] == [2, 3, 4]
    assert curves["Trial1"] == [0, 1]


def test_values_outside_of_the_space_are_left_out(typical):
    Trial.objects.filter(study=typical, number=0).update(
        params={"model.d_model": 48, "train.learning_rate": 5.0, "model.dropout": 0.1}
    )
    assert figure(typical, "parallel_coordinate")["data"]


def test_numbers_of_trials_are_kept_when_some_are_gone(typical):
    Trial.objects.filter(study=typical, number__in=(1, 2)).delete()
    drawn = figure(typical, "history")
    values = next(one for one in drawn["data"] if one["mode"] == "markers")
    assert list(values["x"]) == [0, 3]


@pytest.mark.parametrize(
    ("plot", "what"),
    [
        ("history", "1 completed; 0 are"),
        ("importances", "2 completed; 0 are"),
        ("timeline", "begun"),
        ("intermediate", "begun"),
    ],
)
def test_without_trials_it_says_what_is_missing(plot, what):
    with pytest.raises(plots.TooLittleError, match=what):
        plots.figure(planted.study(), plot)


def test_a_study_that_searches_nothing_has_no_parameters_to_draw():
    study = planted.study(space={})
    for number in range(2):
        planted.trial(study, number, epochs=1, state="complete", params={})
    assert figure(study, "history")["data"]
    with pytest.raises(plots.TooLittleError, match="searches no parameter"):
        plots.figure(study, "slice")


def test_a_large_study_is_drawn_at_once():
    study = planted.many(trials=50, epochs=20)
    for plot in plots.DRAWN_BY:
        assert figure(Study.objects.get(id=study.id), plot)["data"]


def test_the_web_loads_neither_torch_nor_optuna_before_a_picture():
    code = (
        "import sys, django; django.setup(); import quantai_site.urls, quantai_site.api;"
        "print([n for n in ('torch', 'optuna', 'celery') if n in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "[]"
