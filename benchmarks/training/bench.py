"""``bench training``: the engine against a plain Informer of the same shape."""

import statistics
from functools import partial
from typing import Any

from benchmarks import processes
from benchmarks.installation import installation
from core.benchmark import Row, Session, at_least, at_most

STEPS = {128: 14, 512: 10}


class TrainingBenchmark:
    """Train step and epoch (CPU time, one thread), the scale's story, data checks."""

    name = "training"
    default_rounds = 3

    def run(self, session: Session) -> list[Row]:
        """Measure; see ``core.benchmark.Benchmark``."""
        steps = {16: 3} if session.quick else STEPS
        bars, rows = (600, 100_000) if session.quick else (3_000, 500_000)
        wanted: dict[str, dict[str, Any]] = {
            f"step {width}": {"what": "step", "width": width, "rounds": rounds}
            for width, rounds in steps.items()
        }
        wanted["epoch"] = {
            "what": "epoch",
            "width": 16 if session.quick else 64,
            "bars": bars,
        }
        wanted["monitor"] = {"what": "monitor", "width": 64, "rounds": 5}
        wanted["loop"] = {"what": "loop", "width": 64, "rounds": 5}
        wanted["validation"] = {"what": "validation", "rows": rows, "columns": 30}
        with installation(migrate=False) as where:
            found = session.interleave(
                "training",
                {name: partial(_load, given, where) for name, given in wanted.items()},
            )
        middle = {
            name: {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            for name, runs in found.items()
        }
        return [
            *(_step(width, middle[f"step {width}"]) for width in steps),
            _epoch(middle["epoch"], bars),
            *_monitor(middle["monitor"]),
            _loop(middle["loop"]),
            *_validation(middle["validation"], rows),
        ]


def _load(given: dict[str, Any], where: Any) -> Any:
    return processes.measured(
        "benchmarks.training.load",
        given,
        environment={**where.environment, "OMP_NUM_THREADS": "1"},
        log=where.log,
    )


def _step(width: int, found: dict[str, float]) -> Row:
    large = width > 256
    return Row(
        f"train step 96/48/24, batch 32, d_model {width}: plain / ours",
        found["ratio"],
        "×",
        at_least(1.35 if large else 1.6),
        at_least(1.5 if large else 2.0),
        f"{found['ours'] * 1000:.0f} ms of CPU; plain {found['plain'] * 1000:.0f} ms",
    )


def _epoch(found: dict[str, float], bars: int) -> Row:
    return Row(
        f"epoch with validation and test, {bars} bars, d_model 64: plain / ours",
        found["plain"] / found["ours"],
        "×",
        at_least(2.0),
        at_least(2.5),
        f"{found['ours']:.1f} s of CPU; plain {found['plain']:.1f} s",
    )


def _monitor(found: dict[str, float]) -> list[Row]:
    share = found["own"] / found["step"] * 100
    return [
        Row(
            "story of the scale: own calls per step of d_model 64",
            share,
            "%",
            at_most(0.5),
            detail=f"{found['own'] * 1e6:.0f} µs of {found['step'] * 1000:.0f} ms",
        ),
        Row("copies to the host per fp16 step", found["syncs"], "", at_most(0)),
    ]


def _loop(found: dict[str, float]) -> Row:
    return Row(
        "loop: its own calls (rate, sums, flag) per step of d_model 64",
        found["own"] / found["step"] * 100,
        "%",
        at_most(0.5),
        detail=f"{found['own'] * 1e6:.0f} µs of {found['step'] * 1000:.0f} ms",
    )


def _validation(found: dict[str, float], rows: int) -> list[Row]:
    return [
        Row(
            f"one fault of any kind found among {rows:,} × 30, the slowest kind",
            found["bad"],
            "s",
            at_most(0.5),
            detail=f"a good series {found['good']:.3f} s",
        ),
        Row(
            "the same in passes of isfinite over the series",
            found["worst"],
            "×",
            at_most(4.0),
        ),
    ]
