"""Writes of studies and trials that people and workers ask for.

States are claimed by conditional UPDATE: who changes a row tells of it, and doing a
thing twice changes nothing.
"""

import logging
import re
import time
import uuid
from typing import Any

from django.db import IntegrityError, transaction

from core.errors import Conflict, InvalidInput, Retryable
from market.domain.candles import INTERVAL_MS
from training import pushes, selectors, wake
from training.features import check_names
from training.models import ScaleMark, Study, Trial, TrialEpoch
from training.selectors import AGAIN, ENDED, OPEN
from training.study_space import check_space
from training.study_spec import StudySpec

log = logging.getLogger(__name__)

NAME_LENGTH = 120
REASON_LENGTH = 500
MOST_TRIALS = 10_000
MOST_WORKERS = 64
SYMBOL_LENGTH = 64
DEVICE = re.compile(r"cpu|cuda(:\d{1,2})?")
STUDY_ENDED = ("complete", "cancelled", "failed")


def study_create(*, venue: str, name: str, spec: StudySpec, actor: str) -> Study:
    """Store a study and wake the workers.

    Raises ``InvalidInput``, and ``Conflict`` for a name that another study has.
    """
    name = _checked_name(name)
    study_check(spec)
    row = Study(
        venue=venue,
        name=name,
        optuna_name=f"{name} ({venue} {uuid.uuid4().hex[:12]})",
        spec=spec.to_dict(),
        trials_wanted=spec.trials,
        created_by=actor,
        created_at=_now(),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            pushes.study_tell(row.id, venue)
            _wake_on_commit(row.id)
    except IntegrityError:
        if Study.objects.filter(venue=venue, name=name).exists():
            raise Conflict("name", name, "another study has this name") from None
        raise
    return row


def study_check(spec: StudySpec) -> None:
    """Refuse what no worker could do; raises ``InvalidInput``."""
    check_names(spec.features)
    if spec.interval not in INTERVAL_MS:
        raise InvalidInput(
            "interval", spec.interval, f"must be one of {', '.join(INTERVAL_MS)}"
        )
    for symbol in spec.symbols:
        # Exchanges have symbols in other alphabets than ours.
        letters = symbol.replace("_", "").isalnum() and symbol == symbol.upper()
        if not letters or len(symbol) > SYMBOL_LENGTH:
            rule = f"must be up to {SYMBOL_LENGTH} capital letters, digits and _"
            raise InvalidInput("symbols", symbol, rule)
    if len(set(spec.symbols)) != len(spec.symbols):
        rule = "must not name a symbol twice"
        raise InvalidInput("symbols", ", ".join(spec.symbols), rule)
    if not DEVICE.fullmatch(spec.train.device):
        rule = "must be cpu, cuda or cuda:NUMBER"
        raise InvalidInput("train.device", spec.train.device, rule)
    for field, most in (("trials", MOST_TRIALS), ("workers", MOST_WORKERS)):
        if getattr(spec, field) > most:
            raise InvalidInput(field, getattr(spec, field), f"must be at most {most}")
    check_space(spec)


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        rule = f"must be 1 to {NAME_LENGTH} printable characters"
        raise InvalidInput("name", name, rule)
    return name


def study_begin(*, study_id: int) -> bool:
    """Claim that a study begins; False when it runs, has ended or is cancelled."""
    rows = Study.objects.filter(id=study_id, state="waiting", cancel_asked=False)
    with transaction.atomic():
        begun = rows.update(state="running", started_at=_now()) == 1
        if begun:
            _tell(study_id)
    return begun


def study_data_set(*, study_id: int, data: dict[str, Any]) -> None:
    """Store what the study's data was: rows, period, hash, per symbol."""
    Study.objects.filter(id=study_id).update(data=data)


def study_fail(*, study_id: int, reason: str) -> bool:
    """End a study that cannot go on; False when it has ended already."""
    return _study_end(study_id, "failed", reason)


def study_cancel(*, study_id: int, venue: str) -> bool:
    """Ask to stop a study; False when it has ended.

    Running trials end within a few batches; the workers end the study after the last.
    """
    rows = Study.objects.filter(id=study_id, venue=venue, state__in=OPEN)
    with transaction.atomic():
        if not rows.update(cancel_asked=True):
            return False
        Trial.objects.filter(study=study_id).update(requeue_asked=False)
        _tell(study_id)
        _wake_on_commit(study_id)
    return True


def study_requeue(*, study_id: int, venue: str) -> list[int]:
    """Let an ended study go on; returns the numbers of the trials that run again.

    These are the failed and cancelled ones that no retry stands in for. Raises
    ``Conflict`` when it has not ended or nothing is left to do.
    """
    with transaction.atomic():
        study = Study.objects.select_for_update().get(id=study_id, venue=venue)
        if study.state not in STUDY_ENDED:
            raise Conflict("state", study.state, "only an ended study can be requeued")
        again = _without_retry(study_id).filter(state__in=("failed", "cancelled"))
        numbers = sorted(again.values_list("number", flat=True))
        again.update(requeue_asked=True)
        so_far = selectors.progress([study_id]).get(study_id, selectors.Progress())
        if so_far.settled >= study.trials_wanted:
            raise Conflict("state", study.state, "every trial has its result")
        _reopen(study_id)
    return numbers


def study_finish_if_done(*, study_id: int) -> bool:
    """End a study for which the search has no trial left; True for the call that does.

    It is cancelled if that was asked, failed if no trial was completed. While a row
    still runs or a trial is to run again nothing happens.
    """
    study = Study.objects.get(id=study_id)
    trials = Trial.objects.filter(study=study_id)
    if trials.filter(state__in=OPEN).exists():
        return False
    if study.cancel_asked:
        return _study_end(study_id, "cancelled", "it was cancelled")
    if trials.filter(requeue_asked=True).exists():
        return False
    if trials.filter(state="complete").exists():
        return _study_end(study_id, "complete", "")
    last = trials.exclude(reason="").last()
    reason = f"no trial was completed; the last one: {last.reason}" if last else ""
    return _study_end(study_id, "failed", reason or "no trial was completed")


def trial_cancel(*, trial_id: int, venue: str) -> bool:
    """Ask to stop a trial that runs; False when it has ended."""
    rows = Trial.objects.filter(id=trial_id, study__venue=venue, state__in=OPEN)
    with transaction.atomic():
        if not rows.update(cancel_asked=True):
            return False
        trial = rows.get()
        pushes.trial_tell(trial)
        _wake_on_commit(trial.study_id)
    return True


def trial_requeue(*, trial_id: int, venue: str) -> None:
    """Ask that an ended trial runs again with the same parameters.

    A worker makes the new trial, whose ``retry_of`` names this one; an ended study
    goes on. Raises ``Conflict``.
    """
    with transaction.atomic():
        trial = Trial.objects.get(id=trial_id, study__venue=venue)
        study = Study.objects.select_for_update().get(id=trial.study_id)
        if study.cancel_asked and study.state in OPEN:
            raise Conflict("state", study.state, "the study is being cancelled")
        rows = _without_retry(study.id).filter(id=trial_id, state__in=AGAIN)
        if not rows.update(requeue_asked=True):
            trial.refresh_from_db()
            raise Conflict("state", trial.state, _why_not_again(trial))
        trial.refresh_from_db()
        pushes.trial_tell(trial)
        _reopen(study.id)


def _why_not_again(trial: Trial) -> str:
    if trial.state not in AGAIN:
        return f"only a trial that is {', '.join(AGAIN)} can run again"
    if trial.requeue_asked:
        return "it is to run again already"
    return "a retry stands in for it"


def reason_kept(text: str) -> str:
    """Return a reason as it can be stored: PostgreSQL takes no NUL."""
    return text.replace("\0", "")[:REASON_LENGTH]


def training_prune(*, venue: str, before_ms: int) -> int:
    """Delete epochs and marks of trials that ended before; returns how many rows.

    Trials, their totals and results stay, and everything of a trial that a model
    version came from.
    """
    old = Trial.objects.filter(
        study__venue=venue, state__in=ENDED, ended_at__lt=before_ms, versions=None
    )
    ids = old.values("id")
    marks, _ = ScaleMark.objects.filter(trial__in=ids).delete()
    rows, _ = TrialEpoch.objects.filter(trial__in=ids).delete()
    if rows:
        log.info("%d epochs with %d marks are past their age: deleted", rows, marks)
    return marks + rows


def _without_retry(study_id: int) -> Any:
    retried = Trial.objects.filter(study=study_id, retry_of__isnull=False)
    return Trial.objects.filter(study=study_id, requeue_asked=False).exclude(
        number__in=list(retried.values_list("retry_of", flat=True))
    )


def _reopen(study_id: int) -> None:
    Study.objects.filter(id=study_id, state__in=STUDY_ENDED).update(
        state="waiting", reason="", ended_at=None, cancel_asked=False
    )
    _tell(study_id)
    _wake_on_commit(study_id)


def _study_end(study_id: int, state: str, reason: str) -> bool:
    rows = Study.objects.filter(id=study_id, state__in=OPEN)
    with transaction.atomic():
        ended = rows.update(state=state, reason=reason_kept(reason), ended_at=_now())
        if ended:
            _tell(study_id)
    return ended == 1


def _tell(study_id: int) -> None:
    study = Study.objects.only("venue").get(id=study_id)
    pushes.study_tell(study_id, study.venue)


def _wake_on_commit(study_id: int) -> None:
    transaction.on_commit(lambda: _wake_now(study_id))


def _wake_now(study_id: int) -> None:
    try:
        wake.workers(study_id)
    except Retryable as error:
        log.warning("study %d waits for the next look: %s", study_id, error)


def _now() -> int:
    return time.time_ns() // 1_000_000
