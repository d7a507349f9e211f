"""One soak from its first process to its report; runs inside a private installation."""

import signal
import sys
import threading
import time
import urllib.error
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from benchmarks import child
from benchmarks.installation import Installation
from benchmarks.processes import until
from benchmarks.soak import outcome
from benchmarks.soak.comparison import Comparison
from benchmarks.soak.exchange import Exchange
from benchmarks.soak.injection import Injected, Injector
from benchmarks.soak.judgement import PATIENCE_SECONDS, Judgement, Start
from benchmarks.soak.memory import Point, slope, thinned
from benchmarks.soak.plant import FEED, REDIS, SIMULATOR, Plant, programs
from benchmarks.soak.report import Report, Run, markdown
from benchmarks.soak.scale import INTERVALS, settings, streams
from benchmarks.soak.schedule import Planned, Wish, plan
from benchmarks.soak.watch import VENUE, Sample, Watcher
from core import redis as core_redis
from core.benchmark import MeasurementError, table
from market import selectors
from market.simulator.listening import read_listening

LOOK_SECONDS: Final = 0.2
START_SECONDS: Final = 60.0
QUIET_SECONDS: Final = 100.0
SAY_SECONDS: Final = 10.0


def main(
    *,
    folder: str,
    hours: float,
    speed: float,
    seed: int,
    faults: int,
    overlap: bool,
    symbols: int,
    watched: int,
) -> dict[str, Any]:
    """Run it and return the report as plain values, ``text`` and ``markdown`` too."""
    wish = Wish(hours, speed, seed, faults, overlap)
    stopped = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stopped.set())
    # Sent when the parent is gone: nobody is left to read a report.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    where = Installation(Path(folder), **settings(speed, symbols, seed))
    with closing(Plant(where, programs(where.var))) as plant:
        soak = Soak(wish, where, plant, symbols, watched, stopped)
        soak.start()
        soak.run()
        report = soak.finish()
    return {
        **report.as_document(),
        "text": table(report.rows()),
        "markdown": markdown(report),
    }


class Soak:
    """The orchestration: ``start``, ``run``, ``finish``."""

    def __init__(
        self,
        wish: Wish,
        where: Installation,
        plant: Plant,
        symbols: int,
        watched: int,
        stopped: threading.Event,
    ) -> None:
        self._wish = wish
        self._where = where
        self._plant = plant
        self._stopped = stopped
        self._watched = watched
        self._streams = streams(symbols, watched)
        self._injected: list[Injected] = []
        self._lives: list[list[Point]] = [[]]
        self._pid = 0
        self._said_at = 0.0

    # -- start ------------------------------------------------------------------

    def start(self) -> None:
        """Start everything and wait until every stream is live."""
        self._plant.start(REDIS)
        self._plant.start(SIMULATOR)
        self._until(lambda: self._answers(REDIS), "Redis answers")
        state = self._where.var / "simulator"
        found = self._until(lambda: read_listening(state), "the exchange listens")
        self._exchange = Exchange(found.plain)
        self._plant.start(FEED)
        self._symbols = self._until(_followed, "the feed knows its contracts")
        self._watcher = Watcher(self._symbols[: self._watched], self._streams)
        self._until(
            lambda: self._watcher.look().whole(self._streams), "all streams live"
        )
        self._begun = time.monotonic()
        began = Start(
            time.time_ns() // 1_000_000, self._exchange.now_ms(), self._wish.speed
        )
        self._start = began
        self._injector = Injector(self._plant, self._exchange, self._answers)
        self._judgement = Judgement(
            self._watcher, self._streams, began, overlap=self._wish.overlap
        )
        self._comparison = Comparison(self._exchange, self._symbols, began.exchange)
        self._plan = plan(self._wish, self._symbols)
        child.say(
            f"{len(self._plan)} faults in {self._wish.seconds:.0f} s: all "
            f"{self._streams} streams of {len(self._symbols)} symbols are live"
        )

    def _until(self, condition: Callable[[], Any], what: str) -> Any:
        def asked() -> Any:
            if self._stopped.is_set():
                raise MeasurementError("interrupted before the start")
            self._plant.supervise()
            if self._plant.collapsed:
                ended = ", ".join(self._plant.collapsed)
                raise MeasurementError(f"{ended} ended\n{self._tail()}")
            return condition()

        return until(asked, seconds=START_SECONDS, what=what, tail=self._tail)

    def _tail(self) -> str:
        return "\n".join(self._where.log.read_text(errors="replace").splitlines()[-15:])

    def _answers(self, name: str) -> bool:
        """Whether a program serves; of a feed it is enough that it was started."""
        try:
            if name == REDIS:
                with core_redis.sync_client() as client:
                    return bool(client.ping())
            if name == SIMULATOR:
                return self._exchange.now_ms() > 0
        except (*core_redis.UNAVAILABLE, urllib.error.URLError):
            return False
        return True

    # -- run --------------------------------------------------------------------

    def run(self) -> None:
        """Let every fault strike at its time, each after the one before is over."""
        waiting = list(self._plan)
        while not self._stopped.is_set():
            self._look()
            if waiting and self._may_strike(waiting[0]):
                self._injected.append(self._injector.begin(waiting.pop(0)))
            elif not waiting and self._over():
                return
            self._stopped.wait(LOOK_SECONDS)

    def _look(self) -> Sample:
        sample = self._watcher.look()
        for injected in self._injected:
            self._injector.end_when_due(injected)
        self._plant.supervise()
        self._weigh()
        if time.monotonic() - self._said_at >= SAY_SECONDS:
            self._said_at = time.monotonic()
            child.say(self._progress(sample))
        return sample

    def _weigh(self) -> None:
        memory = self._plant.rss_mb(FEED)
        if memory is None:
            return
        if self._plant.pid(FEED) != self._pid:
            self._pid = self._plant.pid(FEED)
            self._lives.append([])
        self._lives[-1].append((self._elapsed, memory))

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._begun

    def _may_strike(self, planned: Planned) -> bool:
        if self._elapsed < planned.at:
            return False
        lasting = {each.planned.recipe.process for each in self._injected if each.lasts}
        if lasting & {SIMULATOR, planned.recipe.process or SIMULATOR}:
            return False
        if self._wish.overlap or not self._injected:
            return True
        return self._judgement.settled(self._injected)

    def _over(self) -> bool:
        done = self._elapsed >= self._wish.seconds
        return done and self._judgement.settled(self._injected)

    def _progress(self, sample: Sample) -> str:
        simulated = self._elapsed * self._wish.speed / 3600
        last = f": {self._injected[-1].planned}" if self._injected else ""
        return (
            f"{simulated:5.2f} h  faults {len(self._injected)}/{len(self._plan)}  "
            f"streams {sample.live}/{sample.expected}{last}"
        )

    # -- end --------------------------------------------------------------------

    def finish(self) -> Report:
        """Let the product come to rest, compare everything, and tell."""
        seconds = self._elapsed
        interrupted = self._stopped.is_set()
        self._stopped.clear()
        self._rest()
        end_ms = self._exchange.now_ms()
        child.say("at rest; comparing with the exchange")
        self._wait_for_bars(end_ms)
        verdict = self._comparison.compare(end_ms, self._watcher.trades)
        self._plant.stop(FEED)
        run = Run(
            hours=self._wish.hours,
            simulated_hours=(end_ms - self._start.exchange) / 3_600_000,
            speed=self._wish.speed,
            seed=self._wish.seed,
            symbols=len(self._symbols),
            intervals=INTERVALS,
            watched=self._watched,
            seconds=round(seconds, 1),
            planned=len(self._plan),
            interrupted=interrupted,
            collapsed=tuple(self._plant.collapsed),
        )
        kills = [
            each.armed_ms for each in self._injected if each.planned.kind == "feed_kill"
        ]
        return Report(
            run,
            self._judgement.lines(self._injected),
            outcome.reconnects(self._watcher.events, kills),
            verdict,
            slope(self._lives),
            [thinned(life, SAY_SECONDS) for life in self._lives if life],
        )

    def _rest(self) -> None:
        """Wait until nothing lasts and every stream is live; bounded."""
        deadline = time.monotonic() + QUIET_SECONDS
        for injected in self._injected:
            injected.due_ms = min(injected.due_ms, time.time_ns() // 1_000_000)
        while time.monotonic() < deadline and not self._stopped.is_set():
            sample = self._look()
            pending = any(each.lasts for each in self._injected)
            if not pending and sample.whole(self._streams):
                break
            self._stopped.wait(LOOK_SECONDS)
        self._exchange.disarm_all()

    def _wait_for_bars(self, end_ms: int) -> None:
        """Give the last bars and gaps the time that the product's own rhythms need."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and not self._stopped.is_set():
            self._look()
            if self._comparison.all_there(end_ms):
                return
            self._stopped.wait(1.0)


def _followed() -> list[str]:
    return [row.symbol for row in selectors.instruments(venue=VENUE)]
