"""``bench fanout``: one message to a thousand browsers, one frame to twenty."""

import statistics
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from functools import partial
from typing import Any

from benchmarks import processes
from benchmarks.fanout.publisher import TOPIC
from benchmarks.installation import Installation, installation
from benchmarks.processes import Process, running, until
from benchmarks.running import full_load, running_product
from core.benchmark import Bound, Row, Session, at_most, median_ratio
from quantai_site.supervision import ports

BROWSERS, FEW_BROWSERS = 1_000, 20
RATE = 10.0
START_SECONDS = 60.0
# (must, target) of the CPU ratio and of the 99th percentile of latency in ms.
BOUNDS: dict[str, tuple[Bound | None, Bound | None, Bound | None, Bound | None]] = {
    "daphne": (at_most(6), None, at_most(400), None),
    "uvicorn": (None, at_most(2), None, at_most(60)),
}


class FanoutBenchmark:
    """CPU, latency and memory of the live socket; and the whole way, at default load."""

    name = "fanout"
    default_rounds = 3

    def run(self, session: Session) -> list[Row]:
        """Measure; see ``core.benchmark.Benchmark``."""
        rows = self._many(session)
        return [*rows, *self._whole_way(session)]

    def _many(self, session: Session) -> list[Row]:
        count = 40 if session.quick else BROWSERS
        seconds = 1.0 if session.quick else 6.0
        with installation() as where, where.redis():
            cookies = processes.measured(
                "benchmarks.fanout.sessions",
                {"count": count},
                environment=where.environment,
                log=where.log,
            )
            variants = {
                "reference": partial(_broadcast, where, seconds, [""] * count),
                "daphne": partial(_serve, where, seconds, cookies, "daphne"),
                "uvicorn": partial(_serve, where, seconds, cookies, "uvicorn"),
            }
            found = session.interleave(f"{count} browsers", variants)
        reference = [run["cpu_per_1000"] for run in found["reference"]]
        rows = []
        for name in ("daphne", "uvicorn"):
            rows += _rows(f"{count} browsers, {name}", name, found[name], reference)
        return rows

    def _whole_way(self, session: Session) -> list[Row]:
        """From the exchange's event to the browser, everything running for real."""
        seconds = 2.0 if session.quick else 12.0
        with installation() as where:
            found, scanned = _follow(where, seconds)
        session.raw["exchange to browser"] = found
        session.raw["exchange to browser, scanning"] = scanned
        detail = (
            f"{found['latencies']:,} items to {FEW_BROWSERS} browsers, "
            f"{found['frames_per_second']:,.0f} frames/s in"
        )
        return [
            Row(
                "exchange to browser, p50",
                found["p50_ms"],
                "ms",
                at_most(150),
                at_most(80),
                detail,
            ),
            Row("exchange to browser, p99", found["p99_ms"], "ms", at_most(400)),
            Row(
                "the same while all symbols are scanned every second: p50",
                scanned["p50_ms"] / found["p50_ms"],
                "×",
                at_most(1.2),
                detail=f"{scanned['p50_ms']:.0f} ms; p99 {scanned['p99_ms']:.0f} ms",
            ),
        ]


def _rows(
    title: str, server: str, runs: list[dict[str, Any]], reference: list[float]
) -> list[Row]:
    def median(key: str) -> float:
        return statistics.median(float(run[key]) for run in runs)

    must, target, slow_must, slow_target = BOUNDS[server]
    values = [run["cpu_per_1000"] for run in runs]
    return [
        Row(
            f"{title}: CPU per delivery",
            median_ratio(values, reference),
            "×",
            must,
            target,
            f"{statistics.median(values):.4f} s per 1000; websockets.broadcast "
            f"{statistics.median(reference):.4f}; {median('per_second'):,.0f}/s",
        ),
        Row(
            f"{title}: latency p99",
            median("p99_ms"),
            "ms",
            slow_must,
            slow_target,
            f"p50 {median('p50_ms'):.0f} ms",
        ),
        Row(
            f"{title}: memory of a browser",
            median("kb_per_client"),
            "kB",
            detail=f"server {median('rss_mb'):.0f} MB; "
            f"all logged in after {median('open_seconds'):.1f} s",
        ),
    ]


def _serve(
    where: Installation, seconds: float, cookies: list[str], server: str
) -> dict[str, Any]:
    """The product's web process with its real login."""
    port = ports.choose("127.0.0.1", 0)
    flags = ("--host=127.0.0.1", f"--port={port}", f"--web={server}")
    with running(where.process("run_web", *flags, measured=True)) as web:
        until(
            lambda: _answers(web, port), seconds=START_SECONDS, what=f"{server} answers"
        )
        return _deliver(where, web, port, cookies, [[TOPIC]], seconds)


def _broadcast(
    where: Installation, seconds: float, cookies: list[str]
) -> dict[str, Any]:
    server = processes.module(
        "benchmarks.fanout.reference",
        {},
        environment=where.environment,
        log=where.log,
        core=processes.MEASURED_CORE,
    )
    with running(server):
        return _deliver(where, server, server.hear()["port"], cookies, [], seconds)


def _deliver(
    where: Installation,
    server: Process,
    port: int,
    cookies: list[str],
    topics: list[list[str]],
    seconds: float,
) -> dict[str, Any]:
    """Open the browsers, publish, and count what arrives and what it costs."""
    with ExitStack() as stack:
        before = server.rss_mb()
        browsers = stack.enter_context(
            running(open_browsers(where, port, cookies, topics))
        )
        opened = browsers.hear()
        publisher = processes.module(
            "benchmarks.fanout.publisher",
            {"rate": RATE},
            environment=where.environment,
            log=where.log,
        )
        stack.enter_context(running(publisher)).hear()
        time.sleep(min(1.5, seconds))
        browsers.tell("begin")
        browsers.hear()
        cpu = server.cpu_seconds()
        time.sleep(seconds)
        browsers.tell("report")
        found: dict[str, Any] = browsers.hear()
        cpu = server.cpu_seconds() - cpu
        if found["open"] < len(cookies):
            raise server.failure(f"{found['open']} of {len(cookies)} browsers left")
        return {
            **found,
            "per_second": found["delivered"] / found["seconds"],
            "cpu_per_1000": cpu / found["delivered"] * 1000,
            "rss_mb": server.rss_mb(),
            "kb_per_client": (server.rss_mb() - before) / len(cookies) * 1000,
            "open_seconds": opened["seconds"],
        }


def open_browsers(
    where: Installation,
    port: int,
    cookies: list[str],
    topics: list[list[str]],
    *,
    every_item: bool = False,
) -> Process:
    """Start the browsers' process; its first result says that all are open."""
    return processes.module(
        "benchmarks.fanout.browsers",
        {"port": port, "cookies": cookies, "topics": topics, "every_item": every_item},
        environment=where.environment,
        log=where.log,
    )


def _answers(web: Process, port: int) -> bool:
    if not web.alive:
        raise web.failure("the web server ended")
    try:
        url = f"http://127.0.0.1:{port}/healthz"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _follow(
    where: Installation, seconds: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Latency of every quote that reaches twenty browsers of a real ``up``.

    Twice on the same browsers: as they are, and while somebody scans every second.
    """
    cookies = processes.measured(
        "benchmarks.fanout.sessions",
        {"count": FEW_BROWSERS},
        environment=where.environment,
        log=where.log,
    )
    with running_product(where) as product:
        full_load(product)
        names = [row["symbol"] for row in product.get("market/symbols")["symbols"][:5]]
        topics = [[TOPIC, f"symbol:{name}"] for name in names]
        with running(
            open_browsers(where, product.port, cookies, topics, every_item=True)
        ) as browsers:
            browsers.hear()
            time.sleep(min(4.0, seconds))
            found = _heard(browsers, seconds)
            with running(where.process("scan", "--interval=1")):
                time.sleep(min(4.0, seconds))
                scanned = _heard(browsers, seconds)
        feed = product.get("market/connections")["feed"]
        return {**found, "frames_per_second": feed["frames_per_second"]}, scanned


def _heard(browsers: Process, seconds: float) -> dict[str, Any]:
    """What the browsers heard within so many seconds."""
    browsers.tell("begin")
    browsers.hear()
    time.sleep(seconds)
    browsers.tell("report")
    found: dict[str, Any] = browsers.hear()
    return found
