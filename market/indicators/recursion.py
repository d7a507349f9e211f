"""Exponential averages of many series at once, bar after bar."""

import numpy as np

from market.indicators.types import Floats


def recur(inputs: Floats, before: Floats, decays: Floats) -> Floats:
    """Turn inputs (bars x rows x series) into averages, in place; return the last ones.

    average[t] = decay x average[t - 1] + input[t].
    """
    decay = np.ascontiguousarray(np.broadcast_to(decays, before.shape))
    faded = np.empty_like(before)
    for now in inputs:
        np.multiply(before, decay, out=faded)
        np.add(now, faded, out=now)
        before = now
    return before.copy()
