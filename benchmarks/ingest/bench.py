"""``bench ingest``: from the exchange's bytes to the newest state of the market."""

import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any

from benchmarks import processes
from benchmarks.ingest import frames
from benchmarks.installation import Installation, installation
from benchmarks.processes import MEASURED_CORE, Process, running, until
from core.benchmark import Row, Session, at_least, at_most, median_ratio
from market.binance.plan import default_streams, shard
from market.binance.streams import agg_trade_stream, partial_depth_stream
from market.services import interest_key

STREAMS = 280
SYMBOLS = 140
WATCHED = 12
FOLLOWED = 3 * SYMBOLS + 2
RATE = 4_000
PER_CONNECTION = 140
START_SECONDS = 60.0
OPENED_SECONDS = 1.0
FAR_FUTURE = 4e12


class IngestBenchmark:
    """Firehose rate per CPU second, CPU of a paced feed, memory of the feed."""

    name = "ingest"
    default_rounds = 3

    def run(self, session: Session) -> list[Row]:
        """Measure; see ``core.benchmark.Benchmark``."""
        with installation() as where:
            return [*self._firehose(session, where), *self._paced(session, where)]

    def _firehose(self, session: Session, where: Installation) -> list[Row]:
        seconds = 0.3 if session.quick else 2.5
        variants = {
            "reference": partial(_pour, where, seconds, who="reference"),
            "picows": partial(_pour, where, seconds, who="product", transport="picows"),
            "websockets": partial(
                _pour, where, seconds, who="product", transport="websockets"
            ),
        }
        found = session.interleave("firehose", variants)
        rates = {
            name: [run["frames"] / run["cpu_seconds"] for run in runs]
            for name, runs in found.items()
        }
        reference = rates.pop("reference")
        return [
            Row(
                f"firehose, {name}: frames per CPU second",
                median_ratio(values, reference),
                "×",
                must=at_least(1.5) if name == "picows" else None,
                target=at_least(3.5) if name == "picows" else None,
                detail=(
                    f"{statistics.median(values):,.0f}/s; websockets + orjson "
                    f"{statistics.median(reference):,.0f}/s"
                ),
            )
            for name, values in rates.items()
        ]

    def _paced(self, session: Session, where: Installation) -> list[Row]:
        seconds = 1.0 if session.quick else 6.0
        variants = {
            "reference": partial(_pace, where, seconds, _start_reference),
            "picows": partial(_pace, where, seconds, partial(_start_feed, "picows")),
            "websockets": partial(
                _pace, where, seconds, partial(_start_feed, "websockets")
            ),
        }
        found = session.interleave("paced", variants)
        reference = [run["cpu_us"] for run in found["reference"]]
        rows = []
        for name in ("picows", "websockets"):
            values = [run["cpu_us"] for run in found[name]]
            rows.append(
                Row(
                    f"paced 4,000/s over TLS, {name}: CPU per frame",
                    median_ratio(values, reference),
                    "×",
                    must=at_most(1.3) if name == "picows" else None,
                    target=at_most(0.6) if name == "picows" else None,
                    detail=(
                        f"{statistics.median(values):.1f} µs; websockets + msgspec "
                        f"{statistics.median(reference):.1f} µs"
                    ),
                )
            )
        memory = statistics.median(run["rss_mb"] for run in found["picows"])
        rows.append(
            Row("feed, resident memory", memory, "MB", at_most(200), at_most(120))
        )
        return rows


def _pour(where: Installation, seconds: float, **arguments: Any) -> dict[str, Any]:
    """One firehose run."""
    with running(_exchange(where, streams=STREAMS)) as exchange:
        port = exchange.hear()["port"]
        found: dict[str, Any] = processes.measured(
            "benchmarks.ingest.firehose",
            {"port": port, "streams": STREAMS, "seconds": seconds, **arguments},
            environment=where.environment,
            log=where.log,
        )
        return found


def _exchange(where: Installation, **arguments: Any) -> Process:
    return processes.module(
        "benchmarks.ingest.exchange",
        arguments,
        environment=where.environment,
        log=where.log,
    )


Starter = Callable[[Installation, ExitStack, Process], Process]


def _pace(where: Installation, seconds: float, start: Starter) -> dict[str, Any]:
    """One paced run: CPU of the client process per frame that was sent to it."""
    tls = str(where.folder / "tls")
    with ExitStack() as stack:
        arguments = {"streams": FOLLOWED, "rate": RATE, "symbols": SYMBOLS, "tls": tls}
        exchange = stack.enter_context(running(_exchange(where, **arguments)))
        client = start(where, stack, exchange)

        until(
            lambda: _report(exchange, client)["streams"] >= FOLLOWED + 2 * WATCHED,
            seconds=START_SECONDS,
            what="all streams subscribed",
        )
        time.sleep(min(2.0, seconds))
        frames_before, cpu_before = (
            _report(exchange, client)["sent"],
            client.cpu_seconds(),
        )
        time.sleep(seconds)
        frames_after, cpu_after = (
            _report(exchange, client)["sent"],
            client.cpu_seconds(),
        )
        count = frames_after - frames_before
        return {
            "frames": count,
            "frames_per_second": count / seconds,
            "cpu_us": (cpu_after - cpu_before) / count * 1e6,
            "rss_mb": client.rss_mb(),
        }


def _report(exchange: Process, client: Process) -> dict[str, int]:
    if not client.alive:
        raise client.failure("the client ended")
    exchange.tell("report")
    found: dict[str, int] = exchange.hear()
    return found


def _start_feed(
    transport: str, where: Installation, stack: ExitStack, exchange: Process
) -> Process:
    """The whole feed process with its Redis; somebody looks at some symbols."""
    bus = stack.enter_context(where.redis())
    address = exchange.hear()
    feed = where.process(
        "run_feed",
        measured=True,
        WS_TRANSPORT=transport,
        WS_STREAMS_PER_CONNECTION=str(PER_CONNECTION),
        MARKET_HISTORY_BARS="0",
        MARKET_SIMULATOR_URL=f"https://127.0.0.1:{address['port']}",
        MARKET_SIMULATOR_CA=address["ca"],
    )
    stack.enter_context(running(feed))
    # As when a page is opened: the sockets are there already.
    until(
        lambda: _report(exchange, feed)["streams"] >= FOLLOWED,
        seconds=START_SECONDS,
        what="the feed's own streams subscribed",
    )
    time.sleep(OPENED_SECONDS)
    watched = dict.fromkeys(frames.symbols(WATCHED), FAR_FUTURE)
    bus.zadd(interest_key("simulator"), watched)
    return feed


def _start_reference(
    where: Installation, stack: ExitStack, exchange: Process
) -> Process:
    names = [
        *default_streams(frames.symbols(SYMBOLS), ("15m", "1h")),
        *(
            name
            for symbol in frames.symbols(WATCHED)
            for name in (
                partial_depth_stream(symbol, levels=20, speed="500ms"),
                agg_trade_stream(symbol),
            )
        ),
    ]
    plan = [(route.value, part) for route, part in shard(names, PER_CONNECTION)]
    address = exchange.hear()
    reference = processes.module(
        "benchmarks.ingest.paced",
        {"port": address["port"], "ca": address["ca"], "plan": plan},
        environment=where.environment,
        log=where.log,
        core=MEASURED_CORE,
    )
    return stack.enter_context(running(reference))
