"""Beside a trial: shows that it lives, hears who wants it to stop, and sees to it."""

import logging
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import Error as DatabaseError
from django.db import connection

from training import recorder
from training.models import Study
from training.search import CANCELLED, FAILED, INTERRUPTED, STUDY_CANCELLED

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
# After them the process ends even if the end cannot be written down.
LAST_SECONDS = 1.0
FORCED = 12


@dataclass(frozen=True)
class Stop:
    """Why a trial is to stop; ``how`` is one of ``training.search``'s values."""

    how: str
    reason: str


class TrialWatch(threading.Thread):
    """A thread that looks once a second, and at once when a signal comes.

    ``stop`` is what the training loop asks. When the trial has not ended ``patience``
    seconds after the wish to stop, ``give_up`` writes its end down and the process
    ends. Must be made in the main thread.
    """

    def __init__(
        self,
        study_id: int,
        *,
        heartbeat: float,
        patience: float,
        longest: float,
        give_up: Callable[[Stop], None],
    ) -> None:
        super().__init__(name="trial watch", daemon=True)
        self.study_id = study_id
        self.trial_id: int | None = None
        self.wish: Stop | None = None
        self._heartbeat, self._patience = heartbeat, patience
        self._ends = time.monotonic() + longest
        self._longest = longest
        self._give_up = give_up
        self._beaten = time.monotonic()
        self._over = threading.Event()
        self._ear, self._mouth = socket.socketpair()
        self._mouth.setblocking(False)  # noqa: FBT003 - its only argument
        # Written by the signal itself, however busy the main thread is.
        signal.set_wakeup_fd(self._mouth.fileno())
        self._before = {
            number: signal.signal(number, lambda number, frame: None)
            for number in (signal.SIGTERM, signal.SIGINT)
        }

    def stop(self) -> str | None:
        """Why the trial is to stop; None when nobody wants it."""
        return None if self.wish is None else self.wish.reason

    def done(self) -> None:
        """The trial has ended: nothing is watched any more."""
        self._over.set()
        self._mouth.send(b"\0")
        self.join()
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._ear.close()
        self._mouth.close()

    def run(self) -> None:
        """Watch until ``done``."""
        try:
            while not self._over.is_set() and self.wish is None:
                self.wish = self._signal() or self._too_long() or self._rows()
            if self.wish is not None and not self._over.wait(self._patience):
                self._end_the_process(self.wish)
        finally:
            connection.close()

    def _signal(self) -> Stop | None:
        readable, _, _ = select.select([self._ear], [], [], LOOK_SECONDS)
        if readable and any(self._ear.recv(64)):
            # Who cancels may have sent the signal too.
            return self._rows() or Stop(INTERRUPTED, "its worker was stopped")
        return None

    def _too_long(self) -> Stop | None:
        if time.monotonic() < self._ends:
            return None
        hours = self._longest / 3600
        return Stop(
            FAILED, f"it took longer than {hours:g} hours (TRAINING_TRIAL_HOURS)"
        )

    def _rows(self) -> Stop | None:
        """Look at what people want; a database that is away is asked again."""
        try:
            if Study.objects.filter(id=self.study_id, cancel_asked=True).exists():
                return Stop(STUDY_CANCELLED, "its study was cancelled")
            if self.trial_id is None:
                return None
            now = time.monotonic()
            if now - self._beaten >= self._heartbeat:
                recorder.heartbeat(self.trial_id)
                self._beaten = now
            reason = recorder.stop_wanted(self.trial_id)
            return None if reason is None else Stop(CANCELLED, reason)
        except DatabaseError as error:
            log.warning("the trial's row cannot be read: %s", error)
            connection.close()
            return None

    def _end_the_process(self, wish: Stop) -> None:
        log.warning("the trial does not stop by itself: ending it")
        last = threading.Timer(LAST_SECONDS, os._exit, (FORCED,))
        last.daemon = True
        last.start()
        try:
            self._give_up(wish)
        finally:
            os._exit(FORCED)
