"""Series that tests train on."""

import numpy as np

from training.engine.config import WindowConfig
from training.engine.data import SeriesData, make_splits
from training.engine.windows import borders_by_share

HOUR = 3_600_000
START = 1_600_000_000_000 // HOUR * HOUR


def waves(bars=240, *, name="waves", seed=0, features=2, start=START, kind="level"):
    """A noisy wave and columns that help nothing."""
    random = np.random.default_rng(seed)
    wave = np.sin(np.arange(bars) / 6) + 0.1 * random.standard_normal(bars)
    others = random.standard_normal((bars, features - 1))
    return SeriesData(
        name=name,
        values=np.column_stack((wave, others)),
        times=start + HOUR * np.arange(bars, dtype=np.int64),
        columns=("wave", *(f"noise{at}" for at in range(features - 1))),
        target_kind=kind,
    )


def small_splits(*, window=None, device="cpu", **given):
    series = [waves(**given)]
    borders = borders_by_share(series, train=0.7, validation=0.15)
    return make_splits(series, window or WindowConfig(12, 6, 3), borders, device=device)
