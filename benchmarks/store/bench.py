"""``bench store``: closed candles with upsert, against Django's ``bulk_create``."""

import statistics
from functools import partial
from typing import Any

from django.conf import settings

from benchmarks import processes
from benchmarks.installation import installation
from core.benchmark import Bound, Row, Session, at_most, median_ratio
from tests.postgres import cluster, programs

SERIES, BARS = 280, 300
BOUNDS = {
    "SQLite": (at_most(0.15), at_most(0.1)),
    "PostgreSQL": (at_most(0.45), at_most(0.3)),
}


class StoreBenchmark:
    """Seconds for 84,000 candles, on SQLite and on PostgreSQL."""

    name = "store"
    default_rounds = 3

    def run(self, session: Session) -> list[Row]:
        """Measure; see ``core.benchmark.Benchmark``."""
        rows = _measure(session, "SQLite", "")
        folder = programs()
        if folder is not None:
            with cluster(folder) as url:
                return rows + _measure(session, "PostgreSQL", url)
        url = settings.QUANTAI.site.database_url
        if url.startswith("postgres"):
            return rows + _measure(session, "PostgreSQL", url)
        absent = "no PostgreSQL on this machine and no DATABASE_URL"
        return [*rows, Row("PostgreSQL", None, detail=absent)]


def _measure(session: Session, title: str, url: str) -> list[Row]:
    bars = 3 if session.quick else BARS
    variants = {
        who: partial(_load, who, bars, url) for who in ("bulk_create", "product")
    }
    found = session.interleave(title, variants)
    return [
        _row(title, what, key, found, SERIES * bars, *BOUNDS[title])
        for what, key in (("into an empty table", "empty"), ("all exist", "full"))
    ]


def _row(
    title: str,
    what: str,
    key: str,
    found: dict[str, list[dict[str, Any]]],
    count: int,
    must: Bound,
    target: Bound,
) -> Row:
    ours = [run[key] for run in found["product"]]
    theirs = [run[key] for run in found["bulk_create"]]
    seconds = statistics.median(ours)
    return Row(
        f"{title}, {count:,} candles, {what}: time",
        median_ratio(ours, theirs),
        "×",
        must,
        target,
        f"{seconds:.2f} s = {count / seconds:,.0f} rows/s; bulk_create "
        f"{statistics.median(theirs):.2f} s",
    )


def _load(who: str, bars: int, url: str) -> dict[str, Any]:
    """One load on a fresh database of its own."""
    if not url:
        with installation() as where:
            return _in_process(who, bars, where.environment, where.log, own=False)
    with installation(migrate=False, DATABASE_URL=url) as where:
        return _in_process(who, bars, where.environment, where.log, own=True)


def _in_process(
    who: str, bars: int, environment: dict[str, str], log: Any, *, own: bool
) -> dict[str, Any]:
    found: dict[str, Any] = processes.measured(
        "benchmarks.store.load",
        {"who": who, "series": SERIES, "bars": bars, "own_database": own},
        environment=environment,
        log=log,
    )
    return found
