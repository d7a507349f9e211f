"""What is known of the processes, and which lines that is worth. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass, field

# Seconds before another try after supervisor has given a process up.
RETRY_DELAYS = (5.0, 10.0, 20.0, 40.0, 60.0)
WORDS = {
    "STOPPED": "stopped",
    "STARTING": "starting",
    "RUNNING": "running",
    "BACKOFF": "waiting to start again",
    "STOPPING": "stopping",
    "EXITED": "exited",
    "FATAL": "cannot start",
    "UNKNOWN": "unknown",
}
# Within these seconds of a start that lasts, failures before it are forgotten.
HEALTHY_SECONDS = 60.0


@dataclass(frozen=True)
class Observation:
    """One process as supervisor reports it; pid 0 = none."""

    name: str
    state: str
    pid: int
    reason: str = ""


@dataclass
class _Entry:
    state: str = ""
    pid: int = 0
    starts: int = 0
    given_up: int = 0
    retry_at: float | None = None
    running_since: float | None = None


@dataclass
class ProcessTable:
    """Remembers each process between observations; times are monotonic seconds."""

    _entries: dict[str, _Entry] = field(default_factory=dict)

    def observe(self, found: Iterable[Observation], now: float) -> list[str]:
        """Take the newest observations; return one line for every change."""
        return [line for item in found if (line := self._observe(item, now))]

    def due(self, now: float) -> list[str]:
        """Names of given-up processes whose next try is due; each is told once."""
        names = []
        for name, entry in self._entries.items():
            if entry.retry_at is not None and now >= entry.retry_at:
                entry.retry_at = None
                names.append(name)
        return names

    def pids(self) -> dict[str, int]:
        """Pids of the processes that have one."""
        return {name: entry.pid for name, entry in self._entries.items() if entry.pid}

    def restarts(self, name: str) -> int:
        """How often the process was started again."""
        return max(self._entries[name].starts - 1, 0)

    def _observe(self, item: Observation, now: float) -> str | None:
        entry = self._entries.setdefault(item.name, _Entry(state="STOPPED"))
        new_process = bool(item.pid) and item.pid != entry.pid
        if new_process:
            entry.starts += 1
        changed = new_process or item.state != entry.state
        entry.pid = item.pid
        entry.state = item.state
        self._track_health(entry, now)
        if not changed:
            return None
        return self._line(item, entry, now)

    def _track_health(self, entry: _Entry, now: float) -> None:
        if entry.state != "RUNNING":
            entry.running_since = None
        elif entry.running_since is None:
            entry.running_since = now
        elif now - entry.running_since > HEALTHY_SECONDS:
            entry.given_up = 0

    def _line(self, item: Observation, entry: _Entry, now: float) -> str:
        facts = [f"pid {item.pid}"] if item.pid else []
        if entry.starts > 1:
            facts.append(f"restarts {entry.starts - 1}")
        if item.state == "FATAL":
            delay = RETRY_DELAYS[min(entry.given_up, len(RETRY_DELAYS) - 1)]
            entry.given_up += 1
            entry.retry_at = now + delay
            facts.append(f"next try in {delay:g} s")
        if item.state in ("FATAL", "BACKOFF", "EXITED") and item.reason:
            facts.append(item.reason)
        word = WORDS.get(item.state, item.state.lower())
        return f"{item.name:<10} {word}" + (f" ({', '.join(facts)})" if facts else "")
