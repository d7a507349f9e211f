"""``soak``: a private installation around one run, which goes on in a child of its own."""

import signal
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.installation import installation
from benchmarks.processes import Process, module, running
from benchmarks.soak.scale import settings
from benchmarks.soak.schedule import Wish


def soak(wanted: Mapping[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Run it and return its report; progress goes to ``say`` line by line.

    The first interruption ends the run early, with the report so far. When something
    was lost, the installation is kept and named. Raises ``ValueError`` for wishes
    that make no sense and ``MeasurementError`` when it cannot run.
    """
    schedule = ("hours", "speed", "seed", "faults", "overlap")
    Wish(**{name: wanted[name] for name in schedule})
    chosen = settings(wanted["speed"], wanted["symbols"], wanted["seed"])
    with installation(migrate=True, **chosen) as where:
        process = module(
            "benchmarks.soak.inside",
            {**wanted, "folder": str(where.folder)},
            environment=where.environment,
            log=where.log,
            core=None,
        )
        with running(process):
            found = _heard(process, say)
        where.keep = bool(found["lost"])
        found["kept"] = str(where.folder) if where.keep else ""
        return found


def _heard(process: Process, say: Callable[[str], None]) -> dict[str, Any]:
    try:
        return dict(process.hear(say))
    except KeyboardInterrupt:
        say("ending early; once more ends without a report")
        if process.alive:
            process.status.send_signal(signal.SIGINT)
        return dict(process.hear(say))
