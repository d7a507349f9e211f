"""Streams that bring no data where they should be: each is tried once elsewhere.

A stream asked on the wrong class of path is acknowledged and stays silent for ever, and
the exchange has moved streams between its classes before. So a stream that never spoke,
asked for again or not, is subscribed on the other class of market data as well; the
side that speaks first keeps it.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from market.binance.plan import own_route
from market.binance.session import FIRST_FRAME_SECONDS
from market.binance.streams import Route

log = logging.getLogger(__name__)

OTHER = {Route.PUBLIC: Route.MARKET, Route.MARKET: Route.PUBLIC}
# How long a stream may still speak at home after it was asked for again.
PATIENCE_SECONDS = 10.0
# However often the connection of a trial is lost: no trial lasts longer.
LONGEST_SECONDS = 3 * FIRST_FRAME_SECONDS
TRIALS_AT_ONCE = 8
LOOK_SECONDS = 0.5


class Fleet(Protocol):
    """The connections, as far as trials move streams between them."""

    def try_on(self, stream: str, where: Route) -> str:
        """Subscribe the stream on that class as well; return the connection's id."""

    def tried_since(self, stream: str, connection: str) -> float | None:
        """Return when it was asked for there on the present socket, else None."""

    def keep(self, stream: str, connection: str) -> None:
        """Leave the stream to this connection alone."""

    def leave(self, stream: str, connection: str) -> None:
        """Follow the stream no longer on this connection."""

    def anything_live(self, now: float) -> bool:
        """Return whether any stream flows."""

    def tell(self, where: str, kind: str, reason: str, connection: str) -> None:
        """Make an event."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A stream on trial on a connection of the class that is not its own."""

    stream: str
    home: Route
    other: Route
    connection: str
    begun_at: float


class Rerouter:
    """Decides which stream is tried when, and where it stays; never twice."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._unanswered: dict[str, float] = {}
        self._trials: dict[str, Trial] = {}
        self._tried: set[str] = set()
        self._moved: dict[str, Route] = {}
        self._next_look_at = 0.0

    def route(self, stream: str) -> Route:
        """Return the class on which the stream is followed."""
        return self._moved.get(stream) or own_route(stream)

    def never_spoke(self, stream: str, now: float) -> None:
        """A stream without a first frame was asked for again."""
        if stream not in self._tried and self.route(stream) in OTHER:
            self._unanswered.setdefault(stream, now)

    def spoke(self, stream: str, where: Route) -> None:
        """The first frame of a stream came on a connection of this class."""
        self._unanswered.pop(stream, None)
        trial = self._trials.pop(stream, None)
        if trial is None:
            return
        if where is not trial.other:
            self._fleet.leave(stream, trial.connection)
            return
        self._moved[stream] = where
        self._fleet.keep(stream, trial.connection)
        self._tell(
            trial,
            "rerouted",
            f"no data on {trial.home.value} although acknowledged, data on "
            f"{where.value}: the exchange seems to have moved the stream; it is "
            "followed there from now on",
        )

    def forget(self, streams: Iterable[str]) -> None:
        """These are followed no longer; where one was moved to stays known."""
        for stream in streams:
            self._unanswered.pop(stream, None)
            self._trials.pop(stream, None)

    def look(self, now: float) -> None:
        """End the trials that brought nothing, begin those that are due."""
        if not (self._unanswered or self._trials) or now < self._next_look_at:
            return
        self._next_look_at = now + LOOK_SECONDS
        for trial in list(self._trials.values()):
            if self._in_vain(trial, now):
                self._give_up(trial)
        # While nothing flows at all the exchange may be away: then one at a time.
        most = TRIALS_AT_ONCE if self._fleet.anything_live(now) else 1
        for stream, since in list(self._unanswered.items()):
            if len(self._trials) >= most:
                return
            if now - since >= PATIENCE_SECONDS:
                self._begin(stream, now)

    def _begin(self, stream: str, now: float) -> None:
        del self._unanswered[stream]
        self._tried.add(stream)
        home = self.route(stream)
        connection = self._fleet.try_on(stream, OTHER[home])
        self._trials[stream] = Trial(stream, home, OTHER[home], connection, now)
        log.info("%s brings no data on %s: tried on %s", stream, home, connection)

    def _in_vain(self, trial: Trial, now: float) -> bool:
        asked_at = self._fleet.tried_since(trial.stream, trial.connection)
        if asked_at is not None and now - asked_at > FIRST_FRAME_SECONDS:
            return True
        return now - trial.begun_at > LONGEST_SECONDS

    def _give_up(self, trial: Trial) -> None:
        del self._trials[trial.stream]
        self._fleet.leave(trial.stream, trial.connection)
        self._tell(
            trial,
            "astray",
            f"no data on {trial.home.value}, where it should be, and none on "
            f"{trial.other.value}, tried once: unknown or upper-case name, or a market "
            "without trades",
        )

    def _tell(self, trial: Trial, kind: str, reason: str) -> None:
        log.warning("%s %s: %s", trial.stream, kind, reason)
        where = trial.other if kind == "rerouted" else trial.home
        text = f"{trial.stream}: {reason}"
        self._fleet.tell(where, kind, text, trial.connection)
