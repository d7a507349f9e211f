"""A study's trials in Optuna: made, claimed, ended, repeated. No Django, no torch.

Every trial that is wanted exists from the beginning and waits; a process claims one
through ``Study.optimize``, so that heartbeats run. A trial that repeats another one
(its process died, it was interrupted, it ran out of memory) is a new trial with the
same parameters; both belong to one chain, named by the number of its first trial.
"""

import logging
import warnings
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning, UpdateFinishedTrialError
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import fail_stale_trials
from optuna.trial import FrozenTrial, TrialState, create_trial

from training.search_storage import NothingWaits, Place, open_storage
from training.study_spec import Range, StudySpec

log = logging.getLogger(__name__)

# User attributes of a trial.
ENDED = "ended"
REASON = "reason"
HALVINGS = "halvings"
GOES_ON = "goes on"
METRICS = "metrics"
# Values of ENDED; a trial whose process died has none.
INTERRUPTED = "interrupted"
OUT_OF_MEMORY = "out of memory"
CANCELLED = "cancelled"
STUDY_CANCELLED = "study cancelled"
FAILED = "failed"
# System attributes, by Optuna's own names.
FIRST = "failed_trial"
HISTORY = "retry_history"

MAX_HALVINGS = 4


@dataclass(frozen=True)
class Search:
    """One study in its storage. Seconds: a sign of life so often, dead without one."""

    where: Place
    name: str
    spec: StudySpec
    heartbeat_seconds: int = 60
    grace_seconds: int = 180

    def open(self) -> optuna.Study:
        """Open the study; make it, and trials that are missing, where needed."""
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        storage = open_storage(
            self.where,
            heartbeat=self.heartbeat_seconds,
            grace=self.grace_seconds,
            on_stale=self.repeat_dead,
        )
        with self.where.lock():
            study = optuna.create_study(
                storage=storage,
                study_name=self.name,
                direction="minimize",
                sampler=make_sampler(self.spec),
                pruner=make_pruner(self.spec),
                load_if_exists=True,
            )
            known = len(chains(study.get_trials(deepcopy=False)))
            for _ in range(self.spec.trials - known):
                study.add_trial(create_trial(state=TrialState.WAITING))
        return study

    def repeat_dead(self, study: optuna.Study, trial: FrozenTrial) -> None:
        """Let a trial whose process died be run again, if it did not die too often."""
        with self.where.lock():
            self._repeat_dead(study, trial)

    def bury(self, study: optuna.Study, number: int) -> None:
        """Fail and repeat a trial whose process is known to be dead."""
        storage = study._storage
        trial = study.get_trials(deepcopy=False)[number]
        if trial.state != TrialState.RUNNING:
            return
        try:
            mine = storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        except UpdateFinishedTrialError:
            return
        if mine:
            self.repeat_dead(study, study.get_trials(deepcopy=False)[number])

    def _repeat_dead(self, study: optuna.Study, trial: FrozenTrial) -> None:
        chain = chains(study.get_trials(deepcopy=False))[first_of(trial)]
        if sum(map(is_dead, chain)) <= self.spec.max_retry:
            repeat(study, trial)

    def look_after(
        self,
        study: optuna.Study,
        *,
        cancelled: bool = False,
        wanted_again: Collection[int] = (),
    ) -> list[FrozenTrial]:
        """Bring the trials into the state that is wanted; return them all.

        The dead are failed and repeated. A cancelled study has no trial that waits;
        one that is not has those again which its cancelling ended. ``wanted_again``:
        numbers of ended trials to be repeated.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            fail_stale_trials(study)
        with self.where.lock():
            for chain in chains(study.get_trials(deepcopy=False)).values():
                last = chain[-1]
                if cancelled:
                    cancel_waiting(study, last)
                elif last.number in wanted_again or _study_ended(last):
                    repeat(study, last)
                elif is_dead(last):
                    # Its finder died before it could do this.
                    self._repeat_dead(study, last)
        return study.get_trials(deepcopy=False)


def close(study: optuna.Study) -> None:
    """Give back what an open study holds of the database."""
    storage: Any = study._storage
    storage.remove_session()
    # Optuna puts a cache around what it is given.
    getattr(storage, "_backend", storage).engine.dispose()


def make_sampler(spec: StudySpec, number: int = 0) -> BaseSampler:
    """Return the sampler; every trial number has a seed of its own."""
    seed = (spec.seed * 1_000_003 + number) % 2**32
    if spec.sampler == "random":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed)


def make_pruner(spec: StudySpec) -> BasePruner:
    """Return the pruner; epochs are its steps."""
    if spec.pruner == "median":
        return MedianPruner(n_startup_trials=5, n_warmup_steps=2)
    if spec.pruner == "hyperband":
        return HyperbandPruner(min_resource=1, max_resource=spec.train.epochs)
    return NopPruner()


def suggest(trial: optuna.Trial, spec: StudySpec) -> StudySpec:
    """Return the spec with the trial's values in place of those that are searched.

    A ``label_len`` above a suggested ``seq_len`` becomes that. Raises ``InvalidInput``
    when values do not go together (d_model and n_heads).
    """
    given = spec.to_dict()
    for name, values in spec.space.items():
        section, _, key = name.partition(".")
        target = given["train"]["loss"] if section == "loss" else given[section]
        target[key] = _suggest(trial, name, values, whole=type(target[key]) is int)
    window = given["window"]
    window["label_len"] = min(window["label_len"], window["seq_len"])
    given["train"]["seed"] = spec.train.seed + spec.seed + first_of_running(trial)
    return StudySpec.from_dict(given)


def _suggest(trial: optuna.Trial, name: str, values: Range, *, whole: bool) -> Any:
    if values.choices:
        return trial.suggest_categorical(name, values.choices)
    low, high, step = values.low, values.high, values.step
    assert low is not None  # a Range has choices or both ends
    assert high is not None
    if whole:
        return trial.suggest_int(
            name, int(low), int(high), step=int(step or 1), log=values.log
        )
    return trial.suggest_float(name, low, high, step=step, log=values.log)


class TrialEnded(Exception):
    """The trial ends without a value; ``how`` is one of the values of ``ENDED``."""

    def __init__(self, how: str, reason: str) -> None:
        super().__init__(reason)
        self.how = how
        self.reason = reason


def run_one(
    study: optuna.Study, objective: Callable[[optuna.Trial], float]
) -> FrozenTrial | None:
    """Claim a waiting trial, run it and return how it ended; None when none waits.

    What ``objective`` raises comes out again, but for ``TrialEnded`` and pruning.
    """
    ended: list[FrozenTrial] = []
    try:
        study.optimize(
            objective,
            n_trials=1,
            catch=(TrialEnded,),
            callbacks=[lambda _study, trial: ended.append(trial)],
        )
    except NothingWaits:
        return None
    return ended[0]


def first_of(trial: FrozenTrial) -> int:
    """Return the number of the trial that began the chain."""
    first: int = trial.system_attrs.get(FIRST, trial.number)
    return first


def first_of_running(trial: optuna.Trial) -> int:
    """The same of a trial that runs; repeated trials have the seed of the first."""
    return first_of(frozen(trial))


def frozen(trial: optuna.Trial) -> FrozenTrial:
    """Return what is stored of a running trial."""
    found: FrozenTrial = trial.study.get_trials(deepcopy=False)[trial.number]
    return found


def history_of(trial: FrozenTrial) -> list[int]:
    """Return the numbers of the trials that this one repeats, oldest first."""
    return list(trial.system_attrs.get(HISTORY, []))


def halvings_of(trial: FrozenTrial) -> int:
    """Return how often the batch was halved because memory ran out."""
    halvings: int = trial.user_attrs.get(HALVINGS, 0)
    return halvings


def is_dead(trial: FrozenTrial) -> bool:
    """Whether its process died, or was taken for dead."""
    return trial.state == TrialState.FAIL and ENDED not in trial.user_attrs


def _study_ended(trial: FrozenTrial) -> bool:
    return (
        trial.state == TrialState.FAIL
        and trial.user_attrs.get(ENDED) == STUDY_CANCELLED
    )


def goes_on(trial: FrozenTrial) -> bool:
    """Whether the trial that repeats this one goes on where this one ended."""
    how = trial.user_attrs.get(ENDED)
    return is_dead(trial) or how in (INTERRUPTED, CANCELLED, STUDY_CANCELLED)


def chains(trials: Sequence[FrozenTrial]) -> dict[int, list[FrozenTrial]]:
    """Return the trials by chain, each in the order of numbers."""
    found: dict[int, list[FrozenTrial]] = {}
    for trial in sorted(trials, key=lambda each: each.number):
        found.setdefault(first_of(trial), []).append(trial)
    return found


def repeat(study: optuna.Study, trial: FrozenTrial, *, halve: bool = False) -> bool:
    """Let a trial be run again as a new one; False when that was done before.

    The caller holds the storage's lock. ``halve``: with half the batch, from the start.
    """
    chain = chains(study.get_trials(deepcopy=False))[first_of(trial)]
    if chain[-1].number != trial.number:
        return False
    # One that still runs is being interrupted.
    running = trial.state == TrialState.RUNNING
    keeps = (running or goes_on(trial)) and not halve
    study.add_trial(
        create_trial(
            state=TrialState.WAITING,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs={HALVINGS: halvings_of(trial) + halve, GOES_ON: keeps},
            system_attrs={
                FIRST: first_of(trial),
                HISTORY: [*history_of(trial), trial.number],
            },
            intermediate_values=trial.intermediate_values if keeps else None,
        )
    )
    return True


def cancel_waiting(study: optuna.Study, trial: FrozenTrial) -> None:
    """End a trial that waits, because its study is cancelled."""
    storage, number = study._storage, trial._trial_id
    if trial.state != TrialState.WAITING:
        return
    # Claimed first, as a process would: one of the two gets it.
    try:
        if storage.set_trial_state_values(number, TrialState.RUNNING):
            storage.set_trial_user_attr(number, ENDED, STUDY_CANCELLED)
            storage.set_trial_state_values(number, TrialState.FAIL)
    except UpdateFinishedTrialError:
        log.info("trial %d ended while its study was cancelled", trial.number)
