"""One line that tells how far a long command is, how fast, and how long it takes on."""

import time
from collections.abc import Callable

from django.core.management.base import OutputWrapper

BAR_WIDTH = 30
LINES = 10
# A moving line is written this often at most.
SHOW_SECONDS = 0.1


class Progress:
    """Moves in a terminal; elsewhere a line at every tenth of the work."""

    def __init__(
        self,
        stream: OutputWrapper,
        what: str,
        unit: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._what = what
        self._unit = unit
        self._now = monotonic
        self._began: tuple[float, int] | None = None
        self._terminal = bool(getattr(stream, "isatty", lambda: False)())
        self._last: tuple[float, int] = (float("-inf"), -1)

    def show(self, done: int, planned: int) -> None:
        """Tell that ``done`` of ``planned`` are done."""
        now, tenth = self._now(), LINES * done // max(1, planned)
        # What came before the first step, like reading a file, is no part of the rate.
        self._began = self._began or (now, done)
        at, told = self._last
        if self._terminal:
            if done < planned and now - at < SHOW_SECONDS:
                return
            filled = BAR_WIDTH * done // max(1, planned)
            text = f"\r{self._what} [{'#' * filled:{BAR_WIDTH}}] "
            end = "\n" if done == planned else ""
            self._stream.write(
                f"{text}{self._text(done, planned, now)}\x1b[K", ending=end
            )
        elif tenth != told:
            self._stream.write(f"{self._what} {self._text(done, planned, now)}")
        self._last = (now, tenth)

    def count(self, what: str, done: int) -> None:
        """Tell how many are ``what`` while nobody knows of how many: a terminal only."""
        if self._terminal:
            text = f"\r{self._what} {done:,} {self._unit} {what}\x1b[K"
            self._stream.write(text, ending="")

    def _text(self, done: int, planned: int, now: float) -> str:
        text = f"{done:,}/{planned:,} {self._unit}"
        began, before = self._began or (now, done)
        if now <= began or done <= before:
            return text
        rate = (done - before) / (now - began)
        if done == planned:
            return f"{text}, {rate:,.0f}/s"
        return f"{text}, {rate:,.0f}/s, {(planned - done) / rate:,.0f} s left"
