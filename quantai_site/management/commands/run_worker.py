"""``run_worker``: a Celery worker of one queue; with ``--beat`` the clock as well."""

import logging
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

QUEUES = ("training", "default")


class Command(BaseCommand):
    """Runs in the foreground until SIGTERM: then a running trial is interrupted, and
    goes on from its last epoch wherever a worker asks for it.
    """

    help = (
        "Work on a queue: training (one trial at a time, each in a process of its own) "
        "or default (looks after the studies)."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--queue", choices=QUEUES, default="training")
        parser.add_argument(
            "--name", default="worker-1", help="worker-N takes the Nth device"
        )
        parser.add_argument(
            "--beat", action="store_true", help="send the regular looks too"
        )

    def handle(self, **options: Any) -> None:
        from celery.apps import worker as celery_worker
        from celery.beat import EmbeddedService

        from quantai_site.celery import app

        queue = options["queue"]
        arguments = [
            "worker",
            f"--queues={queue}",
            f"--hostname={options['name']}@%h",
            "--concurrency=1",
            # A trial needs the main thread of a process that may be killed alone.
            f"--pool={'prefork' if queue == 'training' else 'solo'}",
            f"--loglevel={settings.QUANTAI.site.log_level}",
            "--without-gossip",
            "--without-mingle",
        ]
        if options["beat"]:
            # A thread: a process would cost as much memory as the worker. What was
            # sent when need not outlive it.
            beat = EmbeddedService(
                app, thread=True, scheduler_cls="celery.beat:Scheduler"
            )
            beat.start()
        # Each message that comes is no news.
        logging.getLogger("celery.worker.strategy").setLevel(logging.WARNING)
        logging.getLogger("celery.app.trace").setLevel(logging.WARNING)
        logging.getLogger("celery.beat").setLevel(logging.WARNING)
        # What it would print beside the log is a line of the log.
        celery_worker.safe_say = _say
        app.worker_main(["--quiet", *arguments])


def _say(message: str, *_: Any) -> None:
    logging.getLogger("celery.worker").info("%s", message.strip())
