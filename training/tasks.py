"""What Celery runs: trials, one at a time, and looks after the studies."""

import logging
import socket
import time
from collections.abc import Callable

from celery import Task, shared_task
from django.conf import settings

from core import redis as core_redis
from core.errors import BusUnavailable
from training import services, trial_child, wake

log = logging.getLogger(__name__)

MOST_DELIVERIES = 5
DELIVERY_SECONDS = 86_400
DAY_MS = 86_400_000


@shared_task(name=wake.LOOK)  # type: ignore[untyped-decorator]
def look(study_id: int | None = None, host: str = "", pid: int = 0) -> None:
    """Bring one study, or all that are open, into the state that is wanted.

    ``host`` and ``pid`` name a process of a trial that is dead.
    """
    # Optuna stays out of the workers, which fork.
    from training import upkeep

    if study_id is not None and pid:
        upkeep.process_died(study_id, host=host, pid=pid)
    upkeep.look(settings.QUANTAI.site.exchange, study_id)


@shared_task(name=wake.PRUNE)  # type: ignore[untyped-decorator]
def prune() -> None:
    """Delete epochs and marks past their age."""
    age_ms = settings.QUANTAI.training.history_days * DAY_MS
    services.training_prune(
        venue=settings.QUANTAI.site.exchange,
        before_ms=time.time_ns() // 1_000_000 - age_ms,
    )


@shared_task(name=wake.RUN, bind=True)  # type: ignore[untyped-decorator]
def run_trial(self: Task, study_id: int) -> None:
    """Run one trial of the study in a process of its own, then ask for the next.

    Late acknowledgement: a message whose worker dies comes again, one that kills every
    worker only so often.
    """
    if _deliveries(self.request.id) > MOST_DELIVERIES:
        log.error("an order for study %d ended its worker too often", study_id)
        return
    ended, pid = trial_child.run(study_id, worker=self.request.hostname)
    if ended == trial_child.Ended.TRIAL:
        _send(study_id, wake.worker)
    elif ended == trial_child.Ended.NOTHING_TO_DO:
        _send(study_id, wake.workers)
    elif ended == trial_child.Ended.DIED:
        _send(study_id, wake.process_died, socket.gethostname(), pid)


def _send(study_id: int, send: Callable[..., None], *facts: int | str) -> None:
    try:
        send(study_id, *facts)
    except BusUnavailable as error:
        log.warning("study %d waits for the next look: %s", study_id, error)


def _deliveries(message: str) -> int:
    """Count how often this message has come."""
    name = core_redis.key("training", "deliveries", message)
    try:
        with core_redis.sync_client() as client:
            count, _ = (
                client.pipeline().incr(name).expire(name, DELIVERY_SECONDS).execute()
            )
    except core_redis.UNAVAILABLE as error:
        log.warning("deliveries are not counted: %s", error)
        return 1
    return int(count)
