"""``crash_test``: a private installation around a trader that is killed again and again."""

from collections.abc import Callable
from typing import Any

from benchmarks.installation import free_ports, installation
from benchmarks.processes import module, running
from core.benchmark import MeasurementError


def crash_test(*, points: int, seed: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Run it and return its report; raises ``MeasurementError`` when it cannot run.

    When something was lost or doubled, the installation is kept and named.
    """
    port, plain = free_ports(2)
    chosen = {
        "MARKET_SIMULATOR_URL": f"https://127.0.0.1:{port}",
        "SIMULATOR_PLAIN_PORT": str(plain),
        "SIMULATOR_SYMBOLS": "3",
        # A trader that starts every few seconds asks more than one that stays.
        "SIMULATOR_WEIGHT_LIMIT": "1000000",
        "SIMULATOR_DIAL_LIMIT": "100000",
        "WS_DIALS_PER_WINDOW": "300",
        "WS_RECONNECT_INITIAL_DELAY": "0.2",
    }
    with installation(migrate=True, **chosen) as where:
        authority = where.var / "simulator" / "tls" / "ca.pem"
        where.environment["MARKET_SIMULATOR_CA"] = str(authority)
        process = module(
            "benchmarks.crashes.inside",
            {"points": points, "seed": seed, "folder": str(where.folder)},
            environment=where.environment,
            log=where.log,
            core=None,
        )
        try:
            with running(process):
                found: dict[str, Any] = process.hear(say)
        except MeasurementError as error:
            where.keep = True
            raise MeasurementError(f"{error}\nkept in {where.folder}") from error
        where.keep = bool(found["problems"])
        found["kept"] = str(where.folder) if where.keep else ""
        return found
