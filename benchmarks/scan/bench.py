"""``bench scan``: all symbols of two intervals judged from live state."""

import statistics
from functools import partial
from typing import Any

from benchmarks import processes
from benchmarks.installation import installation
from core.benchmark import Row, Session, at_most

SYMBOLS, BARS, REPEATS = 140, 500, 5


class ScanBenchmark:
    """Milliseconds of a scan of both intervals, between closes and at one."""

    name = "scan"
    default_rounds = 3

    def run(self, session: Session) -> list[Row]:
        """Measure; see ``core.benchmark.Benchmark``."""
        symbols = 10 if session.quick else SYMBOLS
        found = session.interleave("scan", {"scan": partial(_load, symbols)})["scan"]
        middle = {
            name: statistics.median(run[name] for run in found) for name in found[0]
        }
        size = f"{symbols} symbols × 2 intervals × {BARS} bars"
        return [
            Row(
                f"{size}, from live state",
                middle["live"],
                "ms",
                at_most(100.0),
                detail=f"with claiming, storing and telling {middle['whole']:.0f} ms",
            ),
            Row(
                f"{size}, every bar new",
                middle["close"],
                "ms",
                detail="as at a full hour: all indicators and structure computed anew",
            ),
        ]


def _load(symbols: int) -> Any:
    with installation() as where, where.redis():
        return processes.measured(
            "benchmarks.scan.load",
            {"symbols": symbols, "bars": BARS, "repeats": REPEATS},
            environment=where.environment | {"REDIS_URL": where.redis_url},
            log=where.log,
        )
