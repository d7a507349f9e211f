"""``run_trial``: run one trial of a study; workers start it, people need not."""

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from training.trial_process import Place, TrialProcess, stop_with


class Command(BaseCommand):
    """Exit status as ``training.trial_child.Ended``."""

    help = "Run one trial of a study that waits for one."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--study", type=int, required=True)
        parser.add_argument("--worker", default="command line")
        parser.add_argument("--device", default="")
        parser.add_argument("--parent", type=int, default=0, help="end when it ends")

    def handle(self, **options: Any) -> None:
        stop_with(options["parent"])
        os.nice(settings.QUANTAI.training.nice)
        # torch is loaded after the parent is watched.
        from training.trial_work import train_trial

        place = Place(options["worker"], options["device"])
        process = TrialProcess(options["study"], place, train_trial)
        sys.exit(int(process.run()))
