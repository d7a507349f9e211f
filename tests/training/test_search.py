"""A study's trials in Optuna's own storage, on a real SQLite file."""

import logging
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest
from optuna.trial import TrialState

from core.errors import InvalidInput
from training import search
from training.search import Search, TrialEnded
from training.search_storage import place
from training.study_spec import StudySpec

SPACE = {
    "train.learning_rate": {"low": 1e-5, "high": 1, "log": True},
    "model.dropout": {"low": 0, "high": 0.5},
    "model.d_model": {"choices": [16, 32]},
    "window.seq_len": {"low": 16, "high": 64, "step": 16},
}


def spec(**changes):
    return StudySpec.from_dict(
        {"trials": 4, "workers": 4, "space": SPACE, "pruner": "none", **changes}
    )


@pytest.fixture
def where(tmp_path):
    return place(own="", database_url="", var=tmp_path)


@pytest.fixture
def found(where):
    return Search(where, "study", spec())


@pytest.fixture(autouse=True)
def _closed(monkeypatch):
    """Whatever a test opens is closed after it."""
    opened, real = [], Search.open

    def open_and_remember(self):
        opened.append(real(self))
        return opened[-1]

    monkeypatch.setattr(Search, "open", open_and_remember)
    yield
    for study in opened:
        search.close(study)


def states(study):
    return [one.state.name for one in study.get_trials(deepcopy=False)]


def value(trial):
    return float(trial.number)


def dies(trial):
    raise SystemExit(1)


def run_until_dead(study):
    """As a process that is killed: claimed, nothing told."""
    with pytest.raises(SystemExit):
        search.run_one(study, dies)


def make_stale(study, number):
    """What ``fail_stale_trials`` does to it, before it tells anybody."""
    trial = study.get_trials(deepcopy=False)[number]
    study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    return study.get_trials(deepcopy=False)[number]


def test_every_wanted_trial_waits_from_the_beginning_and_none_is_made_beyond(found):
    study = found.open()
    assert states(study) == ["WAITING"] * 4
    assert states(found.open()) == ["WAITING"] * 4
    for number in range(4):
        assert search.run_one(study, value).number == number
    assert search.run_one(study, value) is None
    assert states(study) == ["COMPLETE"] * 4


def test_processes_that_begin_at_once_make_one_study(where):
    made = Search(where, "crowd", spec(trials=6))
    with ThreadPoolExecutor(4) as pool:
        studies = list(pool.map(lambda _: made.open(), range(4)))
    assert all(states(study) == ["WAITING"] * 6 for study in studies)


def test_a_trial_is_claimed_by_one_only(where):
    made = Search(where, "crowd", spec(trials=12))
    made.open()

    def work(_):
        study, mine = made.open(), []
        while (trial := search.run_one(study, value)) is not None:
            mine.append(trial.number)
        return mine

    with ThreadPoolExecutor(3) as pool:
        done = [number for mine in pool.map(work, range(3)) for number in mine]
    assert sorted(done) == list(range(12))


def test_values_have_the_kind_of_their_field_and_go_to_their_place(found):
    got = []

    def objective(trial):
        got.append(search.suggest(trial, found.spec))
        return 0.0

    study = found.open()
    for _ in range(4):
        search.run_one(study, objective)
    for one in got:
        assert isinstance(one.train.learning_rate, float)
        assert isinstance(one.model.dropout, float)
        assert one.model.d_model in (16, 32)
        assert one.window.seq_len in (16, 32, 48, 64)
        assert one.window.label_len <= one.window.seq_len
    assert len({one.model.dropout for one in got}) > 1
    assert len({one.train.seed for one in got}) == 4


def test_values_that_do_not_go_together_are_named(where):
    odd = spec(space={"model.n_heads": {"choices": [3]}})
    study = Search(where, "odd", odd).open()
    with pytest.raises(InvalidInput, match="n_heads"):
        search.run_one(study, lambda trial: search.suggest(trial, odd) and 0.0)


def test_the_same_seed_suggests_the_same_whoever_runs_it(where):
    def objective(trial):
        trial.study.sampler = search.make_sampler(spec(), trial.number)
        return search.suggest(trial, spec()).train.learning_rate

    values = []
    for name in ("first", "second"):
        study = Search(where, name, spec()).open()
        values.append([search.run_one(study, objective).value for _ in range(3)])
    assert values[0] == values[1]
    assert len(set(values[0])) == 3


def test_a_dead_trial_is_repeated_once_with_the_same_parameters(found):
    study = found.open()

    def reports_and_dies(trial):
        search.suggest(trial, found.spec)
        trial.report(0.5, 0)
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        search.run_one(study, reports_and_dies)
    dead = make_stale(study, 0)
    found.repeat_dead(study, dead)
    found.repeat_dead(study, dead)
    found.look_after(study)
    trials = study.get_trials(deepcopy=False)
    assert [one.state.name for one in trials] == ["FAIL", *["WAITING"] * 4]
    again = trials[4]
    assert again.params == dead.params
    assert again.intermediate_values == {0: 0.5}
    assert search.history_of(again) == [0]
    assert search.first_of(again) == 0


def test_a_trial_whose_finder_died_before_repeating_it_is_not_lost(found):
    study = found.open()
    run_until_dead(study)
    make_stale(study, 0)
    assert [one.state.name for one in found.look_after(study)].count("WAITING") == 4


def test_a_trial_that_dies_again_and_again_is_given_up(where):
    stubborn = Search(where, "study", spec(trials=1, max_retry=2))
    study = stubborn.open()
    for number in range(3):
        run_until_dead(study)
        make_stale(study, number)
        stubborn.look_after(study)
    assert states(study) == ["FAIL"] * 3
    assert search.run_one(study, value) is None


def test_a_claimed_trial_shows_life_before_it_does_anything(found):
    study = found.open()
    seen = []

    def objective(trial):
        backend = study._storage._backend
        with backend.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT trial_id FROM trial_heartbeats")
            seen.append((trial._trial_id,) in [tuple(row) for row in rows])
        return 0.0

    search.run_one(study, objective)
    assert seen == [True]


def test_half_the_batch_begins_anew_and_an_interruption_goes_on(found):
    study = found.open()

    def ends(how, *, halve):
        def objective(trial):
            trial.report(0.5, 0)
            search.repeat(study, search.frozen(trial), halve=halve)
            trial.set_user_attr(search.ENDED, how)
            raise TrialEnded(how, "because")

        return search.run_one(study, objective)

    assert ends(search.OUT_OF_MEMORY, halve=True).state == TrialState.FAIL
    assert ends(search.INTERRUPTED, halve=False).state == TrialState.FAIL
    halved, interrupted = study.get_trials(deepcopy=False)[4:]
    assert search.halvings_of(halved) == 1
    assert halved.intermediate_values == {}
    assert search.halvings_of(interrupted) == 0
    assert interrupted.intermediate_values == {0: 0.5}


def test_a_cancelled_study_has_nothing_that_waits_until_it_goes_on(found):
    study = found.open()
    search.run_one(study, value)
    found.look_after(study, cancelled=True)
    assert states(study) == ["COMPLETE", *["FAIL"] * 3]
    found.look_after(study, cancelled=True)
    assert len(states(study)) == 4
    found.look_after(study)
    found.look_after(study)
    assert states(study) == ["COMPLETE", *["FAIL"] * 3, *["WAITING"] * 3]


def test_an_ended_trial_is_run_again_when_people_want_it(found):
    study = found.open()
    search.run_one(study, value)
    found.look_after(study, wanted_again=[0])
    found.look_after(study, wanted_again=[0])
    assert states(study) == ["COMPLETE", *["WAITING"] * 4]


def test_what_the_objective_does_not_expect_comes_out(found):
    def breaks(trial):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        search.run_one(found.open(), breaks)


def test_a_heartbeat_that_cannot_be_written_is_said_and_ends_nothing(
    found, caplog, monkeypatch
):
    storage = found.open()._storage._backend
    with storage.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE trial_heartbeats")
    with caplog.at_level(logging.WARNING):
        storage.record_heartbeat(1)
    assert "heartbeat of a trial not written" in caplog.text


@pytest.mark.parametrize(
    ("kind", "pruner"),
    [
        ("none", optuna.pruners.NopPruner),
        ("median", optuna.pruners.MedianPruner),
        ("hyperband", optuna.pruners.HyperbandPruner),
    ],
)
def test_pruners(kind, pruner):
    assert isinstance(search.make_pruner(spec(pruner=kind)), pruner)


def test_the_storage_lies_beside_the_database(tmp_path):
    assert place(own="", database_url="", var=tmp_path).file == (
        tmp_path / "optuna.sqlite3"
    )
    served = place(
        own="",
        database_url="postgres://me:secret@db:5433/site?sslmode=require",
        var=tmp_path,
    )
    assert served.url == "postgresql+psycopg://me:secret@db:5433/site?sslmode=require"
    assert served.connect["options"] == "-csearch_path=optuna"
    assert served.file is None
    own = place(
        own=f"sqlite:///{tmp_path}/x.db", database_url="postgres://d", var=tmp_path
    )
    assert own.file == tmp_path / "x.db"
