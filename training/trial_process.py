"""The process of one trial: claims it, runs it, writes down how it ended.

Optuna's storage holds the truth about states; rows follow. Whatever kills this process
between two steps leaves a trial that others find and repeat (``training.upkeep``).
"""

import logging
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import optuna
from django.conf import settings
from django.db import InterfaceError, OperationalError
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from core.child import end_with_parent
from core.errors import InvalidInput
from training import recorder, search
from training.models import Study
from training.search import Search, TrialEnded
from training.selectors import OPEN
from training.study_search import search_of
from training.study_spec import StudySpec
from training.trial_child import Ended
from training.trial_watch import Stop, TrialWatch

log = logging.getLogger(__name__)

REASON_LENGTH = 300
# The trial cannot tell how it ends; it is dead for others, who repeat it.
CUT_OFF = (
    OperationalError,
    InterfaceError,
    StorageInternalError,
    UpdateFinishedTrialError,
)
STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
}


@dataclass(frozen=True)
class Place:
    """Who runs the trial, where; ``device`` empty = what the study says."""

    worker: str
    device: str = ""


class RunningTrial:
    """A claimed trial with its row; what the work on it tells and asks."""

    def __init__(self, process: "TrialProcess", trial: optuna.Trial) -> None:
        self.process, self.trial = process, trial
        self.stored: FrozenTrial = search.frozen(trial)
        self.number = trial.number
        self.first = search.first_of(self.stored)
        self.history = search.history_of(self.stored)
        self.row_id: int | None = None

    @property
    def spec(self) -> StudySpec:
        return self.process.spec

    @property
    def goes_on(self) -> bool:
        """Whether the trial that this one repeats may have left a checkpoint for it."""
        return bool(self.stored.user_attrs.get(search.GOES_ON))

    @property
    def study(self) -> Study:
        return self.process.row

    @property
    def device(self) -> str:
        return self.process.place.device

    def begins(self, **facts: Any) -> None:
        """Make the row; ``facts`` as ``training.recorder.trial_started`` takes them."""
        values: dict[str, Any] = {
            "epochs_wanted": 0,
            "batch_size": None,
            "parameters": None,
            "init_scale": None,
            "device": self.device,
            "precision": "",
            **facts,
        }
        self.row_id = recorder.trial_started(
            study_id=self.study.id,
            number=self.number,
            params=self.trial.params,
            retry_of=self.history[-1] if self.history else None,
            attempt=len(self.history) + 1,
            host=socket.gethostname(),
            pid=os.getpid(),
            worker=self.process.place.worker,
            **values,
        ).id
        self.process.watch.trial_id = self.row_id

    def stop(self) -> str | None:
        """Why the work is to stop; None when it goes on."""
        return self.process.watch.stop()


Work = Callable[[RunningTrial], float]


class TrialProcess:
    """Runs one trial of a study with ``work``, which returns the trial's value.

    ``work`` may raise: ``Interrupted`` when asked to stop, ``optuna.TrialPruned``,
    ``search.TrialEnded``; anything else fails the trial.
    """

    def __init__(self, study_id: int, place: Place, work: Work) -> None:
        training = settings.QUANTAI.training
        self.row = Study.objects.get(id=study_id)
        self.place = place
        self._work = work
        self._search: Search = search_of(self.row)
        self._running: RunningTrial | None = None
        self.watch = TrialWatch(
            study_id,
            heartbeat=training.heartbeat_seconds,
            patience=training.stop_seconds,
            longest=training.trial_hours * 3600,
            give_up=self._give_up,
        )

    @property
    def spec(self) -> StudySpec:
        return self._search.spec

    def run(self) -> Ended:
        """Run one trial, if one waits and the study may have one more at work."""
        self.watch.start()
        try:
            if self.row.state not in OPEN:
                return Ended.NOTHING_TO_DO
            study = self._search.open()
            try:
                if self.watch.wish is not None or not self._may_run(study):
                    return Ended.NOTHING_TO_DO
                return self._run_one(study)
            finally:
                search.close(study)
        finally:
            self.watch.done()

    def _may_run(self, study: optuna.Study) -> bool:
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        return len(running) < self.spec.workers

    def _run_one(self, study: optuna.Study) -> Ended:
        try:
            ended = search.run_one(study, self._objective)
        except (UpdateFinishedTrialError, ValueError):
            if not self._taken_for_dead(study):
                raise
            log.warning("the trial was taken for dead and is repeated elsewhere")
            return Ended.TRIAL
        if ended is None:
            return Ended.NOTHING_TO_DO
        self._row_ended(ended)
        wish = self.watch.wish
        stopped = wish is not None and wish.how == search.INTERRUPTED
        return Ended.STOPPED if stopped else Ended.TRIAL

    def _taken_for_dead(self, study: optuna.Study) -> bool:
        if self._running is None:
            return False
        found = study.get_trials(deepcopy=False)[self._running.number]
        return search.is_dead(found)

    def _objective(self, trial: optuna.Trial) -> float:
        number = trial.number
        trial.study.sampler = search.make_sampler(self.spec, number)
        running = self._running = RunningTrial(self, trial)
        try:
            return self._work(running)
        except optuna.TrialPruned as pruned:
            self._note(running, None, str(pruned))
            raise
        except CUT_OFF:
            raise
        except TrialEnded as ended:
            error = self._wished() or ended
        except InvalidInput as refused:
            error = TrialEnded(search.FAILED, str(refused))
        except Exception as broken:
            log.exception("trial %d of study %d failed", number, self.row.id)
            error = TrialEnded(search.FAILED, _sentence(broken))
        self._prepare_end(running, error)
        raise error

    def _wished(self) -> TrialEnded | None:
        wish = self.watch.wish
        return None if wish is None else TrialEnded(wish.how, wish.reason)

    def _prepare_end(self, running: RunningTrial, ended: TrialEnded) -> None:
        """Make the trial that repeats this one before this one is told to have ended:
        whatever happens in between, there is one, and only one.
        """
        again = ended.how == search.INTERRUPTED
        halve = ended.how == search.OUT_OF_MEMORY and (
            search.halvings_of(running.stored) < search.MAX_HALVINGS
        )
        if again or halve:
            with self._search.where.lock():
                stored = search.frozen(running.trial)
                # One that was taken for dead is others' business.
                if stored.state == TrialState.RUNNING:
                    search.repeat(running.trial.study, stored, halve=halve)
        self._note(running, ended.how, ended.reason)

    def _note(self, running: RunningTrial, how: str | None, reason: str) -> None:
        running.trial.set_user_attr(search.REASON, reason)
        if how is not None:
            running.trial.set_user_attr(search.ENDED, how)

    def _row_ended(self, ended: FrozenTrial) -> None:
        running = self._running
        if running is None:
            return
        if running.row_id is None:
            running.begins()
        row_ended(self.row.id, running.row_id, ended)

    def _give_up(self, wish: Stop) -> None:
        """From the watch's thread: the work does not listen, the process ends."""
        running = self._running
        if running is None:
            return
        storage = running.trial.study._storage
        self._prepare_end(running, TrialEnded(wish.how, wish.reason))
        storage.set_trial_state_values(running.trial._trial_id, TrialState.FAIL)
        self._row_ended(search.frozen(running.trial))


def row_ended(study_id: int, row_id: int | None, ended: FrozenTrial) -> None:
    """Let the row of a trial say what Optuna's storage says."""
    how = ended.user_attrs.get(search.ENDED, "")
    state = STATES[ended.state]
    if how in (search.CANCELLED, search.STUDY_CANCELLED):
        state = "cancelled"
    assert row_id is not None
    recorder.trial_ended(
        trial_id=row_id,
        state=state,
        value=ended.value if ended.state == TrialState.COMPLETE else None,
        reason=ended.user_attrs.get(search.REASON, ""),
        metrics=ended.user_attrs.get(search.METRICS, {}),
    )


def stop_with(parent: int) -> None:
    """Be told to stop when the parent dies, or end at once when it is gone already."""
    end_with_parent(signal.SIGTERM)
    if parent and os.getppid() != parent:
        raise SystemExit(int(Ended.STOPPED))


def _sentence(error: Exception) -> str:
    text = (str(error).strip() or type(error).__name__).splitlines()[0]
    kind = type(error).__name__
    return (text if kind in text else f"{kind}: {text}")[:REASON_LENGTH]
