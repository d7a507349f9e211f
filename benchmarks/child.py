"""``python -m benchmarks.child MODULE JSON``: call ``MODULE.main(**JSON)``.

``main`` may ``tell`` results on the way; what it returns is told at the end.
"""

import importlib
import json
import sys
from typing import Any

from benchmarks.processes import RESULT


def tell(result: Any) -> None:
    """Hand a result to the bench."""
    sys.stdout.write(f"{RESULT}{json.dumps(result)}\n")
    sys.stdout.flush()


def hear() -> str:
    """Wait for a line of the bench; empty when the bench is gone."""
    return sys.stdin.readline().strip()


if __name__ == "__main__":
    found = importlib.import_module(sys.argv[1]).main(**json.loads(sys.argv[2]))
    if found is not None:
        tell(found)
