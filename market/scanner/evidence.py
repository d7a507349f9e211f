"""What a score was made of, so that it can be computed again at any later time."""

from hashlib import sha256
from typing import Any

import numpy as np

from market.scanner.history import COLUMNS, History


def evidence(history: History) -> dict[str, Any]:
    """Name the bars by their first open time, their number and a hash of their values."""
    digest = sha256(np.ascontiguousarray(history.times, np.int64).tobytes())
    for name in COLUMNS:
        values = getattr(history, name)
        digest.update(np.ascontiguousarray(values, np.float64).tobytes())
    return {
        "bars_from": int(history.times[0]),
        "bars": len(history.times),
        "bars_hash": digest.hexdigest(),
    }
