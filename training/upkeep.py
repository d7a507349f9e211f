"""Looks after open studies: finds dead trials, repeats them, calls workers, ends.

The rows and Optuna's storage say what is wanted; a message that was lost, a worker or a
Redis that died cost no more than the seconds until the next look. Looking twice, or in
two places at once, changes nothing.
"""

import base64
import json
import logging
from collections import Counter

import optuna
from optuna.trial import FrozenTrial, TrialState

from core import redis as core_redis
from core.errors import BusUnavailable, InvalidInput
from training import recorder, search, services, wake
from training.models import Study, Trial
from training.search import Search
from training.selectors import OPEN
from training.study_search import search_of
from training.trial_process import row_ended

log = logging.getLogger(__name__)

# Searches kept open.
REMEMBERED = 32
QUEUE = "quantai:celery:training"
DIED = "its process died or was cut off from the database"

_studies: dict[str, optuna.Study] = {}


def look(venue: str, study_id: int | None = None) -> None:
    """Look after the open studies of a venue, or after one of them."""
    studies = Study.objects.filter(venue=venue, state__in=OPEN)
    if study_id is not None:
        studies = studies.filter(id=study_id)
    called = _called() if studies else Counter()
    for study in studies:
        try:
            open_trials = look_after(study)
        except InvalidInput as error:
            services.study_fail(study_id=study.id, reason=str(error))
        except Exception:
            # The other studies must not wait for this one.
            log.exception("study %d cannot be looked after", study.id)
        else:
            _call(study, open_trials, called[study.id])


def process_died(study_id: int, *, host: str, pid: int) -> None:
    """Repeat the trial of a process that is known to be dead, without waiting for its
    silence.
    """
    rows = Trial.objects.filter(study=study_id, state__in=OPEN, host=host, pid=pid)
    for row in rows.select_related("study"):
        found = search_of(row.study)
        found.bury(_opened(found), row.number)


def _opened(found: Search) -> optuna.Study:
    """Open a search once: looks are many, and Optuna remembers ended trials."""
    if found.name not in _studies:
        while len(_studies) >= REMEMBERED:
            search.close(_studies.pop(next(iter(_studies))))
        _studies[found.name] = found.open()
    return _studies[found.name]


def look_after(study: Study) -> list[FrozenTrial]:
    """Bring a study's trials into the state that is wanted; return the open ones."""
    found = search_of(study)
    opened = _opened(found)
    again = Trial.objects.filter(study=study, requeue_asked=True)
    numbers = list(again.values_list("number", flat=True))
    trials = found.look_after(
        opened, cancelled=study.cancel_asked, wanted_again=numbers
    )
    opened._storage.remove_session()
    again.filter(number__in=numbers).update(requeue_asked=False)
    _rows_follow(study, trials)
    left = [one for one in trials if not one.state.is_finished()]
    if not left:
        services.study_finish_if_done(study_id=study.id)
        search.close(_studies.pop(found.name))
    return left


def _rows_follow(study: Study, trials: list[FrozenTrial]) -> None:
    """End the rows whose process could not do it."""
    for row in Trial.objects.filter(study=study, state__in=OPEN):
        trial = trials[row.number]
        if search.is_dead(trial):
            recorder.trial_died(study_id=study.id, number=row.number, reason=DIED)
        elif trial.state.is_finished():
            row_ended(study.id, row.id, trial)


def _call(study: Study, left: list[FrozenTrial], called: int) -> None:
    """Ask for as many workers as the study may have and has work for."""
    running = len(left) - waiting(left)
    workers = int(study.spec.get("workers", 1))
    missing = min(waiting(left), workers - running) - called
    try:
        for _ in range(missing):
            wake.worker(study.id)
    except BusUnavailable as error:
        log.warning("%s", error)


def waiting(trials: list[FrozenTrial]) -> int:
    """Count the trials that wait for a process."""
    return sum(one.state == TrialState.WAITING for one in trials)


def _called() -> Counter[int]:
    """Count the orders that wait for a worker, by study."""
    try:
        with core_redis.sync_client() as client:
            messages = client.lrange(QUEUE, 0, -1)
    except core_redis.UNAVAILABLE as error:
        log.warning("no worker can be called: %s", error)
        return Counter()
    return Counter(_study_of(message) for message in messages)


def _study_of(message: bytes) -> int:
    args, *_ = json.loads(base64.b64decode(json.loads(message)["body"]))
    return int(args[0])
