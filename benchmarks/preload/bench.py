"""``bench preload``: history of all series, against a bare fetch of the same plan."""

import statistics
from functools import partial
from typing import Any

from benchmarks import processes
from benchmarks.installation import Installation, installation
from core.benchmark import Row, Session, at_most, median_ratio
from market.binance.weights import RESERVE, WEIGHT_PER_MINUTE

SYMBOLS, BARS = 140, 300
LATENCY_SECONDS = 0.05
CONCURRENCY = 20
SERIES_OF_A_SYMBOL = 2


class PreloadBenchmark:
    """Seconds for 280 × 300 bars at 50 ms latency, stored, and the weight used."""

    name = "preload"
    default_rounds = 5

    def run(self, session: Session) -> list[Row]:
        """Measure; see ``core.benchmark.Benchmark``."""
        symbols = 10 if session.quick else SYMBOLS
        variants = {who: partial(_load, who, symbols) for who in ("aiohttp", "product")}
        found = session.interleave("preload", variants)
        ours = [run["seconds"] for run in found["product"]]
        theirs = [run["seconds"] for run in found["aiohttp"]]
        series = symbols * SERIES_OF_A_SYMBOL
        limit = series * LATENCY_SECONDS / CONCURRENCY
        weight = max(run["most_weight"] for run in found["product"])
        cpu = statistics.median(run["cpu"] for run in found["product"])
        return [
            Row(
                f"{series} series × {BARS} bars, fetched and stored: time",
                median_ratio(ours, theirs),
                "×",
                at_most(1.3),
                at_most(1.15),
                f"{statistics.median(ours):.2f} s ({cpu:.2f} s CPU); bare aiohttp, "
                f"nothing stored {statistics.median(theirs):.2f} s; latencies alone "
                f"{limit:.2f} s at {CONCURRENCY} at a time",
            ),
            Row(
                "request weight in one minute",
                weight,
                "",
                at_most(WEIGHT_PER_MINUTE * (1 - RESERVE)),
                detail=f"the exchange allows {WEIGHT_PER_MINUTE}",
            ),
        ]


def _load(who: str, symbols: int) -> dict[str, Any]:
    """One load on a fresh database and Redis."""
    with installation() as where, where.redis():
        settings = where.environment | {"REDIS_URL": where.redis_url}
        exchange = processes.module(
            "benchmarks.preload.exchange",
            {"latency": LATENCY_SECONDS, "bars": BARS},
            environment=settings,
            log=where.log,
        )
        with processes.running(exchange):
            port = exchange.hear()["port"]
            found = _measure(who, symbols, port, where, settings)
            exchange.tell("end")
            found["most_weight"] = exchange.hear()["most_weight"]
            return found


def _measure(
    who: str,
    symbols: int,
    port: int,
    where: Installation,
    settings: dict[str, str],
) -> dict[str, Any]:
    found: dict[str, Any] = processes.measured(
        "benchmarks.preload.load",
        {
            "who": who,
            "port": port,
            "symbols": symbols,
            "bars": BARS,
            "concurrency": CONCURRENCY,
        },
        environment=settings,
        log=where.log,
    )
    return found
