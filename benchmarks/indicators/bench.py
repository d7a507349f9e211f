"""``bench indicators``: the engine against TA-Lib called for each series."""

import statistics
from functools import partial
from typing import Any

from benchmarks import processes
from benchmarks.installation import installation
from core.benchmark import Row, Session, at_most, median_ratio

SERIES, BARS = 280, 500
REFERENCES = ("reference", "calls alone")
REPEATS = {"talib": 15, "numpy": 15, "step": 300, "everything": 3}

Runs = list[dict[str, float]]


class IndicatorsBenchmark:
    """CPU time of a full recompute, and of one new bar on every series."""

    name = "indicators"
    default_rounds = 7

    def run(self, session: Session) -> list[Row]:
        """Measure; see ``core.benchmark.Benchmark``."""
        series = 10 if session.quick else SERIES
        with installation(migrate=False) as where:
            found = session.interleave(
                "indicators",
                {who: partial(_load, who, series, where) for who in REPEATS},
            )
        size = f"{series} series × {BARS} bars"
        return [
            _recompute(f"{size}, TA-Lib backend: time", found["talib"]),
            _recompute(f"{size}, NumPy backend: time", found["numpy"]),
            _new_bar(f"one new bar on {series} series", found["step"]),
            _everything(f"{size}, signals and structure too", found["everything"]),
        ]


def _load(who: str, series: int, where: Any) -> Any:
    return processes.measured(
        "benchmarks.indicators.load",
        {
            "who": who,
            "beside": REFERENCES if who in ("talib", "numpy") else (),
            "series": series,
            "bars": BARS,
            "repeats": REPEATS[who],
        },
        environment=where.environment,
        log=where.log,
    )


def _recompute(name: str, runs: Runs) -> Row:
    ms = {key: [run[key] for run in runs] for key in runs[0]}
    middle = {key: statistics.median(values) for key, values in ms.items()}
    alone = median_ratio(ms["own"], ms["calls alone"])
    return Row(
        name,
        median_ratio(ms["own"], ms["reference"]),
        "×",
        at_most(1.5),
        at_most(1.1),
        f"{middle['own']:.2f} ms; TA-Lib per series {middle['reference']:.2f} ms, "
        f"its results thrown away {middle['calls alone']:.2f} ms ({alone:.2f} ×)",
    )


def _new_bar(name: str, runs: Runs) -> Row:
    ms = statistics.median(run["own"] for run in runs)
    return Row(name, ms, "ms", at_most(1), at_most(0.4), "NumPy state step")


def _everything(name: str, runs: Runs) -> Row:
    ms = statistics.median(run["own"] for run in runs)
    return Row(name, ms, "ms", detail=f"{ms / SERIES:.2f} ms a series")
