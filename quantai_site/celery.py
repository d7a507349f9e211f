"""Celery: two queues on the one Redis, ``training`` for trials, ``default`` for looks.

Tasks carry ids and claim their work in the database, so that a message may come twice
or get lost.
"""

import signal

from celery import Celery
from celery.signals import setup_logging, worker_process_init
from django.conf import settings

from accounts.config import EQUITY_PRUNE, EQUITY_SNAPSHOT, INTENTS_PRUNE
from core.child import end_with_parent
from training import wake

SITE, TRAINING = settings.QUANTAI.site, settings.QUANTAI.training
ACCOUNTS = settings.QUANTAI.accounts
# Only a worker that was lost with its machine is waited for so long; everybody else's
# trials are found by their heartbeats.
LONGER_THAN_A_TRIAL_SECONDS = 3600
PRUNE_SECONDS = 3600


def broker_url(redis_url: str) -> str:
    """Return the server's address as Celery writes it."""
    if redis_url.startswith("unix://"):
        return "redis+socket" + redis_url.removeprefix("unix")
    return redis_url


@setup_logging.connect  # type: ignore[untyped-decorator]
def _leave_logging_alone(**_: object) -> None:
    """The settings have done it; a handler of Celery's own would break JSON logs."""


@worker_process_init.connect  # type: ignore[untyped-decorator]
def _end_with_worker(**_: object) -> None:
    """A pool's child ends with its worker, and the trial below it with the child."""
    end_with_parent(signal.SIGKILL)


app = Celery("quantai", include=["training.tasks", "accounts.tasks"])
app.conf.update(
    broker_url=broker_url(SITE.redis_url),
    broker_transport_options={
        "global_keyprefix": "quantai:celery:",
        "visibility_timeout": int(TRAINING.trial_hours * 3600)
        + LONGER_THAN_A_TRIAL_SECONDS,
        "socket_connect_timeout": 2,
        "socket_timeout": 30,
        "socket_keepalive": True,
        # Who sends does not wait for a broker that is away; workers have a rule of
        # their own, below.
        "max_retries": 1,
        "interval_start": 0,
        "interval_max": 0.1,
    },
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_default_queue="default",
    task_routes={wake.RUN: {"queue": "training"}},
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_enable_remote_control=False,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    timezone="UTC",
    beat_schedule={
        "look": {
            "task": wake.LOOK,
            "schedule": TRAINING.look_seconds,
            "options": {"expires": TRAINING.look_seconds},
        },
        # So often that a beat which is restarted daily comes to it.
        "prune": {
            "task": wake.PRUNE,
            "schedule": PRUNE_SECONDS,
            "options": {"expires": PRUNE_SECONDS},
        },
        "equity": {
            "task": EQUITY_SNAPSHOT,
            "schedule": ACCOUNTS.equity_seconds,
            "options": {"expires": ACCOUNTS.equity_seconds},
        },
        "equity-prune": {
            "task": EQUITY_PRUNE,
            "schedule": PRUNE_SECONDS,
            "options": {"expires": PRUNE_SECONDS},
        },
        "intents-prune": {
            "task": INTENTS_PRUNE,
            "schedule": PRUNE_SECONDS,
            "options": {"expires": PRUNE_SECONDS},
        },
    },
)
