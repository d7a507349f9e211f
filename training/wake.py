"""Wakes the workers of studies; what is wanted stands in the database."""

from django.conf import settings
from django.utils.module_loading import import_string

from core.errors import BusUnavailable

LOOK = "training.look"
RUN = "training.run_trial"
PRUNE = "training.prune"


def workers(study_id: int) -> None:
    """Let a study be looked after now; raises ``BusUnavailable``.

    A lost message costs the seconds until the next look.
    """
    _send(LOOK, study_id)


def process_died(study_id: int, host: str, pid: int) -> None:
    """Let the trial of a process that is dead be repeated; raises ``BusUnavailable``.

    A lost message costs the time after which a silent trial counts as dead.
    """
    _send(LOOK, study_id, host, pid)


def worker(study_id: int) -> None:
    """Let one worker run a trial of the study; raises ``BusUnavailable``."""
    _send(RUN, study_id)


def _send(task: str, *args: int | str) -> None:
    # Celery is loaded where it is used: pages need it for orders only.
    from kombu.exceptions import KombuError

    app = import_string(settings.CELERY_APP)
    try:
        app.send_task(task, args=args, retry=False)
    except (KombuError, OSError) as error:
        raise BusUnavailable(f"the workers cannot be woken: {error}") from error
