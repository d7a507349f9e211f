"""A study run from a terminal: the same processes, without Celery.

Whoever else looks after the study (the workers of a running ``up``) may help: trials
are claimed one by one in Optuna's storage.
"""

import socket
import time
from collections.abc import Callable
from typing import Any

from training import selectors, services, upkeep
from training.models import Study
from training.selectors import OPEN
from training.trial_child import Ended, TrialChild

LOOK_SECONDS = 0.5

Show = Callable[[dict[str, Any]], None]


class LocalRun:
    """Runs a study's trials in child processes until the study has ended."""

    def __init__(self, study: Study, *, workers: int, device: str = "") -> None:
        self.study = study
        self._workers, self._device = workers, device
        self._children: list[TrialChild] = []

    def run(self, show: Show) -> dict[str, Any]:
        """Return the study as it ended; ``show`` gets it at every look.

        An interruption cancels the study, waits for its trials and goes on up; after a
        second one they end by themselves, as this process does.
        """
        try:
            while True:
                told = self._look()
                show(told)
                if told["state"] not in OPEN and not self._children:
                    return told
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            self.cancel()
            raise

    def cancel(self) -> None:
        """Cancel the study and wait until every trial has ended."""
        services.study_cancel(study_id=self.study.id, venue=self.study.venue)
        for child in self._children:
            child.stop()
        for child in self._children:
            child.wait()
        self._children.clear()
        upkeep.look_after(self._fresh())

    def _look(self) -> dict[str, Any]:
        study = self._fresh()
        if study.state in OPEN:
            waiting = upkeep.waiting(upkeep.look_after(study))
            self._reap()
            for _ in range(min(waiting, self._workers - len(self._children))):
                name = f"terminal-{len(self._children) + 1}"
                self._children.append(
                    TrialChild(study.id, worker=name, device=self._device)
                )
        else:
            self._reap()
        told = selectors.study(study_id=study.id, venue=study.venue)
        assert told is not None
        return told

    def _reap(self) -> None:
        for child in list(self._children):
            ended = child.poll()
            if ended is None:
                continue
            self._children.remove(child)
            if ended == Ended.DIED:
                upkeep.process_died(
                    self.study.id, host=socket.gethostname(), pid=child.pid
                )

    def _fresh(self) -> Study:
        self.study.refresh_from_db()
        return self.study
