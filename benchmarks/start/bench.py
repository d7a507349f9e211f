"""``bench start``: a real ``./quantai up``, from Enter to 280 live streams to the end."""

import statistics
import time
from typing import Any

from benchmarks.installation import Installation, installation
from benchmarks.running import KLINE_STREAMS, full_load, make_token, running_product
from core.benchmark import Row, Session, at_most

# Long enough for the start's own work to be over, history included.
SETTLE_SECONDS = 8.0
OURS = ("web", "feed", "simulator", "redis", "supervisord", "up")
BOUNDED = ("web", "feed")
MB = 1e6


class StartBenchmark:
    """Warm start, memory and frame rate at the default load, and the stop."""

    name = "start"
    default_rounds = 5

    def run(self, session: Session) -> list[Row]:
        """Measure; see ``core.benchmark.Benchmark``."""
        with installation() as where:
            token = make_token(where)
            session.say("start: first start, not counted")
            settle = 1.0 if session.quick else SETTLE_SECONDS
            _once(where, token, settle=settle)
            found = session.interleave(
                "start", {"up": lambda: _once(where, token, settle=settle)}
            )["up"]
        return _rows(found)


def _once(where: Installation, token: str, *, settle: float) -> dict[str, Any]:
    """Start, wait for everything, look around, stop."""
    with running_product(where, token) as product:
        found: dict[str, Any] = {"page": time.perf_counter() - product.begun}
        full_load(product)
        found["live"] = time.perf_counter() - product.begun
        time.sleep(settle)
        report = product.get("market/connections")
        found["frames_per_second"] = report["feed"]["frames_per_second"]
        found["lag_ms"] = report["feed"]["lag_ms"]
        found["rss_mb"] = {
            name: process.memory_info().rss / MB
            for name, process in product.processes().items()
        }
        before = time.perf_counter()
        product.interrupt()
        found["stop"] = time.perf_counter() - before
        return found


def _rows(found: list[dict[str, Any]]) -> list[Row]:
    def median(key: str) -> float:
        return statistics.median(float(run[key]) for run in found)

    def spread(key: str) -> str:
        values = [run[key] for run in found]
        return f"{min(values):.1f} to {max(values):.1f} s"

    rows = [
        Row(
            "warm start: page served",
            median("page"),
            "s",
            at_most(10),
            at_most(5),
            spread("page"),
        ),
        Row(
            f"warm start: {KLINE_STREAMS} kline streams live, 0 silent",
            median("live"),
            "s",
            at_most(15),
            at_most(8),
            spread("live"),
        ),
        Row("Ctrl-C: every process gone", median("stop"), "s", detail=spread("stop")),
        Row(
            "frames at default load",
            median("frames_per_second"),
            "1/s",
            detail=f"tick late by {median('lag_ms'):.1f} ms",
        ),
    ]
    return rows + _memory(found)


def _memory(found: list[dict[str, Any]]) -> list[Row]:
    names = [name for name in OURS if all(name in run["rss_mb"] for run in found)]
    return [
        Row(
            f"memory at default load: {name}",
            statistics.median(run["rss_mb"][name] for run in found),
            "MB",
            at_most(200) if name in BOUNDED else None,
            at_most(120) if name in BOUNDED else None,
        )
        for name in names
    ]
