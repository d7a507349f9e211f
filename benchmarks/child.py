"""``python -m benchmarks.child MODULE JSON``: call ``MODULE.main(**JSON)``.

``main`` may ``tell`` results on the way; what it returns is told at the end.
"""

import importlib
import json
import os
import sys
from typing import Any, TextIO

from benchmarks.processes import RESULT

_results: TextIO = sys.stdout


def tell(result: Any) -> None:
    """Hand a result to the bench."""
    _results.write(f"{RESULT}{json.dumps(result)}\n")
    _results.flush()


def say(line: str) -> None:
    """Hand a line for people to the bench."""
    _results.write(f"{line}\n")
    _results.flush()


def hear() -> str:
    """Wait for a line of the bench; empty when the bench is gone."""
    return sys.stdin.readline().strip()


def keep_results_apart() -> None:
    """Send what is printed and logged to standard error.

    Nobody reads the pipe of results all the time: a chatty logger would fill it and
    then wait for ever.
    """
    global _results
    _results = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())


def run(module: str, arguments: str) -> None:
    """Call the module's ``main`` and tell what it returns."""
    keep_results_apart()
    found = importlib.import_module(module).main(**json.loads(arguments))
    if found is not None:
        tell(found)


if __name__ == "__main__":
    # Measured modules import this one by its real name.
    importlib.import_module("benchmarks.child").run(*sys.argv[1:3])
