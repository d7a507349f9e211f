"""``bench``: measure the product against references in the same run."""

import importlib
import json
import signal
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core.benchmark import Benchmark, MeasurementError, Session, as_document, table

BENCHMARKS = {
    "ingest": "benchmarks.ingest.bench.IngestBenchmark",
    "fanout": "benchmarks.fanout.bench.FanoutBenchmark",
    "store": "benchmarks.store.bench.StoreBenchmark",
    "preload": "benchmarks.preload.bench.PreloadBenchmark",
    "indicators": "benchmarks.indicators.bench.IndicatorsBenchmark",
    "scan": "benchmarks.scan.bench.ScanBenchmark",
    "orders": "benchmarks.orders.bench.OrdersBenchmark",
    "training": "benchmarks.training.bench.TrainingBenchmark",
    "start": "benchmarks.start.bench.StartBenchmark",
}


class Command(BaseCommand):
    help = f"Measure: {', '.join(BENCHMARKS)}. Exit status 1: a must was missed."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", choices=list(BENCHMARKS))
        parser.add_argument("--rounds", type=int, help="repetitions of every variant")
        parser.add_argument("--quick", action="store_true", help="tiny sizes: it runs")
        parser.add_argument(
            "--json", dest="file", type=Path, metavar="FILE", help="write all here"
        )

    def handle(
        self,
        *,
        name: str,
        rounds: int | None,
        quick: bool,
        file: Path | None,
        **options: Any,
    ) -> None:
        if rounds is not None and rounds < 1:
            raise CommandError(f"--rounds {rounds}: must be at least 1")
        benchmark = _load(name)
        session = Session(
            rounds=rounds or (1 if quick else benchmark.default_rounds),
            quick=quick,
            say=self._say,
        )
        if threading.current_thread() is threading.main_thread():
            # A told-off bench cleans up as an interrupted one does.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            rows = benchmark.run(session)
        except MeasurementError as error:
            raise CommandError(str(error)) from error
        for line in table(rows):
            self.stdout.write(line)
        slow, fast = max(session.calibration_ms), min(session.calibration_ms)
        self.stdout.write(
            f"rounds: {session.rounds}; the machine's speed varied ×{slow / fast:.2f} "
            f"(calibration loop {fast:.1f} to {slow:.1f} ms)"
        )
        if file is not None:
            _write(file, name, session, as_document(rows))
        if quick:
            self.stdout.write("quick run: sizes too small for judging")
        elif missed := [row.name for row in rows if row.missed]:
            raise CommandError("missed: " + "; ".join(missed))

    def _say(self, line: str) -> None:
        self.stderr.write(line)


def _load(name: str) -> Benchmark:
    module, _, kind = BENCHMARKS[name].rpartition(".")
    return cast(Benchmark, getattr(importlib.import_module(module), kind)())


def _write(path: Path, name: str, session: Session, rows: list[dict[str, Any]]) -> None:
    document = {
        "benchmark": name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rounds": session.rounds,
        "quick": session.quick,
        "calibration_ms": session.calibration_ms,
        "rows": rows,
        "raw": session.raw,
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
